package paged

import (
	"slices"

	"example.com/credits/store"
)

// Unpruned leaves out of a page what was pruned, and returns [store.ErrPruned] if
// pruned entries come in place of the page or after it. q is what was left of the
// query before the page, of which left entries may follow, and c the wallet's
// checkpoint, as it was when the page was read or later.
func Unpruned(q store.Query, c store.Checkpoint, page []store.Entry, more bool, left int) ([]store.Entry, bool, error) {
	hidden := c.Hides(q)
	if hidden && !q.Newest {
		return nil, false, store.ErrPruned
	}
	kept := slices.DeleteFunc(page, func(e store.Entry) bool { return e.Seq <= c.Seq })
	if q.Newest && len(kept) < len(page) {
		more = false
	}
	if hidden && !more && len(kept) < left {
		return kept, false, store.ErrPruned
	}
	return kept, more, nil
}
