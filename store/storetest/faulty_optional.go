package storetest

import (
	"context"
	"iter"

	"example.com/credits/store"
)

// wrap returns s as what the store within it is beside a [store.Store].
func (s *faulty) wrap() store.Store {
	p, prunes := s.s.(store.Pruner)
	d, digests := s.s.(store.Digester)
	switch {
	case prunes && digests:
		return struct {
			*faulty
			faultyPruner
			faultyDigester
		}{s, faultyPruner{s, p}, faultyDigester{s, d}}
	case prunes:
		return struct {
			*faulty
			faultyPruner
		}{s, faultyPruner{s, p}}
	case digests:
		return struct {
			*faulty
			faultyDigester
		}{s, faultyDigester{s, d}}
	}
	return s
}

type faultyPruner struct {
	f *faulty
	p store.Pruner
}

func (s faultyPruner) Checkpoint(ctx context.Context, wallet string) (c store.Checkpoint, err error) {
	err = s.f.around("checkpoint", func() error {
		c, err = s.p.Checkpoint(ctx, wallet)
		return err
	})
	if err != nil {
		return store.Checkpoint{}, err
	}
	return c, nil
}

func (s faultyPruner) Prune(ctx context.Context, wallet string, c store.Checkpoint) error {
	return s.f.around("prune", func() error { return s.p.Prune(ctx, wallet, c) })
}

func (s faultyPruner) Restore(ctx context.Context, wallet string, c store.Checkpoint, due int64, parts []store.Part) error {
	return s.f.around("restore", func() error { return s.p.Restore(ctx, wallet, c, due, parts) })
}

type faultyDigester struct {
	f *faulty
	d store.Digester
}

func (s faultyDigester) Digests(ctx context.Context, wallet, name string, after, through uint64) iter.Seq2[store.Digest, error] {
	_, before, late := s.f.call("digests")
	return failing(s.d.Digests(ctx, wallet, name, after, through), before, late)
}

func (s faultyDigester) KeepDigests(ctx context.Context, wallet, name string, seq uint64, digests ...store.Digest) error {
	return s.f.around("keepdigests", func() error { return s.d.KeepDigests(ctx, wallet, name, seq, digests...) })
}

// around makes a call that has an effect or fails.
func (s *faulty) around(op string, call func() error) error {
	_, before, after := s.call(op)
	if before != nil {
		return before
	}
	if err := call(); err != nil {
		return err
	}
	return after
}
