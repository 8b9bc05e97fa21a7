package disk

import "testing"

// What programs replace and remove while the scan of a start has not come to it is what they replace and remove: no name
// is taken for taken still.
func TestReplacedWhileScanning(t *testing.T) {
	a := newStation(t, "a").begin().settled()
	for _, f := range []string{"replaced", "removed"} {
		a.must(a.write(f, "1"))
	}
	a.settled().end()
	scan := make(chan struct{})
	a.listing = func(string) { <-scan }
	a.begin()
	a.must(a.write("tmp", "2"))
	a.must(a.rename("tmp", "replaced"))
	a.must(a.unlink("removed"))
	for _, f := range []string{"replaced", "removed"} {
		a.must(a.write(f, "3"))
		a.must(a.folder.taken(a.ctx()))
		a.must(a.write("tmp", "4"))
		a.must(a.rename("tmp", f))
		a.must(a.folder.taken(a.ctx()))
	}
	close(scan)
	a.settled()
	a.must(a.folder.Settle(a.ctx()))
	if l := a.files(); len(l) != 2 || l["replaced"] != "4" || l["removed"] != "4" {
		t.Errorf("%q", l)
	}
}
