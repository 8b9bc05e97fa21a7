package sim

import (
	"slices"
	"strings"
)

// Shrink makes a failing history shorter, then its numbers smaller, while it fails in the same way.
func Shrink(u Setup, steps []Step) (Setup, []Step) {
	kind := kindOf(Run(u, steps, false).Failure)
	fails := func(u Setup, s []Step) bool {
		f := Run(u, s, false).Failure
		return f != "" && kindOf(f) == kind
	}
	for again := true; again; {
		again = false
		for size := len(steps) / 2; size >= 1; size /= 2 {
			for p := 0; p+size <= len(steps); {
				if t := slices.Delete(slices.Clone(steps), p, p+size); fails(u, t) {
					steps, again = t, true
				} else {
					p += size
				}
			}
		}
		for u.Replicas > 2 {
			v := u
			if v.Replicas--; !fails(v, steps) {
				break
			}
			u, again = v, true
		}
		again = lower(steps, func() bool { return fails(u, steps) }) || again
	}
	return u, steps
}

// lower tries small numbers in the steps.
func lower(steps []Step, fails func() bool) (any bool) {
	for i := range steps {
		for _, n := range []*int{&steps[i].Replica, &steps[i].A, &steps[i].B, &steps[i].C} {
			was := *n
			for *n = 0; *n < min(4, was); *n++ {
				if fails() {
					break
				}
			}
			if *n < min(4, was) {
				any = true
			} else {
				*n = was
			}
		}
	}
	return any
}

// kindOf tells failures apart: what stands before the first colon, or the first two words.
func kindOf(failure string) string {
	if i := strings.IndexAny(failure, ":\n"); i > 0 {
		failure = failure[:i]
	}
	words := strings.Fields(failure)
	return strings.Join(words[:min(2, len(words))], " ")
}
