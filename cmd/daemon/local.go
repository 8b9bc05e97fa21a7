package daemon

import (
	"context"
	"encoding/json"
	"fmt"

	"syncfs/cmd/control"
)

// Local answers one request for a folder that no daemon has open.
func Local(ctx context.Context, dir, op string, args, result any, progress func(string)) error {
	s, err := openState(dir, nil)
	if err != nil {
		return err
	}
	defer s.close()
	if handler, found := s.membership()[op]; found {
		return call(ctx, handler, args, result, progress)
	}
	return s.withReplica(ctx, false, func(ctx context.Context, r *replica) error {
		handler, found := r.requests()[op]
		if !found {
			return fmt.Errorf("%s: not mounted; `syncfs mount %s` first", dir, dir)
		}
		return call(ctx, handler, args, result, progress)
	})
}

// call hands arguments and result over as the control socket does.
func call(ctx context.Context, handler control.Handler, args, result any, progress func(string)) error {
	raw, err := json.Marshal(args)
	if err != nil {
		return err
	}
	answer, err := handler(ctx, raw, progress)
	if err != nil || result == nil {
		return err
	}
	if raw, err = json.Marshal(answer); err != nil {
		return err
	}
	return json.Unmarshal(raw, result)
}
