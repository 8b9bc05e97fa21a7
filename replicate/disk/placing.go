package disk

import (
	"cmp"
	"errors"
	"math"
	"slices"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/journal/signature"
	"syncfs/journal/step"
	"syncfs/replicate/tree"
)

// A placing puts new files in place beside the transaction: the disk is busy with one while the executor finds out what
// the next one is. Nothing in the journal tells of it before collect, so whoever looks at what is on disk, or changes
// anything there but by placing what is new, collects first.
type placing struct {
	todo  chan []*placed   // nil: nothing is under way
	some  []*placed        // of sent: to be given to todo
	ended chan struct{}    // closed when all of todo is done
	sent  []*placed        // what is not journaled yet
	under map[subject]bool // the families of sent
}

// handful is how many are given at once to who puts them in place: to be woken for each costs as much as a step.
const handful = 16

// give has some be put in place. There is room for all steps of a transaction.
func (c *placing) give() {
	if len(c.some) > 0 {
		c.todo <- c.some
		c.some = nil
	}
}

// placed is one new file that is put in place, the only node of its family.
type placed struct {
	mark   journal.Dirty
	node   tree.Node
	staged string
	path   string
	entry  *journal.Applied
	xattrs map[string]string

	stat  step.Stat
	order uint64
	err   error
}

// alone is the family that is looked at, where it has one node and nothing else is on disk under its names.
type alone struct {
	mark journal.Dirty
	id   item.ID // of the node; the root: there is none
}

// lone notes whether a family is of one node alone.
func (x *executor) lone(d journal.Dirty, ids []item.ID, nodes []tree.Node) error {
	x.alone = alone{}
	if x.slowly || len(nodes) != 1 {
		return nil
	}
	slots, err := slotsOf(x.Tx, ids)
	if err != nil {
		return err
	}
	for _, s := range slots {
		if l := x.f.held.names(s, d.Family); len(l) != 1 || l[0] != nodes[0].Name {
			return nil
		}
	}
	x.alone = alone{d, nodes[0].IDs[0]}
	return nil
}

// sends tells whether a file that is on disk nowhere may be put in place beside the transaction.
func (x *executor) sends(n tree.Node) bool {
	return x.alone.id == n.IDs[0] && x.alone.id != item.Root && n.Group() == item.Root && !n.Content.Symlink
}

// send has a staged file be put at k, where nothing is, and be dressed before.
func (x *executor) send(n tree.Node, k key, staged string) error {
	if err := x.enough(); err != nil {
		return err
	}
	path, err := k.path(x.Tx)
	if err != nil {
		return err
	}
	if err := x.f.staging.used(x.batch, n.Content.Root, staged); err != nil {
		return err
	}
	c := &x.placing
	if c.todo == nil {
		c.todo, c.ended = make(chan []*placed, 2*maxSteps), make(chan struct{})
		go x.f.placeAll(c.todo, c.ended)
	}
	if c.under == nil {
		c.under = map[subject]bool{}
	}
	p := &placed{mark: x.alone.mark, node: n, staged: staged, path: path, entry: entry(n, k), xattrs: shownXAttrs(n.Meta)}
	c.sent = append(c.sent, p)
	c.under[subject{p.mark.Dir, p.mark.Family}] = true
	if c.some = append(c.some, p); len(c.some) == handful {
		c.give()
	}
	return errPlacing
}

// placeAll puts in place what comes, one after another.
func (f *Folder) placeAll(todo <-chan []*placed, ended chan<- struct{}) {
	defer close(ended)
	for some := range todo {
		for _, p := range some {
			if p.err = f.staging.dress(p.staged, p.entry, p.xattrs); p.err == nil {
				p.stat, p.order, p.err = f.disk.Place(p.staged, p.path, signature.Signature{})
			}
		}
	}
}

// wait returns when nothing is under way any more.
func (c *placing) wait() {
	if c.todo == nil {
		return
	}
	c.give()
	close(c.todo)
	<-c.ended
	c.todo, c.ended = nil, nil
	slices.SortStableFunc(c.sent, func(a, b *placed) int { return cmp.Compare(a.order, b.order) })
}

// next takes the first of sent that is in place, if it was before the change after the order number n was made.
func (c *placing) next(n uint64) (*placed, bool) {
	i := slices.IndexFunc(c.sent, func(p *placed) bool { return p.err == nil })
	if i < 0 || c.sent[i].order > n {
		return nil, false
	}
	p := c.sent[i]
	c.sent = slices.Delete(c.sent, i, i+1)
	delete(c.under, subject{p.mark.Dir, p.mark.Family})
	return p, true
}

// collectUpTo journals what has been put in place, in the order in which it took effect among what programs did, but
// not what was after the change with the order number n: a step of the executor's own comes before that.
func (x *executor) collectUpTo(n uint64) error {
	x.placing.wait()
	for {
		p, ok := x.placing.next(n)
		if !ok {
			return nil
		}
		x.changed(dirOf(p.path))
		if err := x.done(p.mark, x.collected(p)); err != nil {
			return err
		}
	}
}

// collected journals one new file that is in place.
func (x *executor) collected(p *placed) error {
	now, err := x.since(p.order, p.path)
	if err == nil {
		_, err = x.enterPlaced(p.entry, nil, p.stat, now)
	}
	return err
}

// collect journals all that has been put in place, and then makes anew, beside nothing, the steps that were refused.
func (x *executor) collect() error {
	if err := x.collectUpTo(math.MaxUint64); err != nil {
		return err
	}
	refused, enough := x.placing.sent, false
	x.placing = placing{}
	for _, p := range refused {
		if err := x.f.staging.unused(x.batch, p.node.Content.Root, p.staged); err != nil {
			return err
		}
		x.f.execution.soon(subject{p.mark.Dir, p.mark.Family})
		x.slowly = true
		switch err := x.one(p.mark); {
		case errors.Is(err, errEnough):
			enough = true
		case err != nil:
			return err
		}
	}
	if enough {
		return errEnough
	}
	return nil
}
