// Package store is what a ledger asks of the place where it keeps wallets.
//
// Hosts that use a store of this module need nothing from this package. It is
// for those who write a store: they implement [Store] and run the suite of
// package storetest, whose cases quote the rules below.
//
// A store understands no credits. It keeps bytes under names and numbers,
// compares one number, and hands back what it was given:
//
//   - Names (of wallets, keys, features) are valid UTF-8 of 1 to 255 bytes
//     without a NUL byte. They are compared and ordered byte by byte, never
//     folded, trimmed or normalised.
//   - Numbers (every Seq, ID and Of, and what is compared with them) are at most 1<<63 - 1.
//   - Times are in microseconds since 1970-01-01 UTC, from 0 to the last one
//     of the year 9999, and are kept to the microsecond.
//   - Bodies and notes are opaque, have at most 1 MiB, and come back byte for
//     byte. An empty one is the same as nil.
//   - What a caller passes is the caller's again when the call returns, and so
//     is what a call returns: the store keeps and shares no memory of either.
//
// A call sees all that was kept before it began. A read that asks for a name
// or number outside these bounds finds nothing, or is an error; a Commit of one
// is an error that keeps nothing.
package store

import (
	"context"
	"errors"
	"iter"
)

// The bounds of names and bodies, in bytes, and of times, in microseconds.
const (
	NameLimit = 255
	BodyLimit = 1 << 20
	TimeLimit = 253402300799999999 // 9999-12-31 23:59:59.999999 UTC
)

// ErrAborted says that nothing of a Commit was kept and that it may be tried
// again. A store wraps it when it knows: a serialization failure, a deadlock, a
// connection that could not be had. Any other error of Commit tells nothing.
var ErrAborted = errors.New("store: nothing was kept")

// A Store keeps wallets, their entries and their receipts. Its methods may be
// called concurrently. They return promptly with an error when ctx has ended,
// and if it has ended before the call, do nothing and return an error that wraps the context's.
type Store interface {
	// Load returns one State for each read, in order. A wallet that does not
	// exist has the zero State; that is no error. Each read is answered by
	// itself: two of one call need not show the same instant.
	//
	// A wallet's Seq, Mark and parts are those of one commit. The parts may be left
	// out, all of them, if the wallet still has the Seq that the read says it
	// has. With Below, parts with that ID and above are left out in any case;
	// the Seq, the Mark and the receipts are as without it. Receipts are looked up no
	// earlier than the wallet: one that a commit up to the returned Seq kept is found.
	Load(ctx context.Context, reads ...Read) ([]State, error)

	// Commit keeps each write whole or not at all, and reports for each whether
	// it did. A write is kept if every change in it follows: the stored wallet
	// has the Seq that the change calls Prev and the Mark that it calls PrevMark, and
	// none of the change's receipts has a key that is kept already. One write that is not kept keeps no other from being so.
	// Of several writes, one whose wallet somebody else is changing may be reported
	// as not kept rather than waited for.
	//
	// Commit need not wait for somebody else who is changing a wallet, a
	// transaction of the host's for one: it may report a write as not kept
	// instead, though it follows, unless the write says Wait.
	//
	// The wallets of one call are distinct. If the error is not nil, nothing is
	// known of any write, unless it is [ErrAborted]: then none was kept. A
	// context that has ended before the call keeps nothing, and the error is
	// ErrAborted too. A malformed write ([Check] tells) keeps nothing of the
	// call, and the error is not ErrAborted: trying again would not help.
	Commit(ctx context.Context, writes ...Write) (kept []bool, err error)

	// Entries yields the entries that q selects, ordered by Seq. It stops after an error.
	//
	// Nothing is held by an iterator that is not ranged over, or no more: a
	// loop may end early. The body of a loop may call the store; what is kept
	// meanwhile may be missing from the loop.
	Entries(ctx context.Context, q Query) iter.Seq2[Entry, error]

	// Heads yields the wallets that f selects, ordered by name. It stops after
	// an error. Of its iterator the same holds as of that of Entries.
	Heads(ctx context.Context, f Filter) iter.Seq2[Head, error]

	// Ack says that a wallet's entries up to seq were handed to the feed. The
	// wallet is pending while it has later ones. Ack never moves back; beyond
	// the wallet's Seq it moves to that; for a wallet that does not exist it does nothing.
	Ack(ctx context.Context, wallet string, seq uint64) error
}

