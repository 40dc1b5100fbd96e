package archive_test

import (
	"bytes"
	"context"
	"testing"

	"example.com/credits"
	"example.com/credits/archive"
	"example.com/credits/store"
	"example.com/credits/store/memory"
)

// cutOff is a store that keeps nothing after it restored a wallet.
type cutOff struct{ *memory.Store }

func (s *cutOff) Commit(context.Context, ...store.Write) ([]bool, error) {
	return nil, store.ErrAborted
}

// TestImportGoesOnAtACheckpoint sees that it is the same where a wallet stands at a checkpoint,
// whether a store restored it or it came there entry by entry.
func TestImportGoesOnAtACheckpoint(t *testing.T) {
	w := newWorld(t).lived()
	before := export(t, w.store)
	w.clock.Set(day("2026-06-10"))
	w.do(acme, credits.Spend{Amount: 1})
	w.feed()
	whole := export(t, w.store)
	prune(t, w, day("2026-04-20"))
	cut := export(t, w.store)

	t.Run("I-1/entry by entry, and then from a checkpoint", func(t *testing.T) {
		to := new(memory.Store)
		imported(t, to, before)
		if _, err := archive.Import(t.Context(), to, bytes.NewReader(cut)); err != nil {
			t.Error(err)
		}
		verify(t, to)
	})
	t.Run("I-1/restored, and then entry by entry", func(t *testing.T) {
		to := new(memory.Store)
		if _, err := archive.Import(t.Context(), &cutOff{to}, bytes.NewReader(cut)); err == nil {
			t.Fatal("it was not cut off")
		}
		if _, err := archive.Import(t.Context(), to, bytes.NewReader(whole)); err != nil {
			t.Error(err)
		}
	})
}
