package daemon

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"syncfs/cmd/report"
	"syncfs/journal"
)

// mostNamed is how many things of a kind are named: more are counted.
const mostNamed = 100

// undone names what is not on disk here as it ought to be: what is held, put off or was refused, and why; and the paths
// whose content is not here, with the peers that were asked for it.
func (r *replica) undone(ctx context.Context, asked []string) ([]report.Problem, error) {
	blocked, err := r.disk.Undone(ctx)
	if err != nil {
		return nil, err
	}
	var all []report.Problem
	if held := r.disk.Held(); held != "" {
		all = append(all, report.Problem{What: "held: " + held})
	}
	for _, b := range blocked {
		all = append(all, report.Problem{Path: b.Path, What: told(b.Err)})
	}
	all = few(all, "names are put off or refused")
	if len(asked) == 0 {
		return all, nil
	}
	lacking, err := r.disk.Lacking(ctx)
	if err != nil {
		return nil, err
	}
	var wanted []report.Problem
	for _, path := range lacking {
		wanted = append(wanted, report.Problem{Path: path, What: "its content is not here; asked: " + strings.Join(asked, ", ")})
	}
	return append(all, few(wanted, "contents are not here")...), nil
}

// told is an error as a person is told of it: with the mend, where that is not plain.
func told(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return err.Error() + ": make room, and it is tried again"
	case errors.Is(err, syscall.EROFS):
		return err.Error() + ": make the filesystem underneath writable again"
	case errors.Is(err, journal.ErrCorrupt):
		return err.Error() + ": unmount, put .syncfs/journal away and mount again: the folder is taken in anew"
	}
	return err.Error()
}

func few(all []report.Problem, what string) []report.Problem {
	if len(all) <= mostNamed {
		return all
	}
	more := report.Problem{What: fmt.Sprintf("%d more %s", len(all)-mostNamed, what)}
	return append(all[:mostNamed:mostNamed], more)
}