// Read names a wallet to load.
type Read struct {
	Wallet string
	Have   uint64   // the Seq whose parts the caller holds, all of those that Below leaves; 0 for none
	Below  uint64   // only parts with an ID below it; 0 for all
	Keys   []string // the receipts wanted, distinct
}

// State is a wallet as it is stored.
type State struct {
	Seq      uint64    // of its last entry; 0 if there is no such wallet
	Mark     uint64    // that the last change gave it
	Parts    []Part    // in order of ID; may be nil if Seq is what the read had
	Receipts []Receipt // of the keys read, those that are kept, in the order of the read's keys
}

// Part is one numbered piece of a wallet's state.
type Part struct {
	ID   uint64 // from 0; distinct within a change
	Body []byte // in a change, an empty body removes the part, if there is one
}

// Receipt is what is kept under a key of a wallet, once and for good.
type Receipt struct {
	Key  string // the wallet's own: another wallet may have the same; distinct within a change
	Body []byte
}

// Entry is one entry of a wallet's history. Body is all of it that the chain of
// hashes covers, and Note what may be erased; the other fields repeat what queries ask for.
type Entry struct {
	Seq     uint64
	At      int64  // microseconds; need not rise with Seq
	Kind    uint8  // never 0
	Of      uint64 // the entry it is about; 0 for none; a store does not look whether there is one
	Feature string // may be empty
	Body    []byte
	Note    []byte // nil if there is none, or none any more
}

// Write is changes to distinct wallets that are kept together or not at all.
// It has at least one; most have one.
type Write struct {
	Changes []Change
	Wait    bool // for whoever is changing a wallet of it: see [Store.Commit]
}

// Change is what becomes of one wallet.
type Change struct {
	Wallet   string
	Prev     uint64  // the Seq the stored wallet must have; 0 if it must not exist
	PrevMark uint64  // the Mark it must have; 0 if it must not exist
	Mark     uint64  // the one it gets: another one for each history that leads to a Seq, as when a database was set back and went on from there
	Seq      uint64  // the Seq it gets: Prev plus the number of entries, of which there is at least one
	Due      int64   // when time alone changes it next, in microseconds; 0 if never; replaces what was there
	Parts    []Part  // those that changed, in any order; all others stay
	Entries  []Entry // Prev+1 to Seq
	Receipts []Receipt
	Erase    []uint64 // entries up to Prev whose Note is removed, if they have one
}

// Query selects entries of one wallet: those that meet all its fields. The zero
// value of each field but Wallet selects all.
type Query struct {
	Wallet  string
	After   uint64  // entries with a greater Seq
	Through uint64  // and at most this one; 0 for no bound
	From    int64   // entries at or after this instant
	To      int64   // entries before it; 0 for no bound
	Of      uint64  // entries about this one
	Kinds   []uint8 // entries of one of these kinds
	Feature string  // entries of this feature
	Newest  bool    // in descending order of Seq
	Limit   int     // at most so many; 0 for all
}

// Filter selects wallets: those that meet all its fields. The zero Filter selects all.
type Filter struct {
	After   string // names greater than this
	Due     int64  // if not 0, those whose Due is not 0 and at or before it
	Pending bool   // if set, those with entries that were not handed to the feed
	Limit   int    // at most so many; 0 for all
}

// Head is a wallet's name and position.
type Head struct {
	Wallet string
	Seq    uint64
	Fed    uint64 // the entries up to it were handed to the feed
	Due    int64
}
