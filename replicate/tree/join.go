package tree

import (
	"cmp"

	"syncfs/journal/item"
	"syncfs/replicate/view"
)

// joinAll joins states, then has those older states give way of which a content has become an item.
func (e *Edit) joinAll(states []*item.Item) error {
	for _, in := range states {
		if err := e.join(in); err != nil {
			return err
		}
	}
	for _, in := range states {
		if err := e.releaseCopied(in.ID); err != nil {
			return err
		}
		base, ok, err := e.Tx.Copy(in.ID)
		if err != nil {
			return err
		}
		if ok {
			if err := e.releaseCopied(base); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *Edit) join(in *item.Item) error {
	for _, ts := range timestamps(in) {
		e.clock.Observe(ts)
	}
	known, err := e.Tx.Known(in.ID)
	if err != nil {
		return err
	}
	older, err := e.Tx.Older(in.ID)
	if err != nil {
		return err
	}
	now := in
	if known != nil {
		if now = item.Join(known, in); now.Equal(known) {
			return nil
		}
	}
	wanted, err := e.lacks(now, cmp.Or(older, known))
	if err != nil {
		return err
	}
	stays, err := e.stays(now, known, older, wanted)
	if err != nil {
		return err
	}
	if err := e.set(in.ID, now, stays); err != nil {
		return err
	}
	if err := e.endWaits(known, now); err != nil {
		return err
	}
	for _, root := range wanted {
		if err := e.Tx.PutWanted(root, in.ID); err != nil {
			return err
		}
	}
	return nil
}

// stays is the state that is still shown when an item has become now: the one shown before, while it
// shows content that is here and now shows content that is not.
func (e *Edit) stays(now, known, older *item.Item, wanted []item.Hash) (*item.Item, error) {
	shown := cmp.Or(older, known)
	if now.Dir || !now.Live() || shown == nil || len(wanted) == 0 || older == nil && !shown.Live() {
		return nil, nil
	}
	if older != nil {
		return older, nil
	}
	l := view.ShownContents(shown)
	if len(l) == 0 {
		return nil, nil
	}
	if lacking, err := e.isWanted(l[0].Content.Root, now.ID); err != nil || lacking {
		return nil, err
	}
	return shown, nil
}

// releaseCopied: where a content of an older state has become an item it is to be had there, so the
// state known is shown, its content on its way like that of a new file.
func (e *Edit) releaseCopied(id item.ID) error {
	older, err := e.Tx.Older(id)
	if err != nil || older == nil {
		return err
	}
	for d := range older.Entries {
		c, err := e.Tx.Known(view.Copy(id, d))
		if err != nil {
			return err
		}
		if c == nil {
			continue
		}
		return e.giveWay(id)
	}
	return nil
}

// giveWay has an item shown as it is known.
func (e *Edit) giveWay(id item.ID) error {
	if older, err := e.Tx.Older(id); err != nil || older == nil {
		return err
	}
	known, err := e.Tx.Known(id)
	if err != nil {
		return err
	}
	return e.set(id, known, nil)
}
