package posix

import (
	"embed"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

//go:embed cases/*.txt
var tables embed.FS

// A line is one system call, or a few.
type line struct {
	text string // as it stands in the table
	who  string // "": who runs the case
	call []string
	want []string // what the native result may be; nil: any success
}

// A testcase is one script with its parameters filled in.
type testcase struct {
	name  string // file and title
	param string // of this one
	as    []string
	root  bool // for root alone
	extra bool // names the group extra
	lines []line
}

// load reads the table.
func load(t *testing.T) []testcase {
	t.Helper()
	files, err := tables.ReadDir("cases")
	if err != nil {
		t.Fatal(err)
	}
	var all []testcase
	for _, f := range files {
		text, err := tables.ReadFile(path.Join("cases", f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		area := strings.TrimSuffix(f.Name(), ".txt")
		for _, script := range strings.Split("\n"+string(text), "\n== ")[1:] {
			cases, err := parse(area, script)
			if err != nil {
				head, _, _ := strings.Cut(script, "\n")
				t.Fatalf("cases/%s: %s: %v", f.Name(), head, err)
			}
			all = append(all, cases...)
		}
	}
	return all
}

// parse reads one script, whose first line is its header.
func parse(area, script string) ([]testcase, error) {
	header, body, _ := strings.Cut(script, "\n")
	title, options, _ := strings.Cut(header, "|")
	c := testcase{name: area + "/" + strings.TrimSpace(title), as: []string{"root", "owner"}}
	type param struct {
		name   string
		values []string
	}
	params := []param{{"", []string{""}}}
	for _, o := range strings.Fields(options) {
		name, value, _ := strings.Cut(o, "=")
		values := strings.Split(value, ",")
		if name == "as" {
			c.as = values
			continue
		}
		params = append(params, param{name, values})
	}
	cases := []testcase{c}
	for _, p := range params[1:] {
		var more []testcase
		for _, c := range cases {
			for _, v := range p.values {
				d := c
				d.root = c.root || strings.HasPrefix(v, "+")
				d.param = strings.TrimSpace(fmt.Sprintf("%s %s=%s", c.param, p.name, strings.TrimPrefix(v, "+")))
				more = append(more, d)
			}
		}
		cases = more
	}
	for i := range cases {
		text := body
		for _, p := range strings.Fields(cases[i].param) {
			name, value, _ := strings.Cut(p, "=")
			text = strings.ReplaceAll(text, "$"+name, value)
		}
		for _, l := range strings.Split(text, "\n") {
			l = strings.TrimSpace(l)
			if l == "" || strings.HasPrefix(l, "#") {
				continue
			}
			parsed, err := parseLine(l)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", l, err)
			}
			cases[i].lines = append(cases[i].lines, parsed)
			cases[i].extra = cases[i].extra || strings.Contains(l, "extra")
		}
	}
	return cases, nil
}

var roles = []string{"root", "owner", "member", "stranger", "other", "under"}

func parseLine(text string) (line, error) {
	l := line{text: text}
	call, want, some := strings.Cut(text, "=>")
	if some {
		for _, w := range strings.Split(want, "|") {
			l.want = append(l.want, strings.TrimSpace(w))
		}
	}
	for _, word := range strings.Fields(call) {
		word, err := expand(word)
		if err != nil {
			return l, err
		}
		l.call = append(l.call, word)
	}
	if who := strings.TrimSuffix(l.call[0], ":"); slices.Contains(roles, who) {
		l.who, l.call = who, l.call[1:]
	}
	if calls[l.call[0]] == nil {
		return l, fmt.Errorf("no such call: %s", l.call[0])
	}
	return l, nil
}

var (
	repeated = regexp.MustCompile(`<([^*<>]+)\*(\d+)>`)
	ofLength = regexp.MustCompile(`<path:(\d+)>`)
	escaped  = regexp.MustCompile(`\\x[0-9a-f]{2}|\\[nst\\]`)
)

// expand replaces what stands for something longer or unprintable. Names of users stay: what number they
// have, the process knows that makes the call.
func expand(word string) (string, error) {
	if word == `""` {
		return "", nil
	}
	var err error
	number := func(s string) int {
		n, e := strconv.Atoi(s)
		if e != nil {
			err = e
		}
		return n
	}
	word = ofLength.ReplaceAllStringFunc(word, func(s string) string {
		return longPath(number(ofLength.FindStringSubmatch(s)[1]))
	})
	word = escaped.ReplaceAllStringFunc(word, func(s string) string {
		switch s {
		case `\s`:
			return " "
		case `\\`:
			return `\`
		}
		u, e := strconv.Unquote(`"` + s + `"`)
		if e != nil {
			err = e
		}
		return u
	})
	word = repeated.ReplaceAllStringFunc(word, func(s string) string {
		m := repeated.FindStringSubmatch(s)
		return strings.Repeat(m[1], number(m[2]))
	})
	return word, err
}

// longPath is a path of n bytes.
func longPath(n int) string {
	const most = 200
	var b strings.Builder
	for b.Len()+most+1 < n {
		b.WriteString(strings.Repeat("d", most-1) + "/")
	}
	b.WriteString(strings.Repeat("d", n-b.Len()))
	return b.String()
}

// onlyBy says whether the case, run by a user, needs nobody but the roles at hand.
func (c *testcase) onlyBy(hand ...string) bool {
	return !slices.ContainsFunc(c.lines, func(l line) bool { return l.who != "" && !slices.Contains(hand, l.who) })
}
