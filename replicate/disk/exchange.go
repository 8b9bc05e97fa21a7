package disk

import (
	"cmp"
	"errors"
	"syscall"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/journal/step"
)

// errNoExchange: two entries can't change places in one step.
var errNoExchange = errors.New("the two can't be exchanged")

// bring has the entry that home finds be at k. What is there goes to where it is shown, or away; where it waits for
// just that, the two change places.
func (x *executor) bring(k key, home func() (*journal.Applied, error)) (*journal.Applied, error) {
	waits, err := x.vacate(k)
	if err != nil {
		return nil, err
	}
	a, err := home()
	if err != nil || a == nil {
		return nil, again(err)
	}
	switch {
	case at(a) == k: // it has changed places with what waited for its own
		return a, nil
	case waits == nil:
		return x.moveTo(a, k)
	}
	moved, err := x.exchange(a, waits)
	if !errors.Is(err, errNoExchange) {
		return moved, err
	}
	if err := x.toLimbo(waits); err != nil {
		return nil, err
	}
	return x.moveTo(a, k)
}

// exchange has an entry change places with one that waits. If that is not where it is shown then the transaction ends:
// after a crash one such step is told from what a user did (exchangedUnseen), several need not be.
func (x *executor) exchange(a, waits *journal.Applied) (*journal.Applied, error) {
	if err := x.collect(); err != nil {
		return nil, err
	}
	if can, err := x.canExchange(a, waits); err != nil {
		return nil, err
	} else if !can {
		return nil, errNoExchange
	}
	to := at(waits)
	moved, back, err := x.exchangeStep(a, waits)
	if err != nil {
		return nil, err
	}
	if err := x.astray(back, at(back)); err != nil {
		return nil, err
	}
	home, err := x.isShownAt(back, at(back))
	if err != nil {
		return nil, err
	}
	x.parked = !home
	if at(moved) != to {
		return nil, errAgain
	}
	return moved, nil
}

// canExchange tells whether two entries are on disk, neither in the other, and no program has changed them in a way that
// the journal does not hold.
func (b *batch) canExchange(x, y *journal.Applied) (bool, error) {
	if x.Absent || y.Absent {
		return false, nil
	}
	if err := cmp.Or(b.quiet(at(x)), b.quiet(at(y))); err != nil {
		return false, err
	}
	nested, err := b.nested(x, y)
	return !nested, err
}

// nested tells whether one of two entries is in the other, as far as the journal knows.
func (b *batch) nested(x, y *journal.Applied) (bool, error) {
	if inside, err := b.isInside(at(x), y); err != nil || inside {
		return inside, err
	}
	return b.isInside(at(y), x)
}

// exchangeStep exchanges two entries on disk, and says what they are then.
func (x *executor) exchangeStep(a, b *journal.Applied) (moved, back *journal.Applied, err error) {
	if err := x.enough(); err != nil {
		return nil, nil, err
	}
	from, err := at(a).path(x.Tx)
	if err != nil {
		return nil, nil, err
	}
	to, err := at(b).path(x.Tx)
	if err != nil {
		return nil, nil, err
	}
	sig, other := x.signature(a), x.signature(b)
	if sig.Dev == other.Dev && sig.Ino == other.Ino {
		return x.swap(a, b) // two names of one file
	}
	there, was, order, err := x.f.disk.Exchange(from, to, sig, other)
	if x.opened(err, a.Parent, b.Parent) {
		there, was, order, err = x.f.disk.Exchange(from, to, sig, other)
	}
	switch {
	case errors.Is(err, syscall.EINVAL):
		return nil, nil, errNoExchange
	case err != nil:
		return nil, nil, x.refusedStep(err, from, to)
	}
	x.changed(dirOf(from), dirOf(to))
	k, err := x.after(order, to)
	if err != nil {
		return nil, nil, err
	}
	l, err := x.after(order, from)
	if err != nil {
		return nil, nil, err
	}
	if a, err = l.applied(x.Tx); err != nil {
		return nil, nil, err
	}
	if b, err = k.applied(x.Tx); err != nil {
		return nil, nil, err
	}
	if a == nil || !is(a, there) || b == nil || !is(b, was) { // what has changed places is not known
		return nil, nil, again(errors.Join(x.lookAgain(from), x.lookAgain(to)))
	}
	moved, back, err = x.exchanged(a, b, there, was)
	if err == nil && moved.Group != item.Root {
		err = x.refresh(sig)
	}
	if err == nil && back.Group != item.Root {
		err = x.refresh(other)
	}
	return moved, back, err
}

// exchanged notes that a step has exchanged two entries, and what they are then.
func (x *executor) exchanged(a, b *journal.Applied, there, was step.Stat) (moved, back *journal.Applied, err error) {
	moved, back, err = x.swap(a, b)
	if err != nil {
		return nil, nil, err
	}
	moved.Signature, back.Signature = there.Signature, was.Signature
	if err := errors.Join(x.attend(moved), x.attend(back)); err != nil {
		return nil, nil, err
	}
	if moved, err = at(moved).applied(x.Tx); err != nil {
		return nil, nil, err
	}
	back, err = at(back).applied(x.Tx)
	return moved, back, err
}

// exchangedUnseen takes in that two entries have changed places while nobody looked. If one is where the tree shows it now
// that was a step, made just before a crash, and the other, where it is not, waits to be placed.
func (b *batch) exchangedUnseen(x, y *journal.Applied) error {
	k, l := at(x), at(y)
	if nested, err := b.nested(x, y); err != nil || nested {
		return err
	}
	byStep, err := b.isShownAt(x, l)
	if err == nil && !byStep {
		byStep, err = b.isShownAt(y, k)
	}
	if err != nil {
		return err
	}
	b.dropWork(k)
	b.dropWork(l)
	if !byStep {
		if err := b.exchange(x, y); err != nil {
			return err
		}
		return b.retake(k, l)
	}
	for _, a := range []*journal.Applied{x, y} {
		if err := b.astray(a, at(a)); err != nil {
			return err
		}
	}
	p, q, err := b.swap(x, y)
	if err == nil {
		err = errors.Join(b.attendMoved(p), b.attendMoved(q))
	}
	if err != nil {
		return err
	}
	return b.retake(k, l)
}
