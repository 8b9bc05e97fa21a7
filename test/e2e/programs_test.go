package e2e

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite"
)

func TestGitWorksInTheMount(t *testing.T) {
	a, b := pair(t)
	origin := filepath.Join(t.TempDir(), "origin")
	if err := os.Mkdir(origin, 0o755); err != nil {
		t.Fatal(err)
	}
	git(t, origin, "init", "-q", "-b", "main")
	newTool(t, "cp", "-a", filepath.Join(goRoot(t), "src", "encoding"), origin).run()
	git(t, origin, "add", "-A")
	git(t, origin, "commit", "-qm", "first")

	git(t, a.Dir, "clone", "-q", "--no-hardlinks", origin, "clone")
	clone := a.Path("clone")
	wantClean(t, clone)
	for i := range 5 {
		a.Write(fmt.Sprintf("clone/new/%d.txt", i), strings.Repeat("line\n", i+1))
		git(t, clone, "add", "-A")
		git(t, clone, "commit", "-qm", fmt.Sprint("commit ", i))
	}
	git(t, clone, "checkout", "-q", "-b", "side", "HEAD~3")
	git(t, clone, "mv", "encoding/json", "encoding/j")
	git(t, clone, "commit", "-qam", "moved")
	git(t, clone, "merge", "-q", "--no-edit", "main")
	git(t, clone, "gc", "-q")
	wantClean(t, clone)
	a.Flush()
	WantEqual(t, a, b)
	newTool(t, "git", "update-index", "-q", "--refresh").in(b.Path("clone")).run()
	wantClean(t, b.Path("clone"))
	if here, there := git(t, clone, "rev-parse", "HEAD"), git(t, b.Path("clone"), "rev-parse", "HEAD"); here != there {
		t.Errorf("HEAD is %s on a, %s on b", here, there)
	}
}

func wantClean(t *testing.T, dir string) {
	t.Helper()
	git(t, dir, "fsck", "--strict", "--no-progress")
	if out := git(t, dir, "status", "--porcelain"); out != "" {
		t.Errorf("git status:\n%s", out)
	}
}

func TestGoBuildsInTheMountWithItsCacheThere(t *testing.T) {
	a, b := pair(t)
	a.Write("hello/go.mod", "module hello\n\ngo 1.26\n")
	a.Write("hello/main.go", "package main\n\nimport \"strings\"\n\nfunc main() { println(strings.ToUpper(\"hello\")) }\n")
	build := func(s *station) {
		t.Helper()
		newTool(t, "go", "build", "-o", "hello", ".").in(s.Path("hello")).
			with("GOCACHE="+s.Path("cache"), "GOFLAGS=-buildvcs=false", "CGO_ENABLED=0", "GOWORK=off", "GOTMPDIR="+s.Path("hello")).run()
	}
	build(a)
	build(a)
	for _, s := range []*station{a, b} {
		s.Flush()
		if out, err := newTool(t, s.Path("hello/hello")).cmd.CombinedOutput(); err != nil || string(out) != "HELLO\n" {
			t.Errorf("%s: the program says %q, %v", s.Name, out, err)
		}
	}
	WantEqual(t, a, b)
}

func TestSQLiteTransactionsInTheMount(t *testing.T) {
	a, b := pair(t)
	for _, mode := range []string{"delete", "wal"} {
		file := a.Path(mode + ".db")
		db, err := sql.Open("sqlite", "file:"+file+"?_pragma=journal_mode("+mode+")&_pragma=synchronous(normal)")
		if err != nil {
			t.Fatal(err)
		}
		transactions(t, db, 500)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	a.Flush()
	WantEqual(t, a, b)
	for _, mode := range []string{"delete", "wal"} {
		db, err := sql.Open("sqlite", "file:"+b.Path(mode+".db"))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		intact(t, db, 500)
	}
}

// transactions runs n of them, each of which moves money between two accounts.
func transactions(t *testing.T, db *sql.DB, n int) {
	t.Helper()
	exec := func(q interface {
		Exec(string, ...any) (sql.Result, error)
	}, query string, args ...any) {
		t.Helper()
		if _, err := q.Exec(query, args...); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	exec(db, "create table account (id integer primary key, amount integer)")
	exec(db, "create table move (id integer primary key, what text)")
	exec(db, "insert into account values (1, 1000), (2, 0)")
	for i := range n {
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		exec(tx, "update account set amount = amount - 1 where id = 1")
		exec(tx, "update account set amount = amount + 1 where id = 2")
		exec(tx, "insert into move values (?, ?)", i, strings.Repeat("x", i%500))
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	intact(t, db, n)
}

func intact(t *testing.T, db *sql.DB, n int) {
	t.Helper()
	var check string
	var moves, sum int
	for query, into := range map[string]any{
		"pragma integrity_check":          &check,
		"select count(*) from move":       &moves,
		"select sum(amount) from account": &sum,
	} {
		if err := db.QueryRow(query).Scan(into); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	if check != "ok" || moves != n || sum != 1000 {
		t.Errorf("integrity_check %q, %d moves, sum %d", check, moves, sum)
	}
}
