package memdriver

import "sync/atomic"

// Broken names one rule of the contract that the driver breaks on demand, so
// that a conformance case can be seen to fail. A PMS breaks none by default.
type Broken string

// brokenSet holds the rules that are broken. Asking costs one atomic load.
type brokenSet struct {
	set atomic.Pointer[map[Broken]bool]
}

// Break makes the driver break these rules too, on open connections at once.
func (p *PMS) Break(rules ...Broken) {
	if len(rules) == 0 {
		return
	}
	for {
		old := p.broke.set.Load()
		next := map[Broken]bool{}
		if old != nil {
			for r := range *old {
				next[r] = true
			}
		}
		for _, r := range rules {
			next[r] = true
		}
		if p.broke.set.CompareAndSwap(old, &next) {
			return
		}
	}
}

// broken reports whether the rule is to be broken.
func (p *PMS) broken(rule Broken) bool {
	set := p.broke.set.Load()
	return set != nil && (*set)[rule]
}
