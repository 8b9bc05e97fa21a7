package bench

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"

	_ "modernc.org/sqlite"
)

// A workload is what programs do in a folder. What it reads is put there first, and not measured.
type workload struct {
	name    string
	prepare func(in inputs, dir string) error // nil: an empty folder
	run     func(in inputs, dir string) error
}

// inputs is a directory of what workloads read, outside of the folder.
type inputs string

func (in inputs) archive() string { return filepath.Join(string(in), "src.tar") }
func (in inputs) origin() string  { return filepath.Join(string(in), "origin") }

const (
	page  = 4 << 10
	block = 1 << 20
	large = 256 << 20
	many  = 20_000
	few   = 5_000
)

var workloads = []workload{
	{"read", cachedFile, func(_ inputs, dir string) error { return readWhole(dir, 4) }},
	{"read-random", cachedFile, readRandom},
	{"write-1m", nil, func(_ inputs, dir string) error { return write(dir, os.O_CREATE|os.O_EXCL, block) }},
	{"write-4k", nil, func(_ inputs, dir string) error { return write(dir, os.O_CREATE|os.O_EXCL, page) }},
	{"overwrite-4k", largeFile, func(_ inputs, dir string) error { return write(dir, 0, page) }},
	{"write-random", largeFile, writeRandom},
	{"create", nil, func(_ inputs, dir string) error { return smallFiles(dir, many) }},
	{"cat", func(_ inputs, dir string) error { return smallFiles(dir, few) }, shell("find . -type f -print0 | xargs -0 cat >/dev/null")},
	{"find", listedFiles, shell("find . -ls >/dev/null")},
	{"rm", func(_ inputs, dir string) error { return smallFiles(dir, many) }, shell("rm -rf small")},
	{"untar", nil, shell("tar -xf $IN/src.tar")},
	{"git-clone", nil, shell("git clone -q --no-hardlinks $IN/origin clone")},
	{"git-status", clone, shell("cd clone && git status --porcelain")},
	{"build-cold", goSource, shell(build)},
	{"build-warm", builtSource, shell(build)},
	{"sqlite", nil, transactions},
}

// shell runs a line in the folder. IN is where the inputs are.
func shell(line string) func(inputs, string) error {
	return func(in inputs, dir string) error {
		cmd := exec.Command("/bin/sh", "-ec", line)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "IN="+string(in))
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", line, err, out)
		}
		return nil
	}
}

func largePath(dir string) string { return filepath.Join(dir, "large") }

func largeFile(_ inputs, dir string) error {
	return errors.Join(write(dir, os.O_CREATE|os.O_EXCL, block), shell("sync -f .")("", dir))
}

func cachedFile(in inputs, dir string) error {
	return errors.Join(largeFile(in, dir), readWhole(dir, 1))
}

func write(dir string, flags, size int) (err error) {
	f, err := os.OpenFile(largePath(dir), os.O_WRONLY|flags, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	b := bytes.Repeat([]byte("syncfs: "), size/8)
	for at := 0; at < large; at += size {
		if _, err := f.Write(b); err != nil {
			return err
		}
	}
	return nil
}

func readWhole(dir string, times int) error {
	f, err := os.Open(largePath(dir))
	if err != nil {
		return err
	}
	defer f.Close()
	b := make([]byte, 128<<10)
	for range times {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		for n := 0; n < large; {
			got, err := f.Read(b)
			if err != nil {
				return err
			}
			n += got
		}
	}
	return nil
}

func readRandom(_ inputs, dir string) error {
	f, err := os.Open(largePath(dir))
	if err != nil {
		return err
	}
	defer f.Close()
	return atRandom(400_000, func(at int64, b []byte) error {
		_, err := f.ReadAt(b, at)
		return err
	})
}

func writeRandom(_ inputs, dir string) (err error) {
	f, err := os.OpenFile(largePath(dir), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return atRandom(100_000, func(at int64, b []byte) error {
		_, err := f.WriteAt(b, at)
		return err
	})
}

// atRandom calls fn with pages of the large file, the same at each call.
func atRandom(times int, fn func(at int64, b []byte) error) error {
	b, r := make([]byte, page), rand.New(rand.NewPCG(1, 2))
	for range times {
		if err := fn(r.Int64N(large/page)*page, b); err != nil {
			return err
		}
	}
	return nil
}

// smallFiles makes n files of a page each, a thousand in a directory.
func smallFiles(dir string, n int) error {
	b := make([]byte, page)
	for i := range n {
		sub := filepath.Join(dir, "small", fmt.Sprint(i/1000))
		if i%1000 == 0 {
			if err := os.MkdirAll(sub, 0o755); err != nil {
				return err
			}
		}
		copy(b, fmt.Sprint(i)) // no two are equal
		if err := os.WriteFile(filepath.Join(sub, fmt.Sprint(i)), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func listedFiles(in inputs, dir string) error {
	return errors.Join(smallFiles(dir, many), shell("find . -ls >/dev/null")(in, dir))
}

func clone(in inputs, dir string) error {
	return shell("git clone -q --no-hardlinks $IN/origin clone; git -C clone status --porcelain")(in, dir)
}

// build builds a program, with its cache and what it makes in between in the folder.
const build = "GOCACHE=$PWD/cache GOTMPDIR=$PWD GOFLAGS=-buildvcs=false GOWORK=off CGO_ENABLED=0 go build -o program ."

func goSource(_ inputs, dir string) error {
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module program\n\ngo 1.26\n"), 0o644),
		os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\nimport (\n\t_ \"encoding/json\"\n\t_ \"text/template\"\n)\n\nfunc main() {}\n"), 0o644))
}

func builtSource(in inputs, dir string) error {
	return errors.Join(goSource(in, dir), shell(build)(in, dir))
}

func transactions(_ inputs, dir string) (err error) {
	db, err := sql.Open("sqlite", "file:"+dir+"/db?_pragma=journal_mode(wal)&_pragma=synchronous(normal)")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.Exec("create table t (id integer primary key, what text)"); err != nil {
		return err
	}
	for i := range 3000 {
		if _, err := db.Exec("insert into t values (?, ?)", i, "one line of text, or two"); err != nil {
			return err
		}
	}
	return nil
}
