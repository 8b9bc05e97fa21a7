// Package house keeps the rules of the house: who may import whom, what stands where.
package house

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "syncfs"

// A rule forbids imports. Under says whose: a package and what is below it.
type rule struct {
	under  []string
	except []string
	never  []string
	deep   bool // also by way of others
	reason string
}

var (
	badger = "github.com/dgraph-io/badger"
	fuse   = "github.com/hanwen/go-fuse"
	ssh    = "golang.org/x/crypto/ssh"
	parts  = []string{"fusefs", "journal", "replicate", "sshpeer"}
	pure   = []string{"journal/canon", "journal/version", "journal/item", "journal/name", "journal/change",
		"journal/signature", "journal/step", "replicate/view", "replicate/chunk"}
)

var rules = []rule{
	{under: []string{"fusefs"}, never: []string{"replicate", "sshpeer"},
		reason: "the mount knows neither peers nor who wins: it tells of changes through an interface of its own"},
	{under: []string{"replicate"}, never: []string{"fusefs", "sshpeer"},
		reason: "the replicator reaches a peer and a disk through interfaces of its own"},
	{under: []string{"sshpeer"}, never: []string{"fusefs", "replicate"},
		reason: "a transport does not know what it carries"},
	{under: []string{"journal"}, never: []string{"fusefs", "replicate", "sshpeer"},
		reason: "the record of a replica stands below all who use it"},
	{under: parts, never: []string{"cmd", "test"},
		reason: "imports go down: the daemon hands each part what it needs"},
	{under: []string{"."}, except: []string{"journal"}, never: []string{badger},
		reason: "what is in the database is the journal's alone: all else has typed access"},
	{under: []string{"."}, except: []string{"fusefs", "test"}, never: []string{fuse},
		reason: "kernel requests end in fusefs"},
	{under: []string{"."}, except: []string{"sshpeer", "test"}, never: []string{ssh},
		reason: "keys and streams are sshpeer's"},
	{under: pure, never: []string{badger, fuse, ssh, "net", "os/exec"}, deep: true,
		reason: "values and laws are tested without a disk, a kernel or a network"},
}

// A pkg is what `go list` tells of a package.
type pkg struct {
	ImportPath, Dir, Doc               string
	Imports, Deps                      []string
	TestImports, XTestImports, GoFiles []string
}

func TestImports(t *testing.T) {
	for _, p := range packages(t) {
		for _, r := range rules {
			if !r.about(p.ImportPath) {
				continue
			}
			imports := slices.Concat(p.Imports, p.TestImports, p.XTestImports)
			if r.deep {
				imports = p.Deps
			}
			for _, i := range imports {
				if slices.ContainsFunc(r.never, func(never string) bool { return within(i, never) }) {
					t.Errorf("%s imports %s: %s", p.ImportPath, i, r.reason)
				}
			}
		}
	}
}

func (r rule) about(importPath string) bool {
	in := func(dir string) bool { return within(importPath, dir) }
	return slices.ContainsFunc(r.under, in) && !slices.ContainsFunc(r.except, in)
}

// within is whether a package is, or is below, a directory of this module or another's path.
func within(importPath, dir string) bool {
	if first, _, _ := strings.Cut(dir, "/"); slices.Contains(append(parts, "cmd", "test", "."), first) {
		dir = path.Join(module, dir)
	}
	return importPath == dir || strings.HasPrefix(importPath, dir+"/")
}

func TestPackagesAreDocumented(t *testing.T) {
	for _, p := range packages(t) {
		if p.Doc == "" && len(p.GoFiles) > 0 {
			t.Errorf("%s has no package doc", p.ImportPath)
		}
	}
}

func TestTopLevel(t *testing.T) {
	allowed := []string{".ci", ".gitignore", ".golangci.yml", "CHANGELOG.md", "LICENSE", "Makefile", "README.md",
		"cmd", "docs", "fusefs", "go.mod", "go.sum", "journal", "replicate", "sshpeer", "test"}
	for _, f := range files(t) {
		if top, _, _ := strings.Cut(f, "/"); !slices.Contains(allowed, top) {
			t.Errorf("%s: %s does not belong at the top level", f, top)
		}
	}
}

// TestText looks at what the files say. The words looked for are taken apart here, so that this file
// passes.
func TestText(t *testing.T) {
	anywhere := map[string]string{
		"proxy." + "golang.org":     "the machine's own settings say where modules come from",
		"sum." + "golang.org":       "the machine's own settings say where modules come from",
		"deb." + "debian.org":       "the machine's own settings say where packages come from",
		"registry." + "npmjs.org":   "nothing here is from there",
		filepath.Dir(root(t)) + "/": "a path of one machine",
		"TO" + "DO":                 "do it, or file an issue",
		"FIX" + "ME":                "do it, or file an issue",
		"not " + "implemented":      "what is not there is not declared",
	}
	inTests := map[string]string{
		"time." + "Sleep(": "wait for a condition, or use testing/synctest: a sleep is too short or too long",
		"t." + "Skip":      "what a test needs is installed by `make test`; where it is absent the test fails",
	}
	for _, f := range files(t) {
		text, err := os.ReadFile(filepath.Join(root(t), f))
		if err != nil {
			t.Fatal(err)
		}
		complain(t, f, text, anywhere)
		if strings.HasSuffix(f, "_test.go") {
			complain(t, f, text, inTests)
		}
		if n := bytes.Count(text, []byte("\n")); strings.HasSuffix(f, ".go") && !strings.HasSuffix(f, ".pb.go") && n > 600 {
			t.Errorf("%s has %d lines: are there two subjects in it?", f, n)
		}
	}
}

func complain(t *testing.T, file string, text []byte, words map[string]string) {
	t.Helper()
	if bytes.IndexByte(text, 0) >= 0 {
		return // no text
	}
	for word, reason := range words {
		if before, _, found := bytes.Cut(text, []byte(word)); found {
			t.Errorf("%s:%d: %q: %s", file, bytes.Count(before, []byte("\n"))+1, word, reason)
		}
	}
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out := output(t, "go", "list", "-json", "./...")
	var all []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 10 {
		t.Fatalf("go list tells of %d packages only", len(all))
	}
	return all
}

// files are those that are committed, or are to be.
func files(t *testing.T) []string {
	t.Helper()
	out := output(t, "git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard")
	var names []string
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		if _, err := os.Stat(filepath.Join(root(t), lines.Text())); err == nil {
			names = append(names, lines.Text())
		}
	}
	if len(names) < 10 {
		t.Fatalf("git tells of %d files only", len(names))
	}
	return names
}

// root is the directory of the module.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func output(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = root(t)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, &stderr)
	}
	return out
}
