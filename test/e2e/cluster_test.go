package e2e

import (
	"os"
	"path/filepath"
	"testing"
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
	sshd *sshd // of openSSH
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
		c.sshd = startSSHD(t, filepath.Join(dir, "sshd"))
	}
	return c
}

// Station makes a station that is not mounted yet.
func (c *cluster) Station(name string) *station {
	c.t.Helper()
	s := newStation(c.t, c.dir, name)
	if c.sshd != nil {
		c.sshd.lets(s)
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
			pair[0].Knows(pair[1], c.sshd.address(pair[1].Dir), "--command", syncfs)
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
