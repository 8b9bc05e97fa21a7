package posix

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"testing"

	"syncfs/fusefs"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == fusefs.HelperArg {
		os.Exit(fusefs.HelperMain())
	}
	if path, set := os.LookupEnv(execEnv); set {
		os.Exit(execMain(path))
	}
	if os.Getenv(processEnv) != "" {
		os.Exit(processMain())
	}
	if dir := os.Getenv(daemonEnv); dir != "" {
		os.Exit(daemonMain(dir))
	}
	os.Exit(run(m))
}

// base is the directory that holds all of a run, and program a copy of this one in it. It is made before
// any process is started: one started while it is written would have it open.
var base, program string

func run(m *testing.M) (status int) {
	var err error
	if base, err = os.MkdirTemp(reachable(), "syncfs-posix-"); err == nil {
		program = filepath.Join(base, "program")
		err = errors.Join(os.Chmod(base, 0o755), copyProgram(program))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	status = m.Run()
	if err := raze(base); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return status
}

// A side is a directory and those who work in it.
type side map[string]*user // by role

// A stage is a mount, and a directory like it, on which the table is played.
type stage struct {
	name    string
	native  side
	mounted side
	extra   bool // there is a group that the owner is in besides its own
	n       int  // cases so far
	seen    map[*difference]bool
	apart   map[string]bool // see ground
}

// play runs all cases that can be run by a user on this stage.
func (s *stage) play(t *testing.T, cases []testcase, as string) {
	for _, c := range cases {
		if !slices.Contains(c.as, as) || !c.onlyBy(s.hand()...) || c.root && as != "root" || c.extra && !s.extra {
			continue
		}
		s.n++
		t.Run(fmt.Sprintf("%s %s by %s", c.name, c.param, as), func(t *testing.T) { s.run(t, &c, as) })
	}
}

func (s *stage) hand() []string {
	var roles []string
	for role := range s.mounted {
		roles = append(roles, role)
	}
	return roles
}

// run runs a case on both sides, and compares.
func (s *stage) run(t *testing.T, c *testcase, as string) {
	var both sync.WaitGroup
	var outcomes [2][]string
	var errs [2]error
	for i, side := range []side{s.native, s.mounted} {
		both.Go(func() { outcomes[i], errs[i] = side.run(c, as, fmt.Sprintf("case%d", s.n)) })
	}
	both.Wait()
	for i, err := range errs {
		if err != nil {
			t.Fatalf("on the %s side: %v", []string{"native", "mounted"}[i], err)
		}
	}
	for i, l := range c.lines {
		native, mounted := outcomes[0][i], outcomes[1][i]
		if !l.allows(native) {
			t.Errorf("%s: the native directory says %s", l.text, native)
		}
		if native == mounted {
			continue
		}
		if d := s.known(c, l, as); d != nil {
			s.seen[d] = true
			s.apart[fmt.Sprintf("case%d", s.n)] = true
			continue
		}
		t.Errorf("%s: native %s, mount %s", l.text, native, mounted)
	}
}

// run makes a directory for a case, and all calls in it.
func (sd side) run(c *testcase, as, dir string) ([]string, error) {
	hosts := []string{"under", "full", "root", "owner"}
	host := sd[hosts[slices.IndexFunc(hosts, func(r string) bool { return sd[r] != nil })]]
	prepare := [][]string{{"umask", "0"}, {"mkdir", dir, "0777"}}
	if host == sd["root"] {
		prepare = append(prepare, []string{"chown", dir, as, as})
	}
	setup, err := host.do(append([][]string{{"begin", "."}}, prepare...)...)
	if err != nil {
		return nil, err
	}
	for _, o := range setup {
		if o != "0" {
			return nil, fmt.Errorf("preparing %s: %v", dir, setup)
		}
	}
	begun := map[*user]bool{}
	var all []string
	for i := 0; i < len(c.lines); {
		u := sd.who(c.lines[i].who, as)
		var batch [][]string
		if !begun[u] {
			batch, begun[u] = append(batch, []string{"begin", dir}), true
		}
		skip := len(batch)
		for ; i < len(c.lines) && sd.who(c.lines[i].who, as) == u; i++ {
			batch = append(batch, c.lines[i].call)
		}
		outcomes, err := u.do(batch...)
		if err != nil {
			return nil, err
		}
		if skip > 0 && outcomes[0] != "0" {
			return nil, fmt.Errorf("beginning %s: %s", dir, outcomes[0])
		}
		all = append(all, outcomes[skip:]...)
	}
	return all, sd.end(begun)
}

// end has all who took part let go of what they hold.
func (sd side) end(users map[*user]bool) error {
	for u := range users {
		if _, err := u.do([]string{"begin", "."}); err != nil {
			return err
		}
	}
	return nil
}

// who is the process that makes the calls of a role.
func (sd side) who(role, as string) *user {
	if role == "" {
		role = as
	}
	return sd[role]
}

var failure = regexp.MustCompile(`^(E[A-Z0-9]+$|SIG|error|panic)`)

// allows says whether an outcome is one that the line may have natively.
func (l *line) allows(outcome string) bool {
	if l.want == nil || slices.Contains(l.want, "any") {
		return !failure.MatchString(outcome)
	}
	return slices.Contains(l.want, outcome)
}

func (s *stage) known(c *testcase, l line, as string) *difference {
	for i := range differences {
		d := &differences[i]
		if d.name == c.name && (d.call == "" || d.call == l.text) && (d.as == "" || d.as == as) && (d.stage == "" || d.stage == s.name) {
			return d
		}
	}
	return nil
}

// allSeen complains of differences that are not seen any more.
func (s *stage) allSeen(t *testing.T, as ...string) {
	for i := range differences {
		d := &differences[i]
		if (d.stage == "" || d.stage == s.name) && (d.as == "" || slices.Contains(as, d.as)) && !s.seen[d] {
			t.Errorf("%s: %s: no difference is seen any more: take it from the list", d.name, d.call)
		}
	}
}
