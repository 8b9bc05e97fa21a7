package e2e

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	stations "syncfs/test/station"
)

// A transport is how the stations of a story reach one another.
type transport string

const (
	embedded transport = "embedded" // the daemons' own SSH servers
	openSSH  transport = "openssh"  // ssh:// addresses, through an OpenSSH server
)

// overBoth runs a story over each transport.
func overBoth(t *testing.T, story func(*testing.T, transport)) {
	for _, via := range []transport{embedded, openSSH} {
		t.Run(string(via), func(t *testing.T) { story(t, via) })
	}
}

// A cluster is the stations of one story.
type cluster struct {
	t    *testing.T
	via  transport
	dir  string
	sshd *stations.Sshd // of openSSH: its home is that of all stations
}

func newCluster(t *testing.T, via transport) *cluster {
	t.Helper()
	dir, err := os.MkdirTemp(base, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !t.Failed() {
			os.RemoveAll(dir)
		}
	})
	c := &cluster{t: t, via: via, dir: dir}
	if via == openSSH {
		c.startSSHD(filepath.Join(dir, "sshd"))
	}
	return c
}

// startSSHD starts an OpenSSH server on the loopback, which lets whoever runs the tests in.
func (c *cluster) startSSHD(dir string) {
	c.t.Helper()
	err := os.Mkdir(dir, 0o755)
	if err == nil {
		c.sshd, err = stations.StartSshd(context.Background(), dir)
	}
	if err != nil {
		c.t.Fatalf("these tests need OpenSSH's server: %v", err)
	}
	c.t.Cleanup(func() {
		if err := c.sshd.Stop(); err != nil {
			c.t.Error(err)
		}
	})
}

// ssh is a file of the user's ~/.ssh.
func (c *cluster) ssh(name string) string { return filepath.Join(c.sshd.Home, ".ssh", name) }

// port is the OpenSSH server's.
func (c *cluster) port() string {
	c.t.Helper()
	hosts, err := os.ReadFile(c.ssh("known_hosts"))
	found := regexp.MustCompile(`\]:(\d+) `).FindSubmatch(hosts)
	if err != nil || found == nil {
		c.t.Fatalf("known_hosts: %q, %v", hosts, err)
	}
	return string(found[1])
}

// Station makes a station that is not mounted yet.
func (c *cluster) Station(name string) *station {
	c.t.Helper()
	s := newStation(c.t, c.dir, name)
	if c.sshd != nil {
		s.home = c.sshd.Home
	}
	return s
}

// Mounted makes stations, mounts them and makes every two of them peers.
func (c *cluster) Mounted(names ...string) []*station {
	c.t.Helper()
	var all []*station
	for _, n := range names {
		s := c.Station(n)
		s.Mount()
		for _, other := range all {
			c.Link(s, other)
		}
		all = append(all, s)
	}
	return all
}

// Link makes two stations peers, each with the address of the other.
func (c *cluster) Link(a, b *station) {
	c.t.Helper()
	for _, pair := range [][2]*station{{a, b}, {b, a}} {
		if c.sshd != nil {
			pair[0].Knows(pair[1], c.sshd.Address(pair[1].Dir), "--command", syncfs)
		} else {
			pair[0].Knows(pair[1], pair[1].listen)
		}
	}
}

// pair is two mounted stations that are peers, over the embedded transport.
func pair(t *testing.T) (a, b *station) {
	t.Helper()
	s := newCluster(t, embedded).Mounted("a", "b")
	return s[0], s[1]
}
