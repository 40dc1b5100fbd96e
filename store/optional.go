package store

import (
	"context"
	"errors"
	"iter"
)

// ErrPruned is what [Store.Entries] of a [Pruner] yields in place of entries
// that were pruned.
var ErrPruned = errors.New("store: the entries were pruned")

// CheckpointLimit is the most bytes that the body of a checkpoint has.
const CheckpointLimit = 16 << 20

// Checkpoint stands for the entries of a wallet from the first to one of them.
type Checkpoint struct {
	Seq  uint64 // of the last entry that it stands for
	At   int64  // the time of that entry, in microseconds
	Body []byte // opaque, not empty, at most CheckpointLimit bytes
}

// A Pruner is a [Store] whose wallets can shed their oldest entries. It is
// optional.
//
// A query selects pruned entries if it takes in any Seq up to the wallet's
// checkpoint, by After and Through, and any instant up to the checkpoint's At, by
// From; whatever else it asks for. Then Entries yields [ErrPruned]: before all
// others, or with Newest after them, unless Limit was reached.
type Pruner interface {
	Store

	// Checkpoint returns the checkpoint that a wallet has, and the zero one if
	// it has none or does not exist.
	Checkpoint(ctx context.Context, wallet string) (Checkpoint, error)

	// Prune gives a wallet a checkpoint, in place of an earlier one, and removes
	// the entries that it stands for with their notes, the receipts that were
	// kept with them and with no later one, and the digests of any of them. They are
	// pruned from the instant that the checkpoint is kept, which is done first and at once;
	// what is left of them after an error the same Prune removes when it is called again.
	//
	// A checkpoint before the one that the wallet has, another one at the same
	// Seq, one beyond the wallet's Seq or one of entries that were not handed to
	// the feed (beyond Fed) is an error that changes nothing.
	Prune(ctx context.Context, wallet string, c Checkpoint) error

	// Restore makes a wallet that begins with a checkpoint: it has its Seq, these
	// parts and this Due, a Mark of 0, no entries and no receipts, and Fed is its Seq. A
	// wallet that exists is [ErrAborted].
	Restore(ctx context.Context, wallet string, c Checkpoint, due int64, parts []Part) error
}

// Digest is what was worked out from a run of a wallet's entries, which never
// change: all that there are after those of the digest before it.
type Digest struct {
	Through uint64 // the Seq of the last of them
	Body    []byte // opaque, at most BodyLimit bytes
}

// A Digester is a [Store] that keeps digests, so that what follows from old
// entries need not be worked out again. It is optional, and so is all that it keeps:
// whoever reads digests can make them anew.
//
// A Commit that erases notes of a wallet removes all its digests.
type Digester interface {
	Store

	// Digests yields the digests kept of a wallet under a name, whose Through is
	// greater than after and at most through, in order of it. It stops after an error.
	Digests(ctx context.Context, wallet, name string, after, through uint64) iter.Seq2[Digest, error]

	// KeepDigests keeps digests, in order of Through, of entries that were read
	// when the wallet had seq or later. If a change after seq erased notes, it keeps
	// none, and that is no error; nor does it keep those that end at the wallet's
	// checkpoint or before, nor need it keep any while another call changes the
	// wallet, for which it does not wait long. A digest that is there is replaced. A
	// store that is bound to a transaction keeps none.
	KeepDigests(ctx context.Context, wallet, name string, seq uint64, digests ...Digest) error
}

// A Sharded is a [Store] that gains from several commits at once. It is optional; a
// store that wraps another one has to hand it on.
type Sharded interface {
	Store

	// Shards returns how many commits at once it gains from, if they are of different
	// wallets and come in any order. It is at least 1, and always the same.
	Shards() int
}

// Shards returns what [Sharded] says, and 1 if s is none.
func Shards(s Store) int {
	if s, ok := s.(Sharded); ok {
		return s.Shards()
	}
	return 1
}

// Digests yields what [Digester] says, and nothing if s is none.
func Digests(ctx context.Context, s Store, wallet, name string, after, through uint64) iter.Seq2[Digest, error] {
	if d, ok := s.(Digester); ok {
		return d.Digests(ctx, wallet, name, after, through)
	}
	return func(func(Digest, error) bool) {}
}

// KeepDigests does what [Digester] says, and nothing if s is none.
func KeepDigests(ctx context.Context, s Store, wallet, name string, seq uint64, digests ...Digest) error {
	if d, ok := s.(Digester); ok {
		return d.KeepDigests(ctx, wallet, name, seq, digests...)
	}
	return nil
}

// CheckpointOf returns what [Pruner] says, and the zero Checkpoint if s is none.
func CheckpointOf(ctx context.Context, s Store, wallet string) (Checkpoint, error) {
	if p, ok := s.(Pruner); ok {
		return p.Checkpoint(ctx, wallet)
	}
	return Checkpoint{}, nil
}
