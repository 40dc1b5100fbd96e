package credits_test

import (
	"context"

	"example.com/credits/store"
)

// spy is a store that tells of each commit before it is made.
type spy struct {
	store.Store
	commit func()
}

func (s spy) Commit(ctx context.Context, writes ...store.Write) ([]bool, error) {
	s.commit()
	return s.Store.Commit(ctx, writes...)
}
