package storetest

import (
	"context"
	"fmt"
	"iter"

	"example.com/credits/store"
)

func (s *plain) Checkpoint(ctx context.Context, wallet string) (store.Checkpoint, error) {
	if err := ctx.Err(); err != nil {
		return store.Checkpoint{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m.checkpoint(wallet), nil
}

func (s *plain) Prune(ctx context.Context, wallet string, c store.Checkpoint) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := store.CheckCheckpoint(wallet, c); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m.prune(wallet, c)
}

func (s *plain) Restore(ctx context.Context, wallet string, c store.Checkpoint, due int64, parts []store.Part) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", store.ErrAborted, err)
	}
	if err := store.CheckRestore(wallet, c, due, parts); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m.restore(wallet, c, due, parts)
}

func (s *plain) Digests(ctx context.Context, wallet, name string, after, through uint64) iter.Seq2[store.Digest, error] {
	return slow(ctx, func() ([]store.Digest, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.m.digests(wallet, name, after, through), nil
	})
}

func (s *plain) KeepDigests(ctx context.Context, wallet, name string, seq uint64, digests ...store.Digest) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := store.CheckDigests(wallet, name, seq, digests...); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.m.keepDigests(wallet, name, seq, digests)
	return nil
}
