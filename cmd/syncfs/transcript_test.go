package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"syncfs/cmd/folder"
	"syncfs/fusefs"
)

// asProgram has this test binary be syncfs: `mount` starts its daemon, and the daemon its helper, from
// the file that is running.
const asProgram = "SYNCFS_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" || (len(os.Args) > 1 && os.Args[1] == fusefs.HelperArg) {
		main()
		return
	}
	os.Setenv(asProgram, "yes")
	os.Exit(m.Run())
}

// TestTranscripts plays each file of testdata. A line "$ syncfs ..." is a command, run in this process;
// what follows is what it prints, standard output first. "..." stands for anything within a line, a line
// of "...." for any lines, $DIR for a fresh directory. "? 2" is an exit status that is not 0. "$ cd DIR",
// "$ mkdir DIR" and "$ write FILE TEXT" set the scene.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			play(t, string(text))
		})
	}
}

func play(t *testing.T, text string) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_RUNTIME_DIR", private(t))
	t.Setenv("HOME", t.TempDir())
	t.Cleanup(func() { umountAll(t, dir) })
	t.Chdir(dir)
	commands := strings.Split("\n"+strings.ReplaceAll(text, "$DIR", dir), "\n$ ")
	for _, c := range commands[1:] {
		line, want, _ := strings.Cut(c, "\n")
		got := do(t, fields(line))
		if want = strings.TrimSpace(want); !matches(want, strings.TrimSpace(got)) {
			t.Fatalf("$ %s\n--- got:\n%s--- want:\n%s", line, got, want)
		}
	}
}

func do(t *testing.T, args []string) string {
	t.Helper()
	var err error
	switch args[0] {
	case "cd":
		t.Chdir(args[1])
	case "mkdir":
		err = os.MkdirAll(args[1], 0o755)
	case "write":
		err = os.WriteFile(args[1], []byte(args[2]), 0o644)
	case "cat":
		text, readErr := os.ReadFile(args[1])
		if readErr != nil {
			t.Fatal(readErr)
		}
		return string(text)
	case "syncfs":
		out, errs, status := syncfs(t, args[1:]...)
		if status != 0 {
			errs += fmt.Sprintf("? %d\n", status)
		}
		return out + errs
	default:
		t.Fatalf("%s: no command of transcripts", args[0])
	}
	if err != nil {
		t.Fatal(err)
	}
	return ""
}

// syncfs runs a command in this process. Its standard error is a file, as it is for people: a daemon that it
// leaves behind has it too.
func syncfs(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	errs, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer errs.Close()
	var out bytes.Buffer
	status = run(context.Background(), args, strings.NewReader(""), &out, errs)
	said, err := os.ReadFile(errs.Name())
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), string(said), status
}

// umountAll takes away what a transcript that failed left mounted.
func umountAll(t *testing.T, below string) {
	mounts, err := folder.Mounts()
	if err != nil {
		t.Error(err)
	}
	for _, m := range mounts {
		if strings.HasPrefix(m.Dir, below+"/") {
			if _, said, status := syncfs(t, "umount", m.Dir); status != 0 {
				t.Error(said)
			}
		}
	}
}

// fields splits a line at spaces; single quotes hold a field together.
func fields(line string) []string {
	var all []string
	for _, m := range regexp.MustCompile(`'([^']*)'|(\S+)`).FindAllStringSubmatch(line, -1) {
		all = append(all, m[1]+m[2])
	}
	return all
}

func matches(want, got string) bool {
	pattern := regexp.QuoteMeta(want)
	pattern = strings.ReplaceAll(pattern, `\.\.\.\.`, `(?s:.*)`)
	pattern = strings.ReplaceAll(pattern, `\.\.\.`, `.*`)
	return regexp.MustCompile("^" + pattern + "$").MatchString(got)
}

// private is a directory fit for a control socket.
func private(t *testing.T) string {
	dir := filepath.Join(t.TempDir(), "run")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}
