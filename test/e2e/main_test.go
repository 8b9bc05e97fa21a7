// Package e2e holds the tests of the whole product: stations with real mounts, driven through the built
// program alone, joined by its own SSH server or by a real OpenSSH server on the loopback. A test reads
// like a story, and is named after the sentence that it keeps true.
//
// SYNCFS names the program to test; without it the program is built first. Whatever happens, no mount and
// no process is left: a second process sees to that, even if the first one is killed.
package e2e

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The one directory that holds all of a run, and the program in it: so what is left over is known as ours.
var (
	base   string
	syncfs string
)

// janitor makes the test binary clean up a directory once its standard input ends.
const janitor = "SYNCFS_E2E_JANITOR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(janitor); dir != "" {
		io.Copy(io.Discard, os.Stdin)
		sweep(dir)
		os.RemoveAll(dir)
		return
	}
	if order := os.Getenv(writing); order != "" {
		writeOn(order)
		return
	}
	os.Exit(run(m))
}

func run(m *testing.M) (status int) {
	var err error
	if base, err = os.MkdirTemp("", "syncfs-e2e-"); err == nil {
		err = os.Chmod(base, 0o755) // an ordinary user's folder is in it too
	}
	if err != nil {
		return fail(err)
	}
	release, err := hireJanitor(base)
	if err != nil {
		return fail(err)
	}
	defer release()
	if syncfs, err = program(filepath.Join(base, "bin")); err != nil {
		return fail(err)
	}
	status = m.Run()
	for _, left := range sweep(base) {
		fmt.Fprintln(os.Stderr, "left over:", left)
		status = 1
	}
	return status
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "e2e:", err)
	return 1
}

// program puts the program to test into dir.
func program(dir string) (string, error) {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	file := filepath.Join(dir, "syncfs")
	if built := os.Getenv("SYNCFS"); built != "" {
		content, err := os.ReadFile(built)
		if err != nil {
			return "", err
		}
		return file, os.WriteFile(file, content, 0o755)
	}
	build := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-o", file, "syncfs/cmd/syncfs")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	build.Stderr = os.Stderr
	return file, build.Run()
}

// hireJanitor starts the process that cleans up after this one; release lets it, and waits.
func hireJanitor(dir string) (release func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), janitor+"="+dir)
	apart(cmd) // an interrupt from the terminal is not for it
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	return func() { in.Close(); cmd.Wait() }, cmd.Start()
}
