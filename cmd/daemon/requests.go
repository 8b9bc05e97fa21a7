package daemon

import (
	"context"
	"maps"
	"time"

	"syncfs/cmd/control"
	"syncfs/cmd/report"
	"syncfs/replicate/tree"
)

// requests are all that a replica answers, mounted or not.
func (r *replica) requests() map[string]control.Handler {
	all := r.membership()
	maps.Copy(all, map[string]control.Handler{
		OpStatus:    handle(r.status),
		OpConflicts: handle(r.conflicts),
		OpFlush:     r.flush,
	})
	return all
}

func (r *replica) conflicts(context.Context, none) ([]report.Conflict, error) {
	list := []report.Conflict{}
	err := r.tree.View(func(v tree.View) error {
		open, err := v.Conflicts()
		for _, c := range open {
			list = append(list, report.Conflict{
				Path:    c.Path,
				Of:      c.Of,
				Replica: c.Timestamp.Replica,
				Time:    time.Unix(0, c.Timestamp.Time).UTC(),
			})
		}
		return err
	})
	return list, err
}
