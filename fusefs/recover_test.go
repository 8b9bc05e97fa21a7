package fusefs

import (
	"bufio"
	"os"
	"os/exec"
	"testing"
)

func TestKilledDaemonIsRecovered(t *testing.T) {
	dir := t.TempDir() + "/a folder, \\ and more"
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	daemon := exec.Command(os.Args[0])
	daemon.Env = append(os.Environ(), daemonEnv+"="+dir)
	daemon.Stderr = os.Stderr
	out, err := daemon.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { Recover(dir) })
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "serves\n" {
		t.Fatalf("daemon: %q, %v", line, err)
	}
	if err := os.WriteFile(dir+"/f", []byte("kept"), 0o644); err != nil {
		t.Error(err)
	}
	if stale, err := Stale(dir); stale || err != nil {
		t.Errorf("alive and stale: %v, %v", stale, err)
	}
	daemon.Process.Kill()
	daemon.Wait()
	if stale, err := Stale(dir); !stale || err != nil {
		t.Errorf("killed and not stale: %v, %v", stale, err)
	}
	if err := Recover(dir); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(dir + "/f"); string(b) != "kept" {
		t.Errorf("underneath: %q, %v", b, err)
	}
	m := startIn(t, dir, nil)
	m.want("f", "kept")
	if err := Recover(dir); err != nil {
		t.Error(err)
	}
	m.want("f", "kept")
}
