package store

import (
	"bytes"
	"errors"
	"fmt"
	"math"
)

// Hides reports whether q selects entries that c stands for, as [Pruner] says.
// A zero Checkpoint stands for none.
func (c Checkpoint) Hides(q Query) bool {
	return q.After < c.Seq && (q.Through == 0 || q.After < q.Through) && q.From <= c.At
}

// CheckCheckpoint returns an error that says what is malformed about a wallet's
// checkpoint, or nil. A store calls it before it keeps anything.
func CheckCheckpoint(wallet string, c Checkpoint) error {
	if err := checkName(wallet); err != nil {
		return fmt.Errorf("store: wallet %q: %w", wallet, err)
	}
	if err := c.check(); err != nil {
		return fmt.Errorf("store: wallet %q: checkpoint: %w", wallet, err)
	}
	return nil
}

func (c *Checkpoint) check() error {
	switch {
	case c.Seq == 0:
		return errors.New("seq is 0")
	case c.Seq > math.MaxInt64:
		return fmt.Errorf("seq %d is over 1<<63 - 1", c.Seq)
	case len(c.Body) == 0:
		return errors.New("body is empty")
	case len(c.Body) > CheckpointLimit:
		return fmt.Errorf("%d bytes, more than %d", len(c.Body), CheckpointLimit)
	}
	return checkTime(c.At)
}

// CheckPrune returns an error that says why the wallet that stands at h and has
// one checkpoint, or the zero one, cannot be given another. If that is the one it has, it can.
func CheckPrune(h Head, has, c Checkpoint) error {
	switch {
	case h.Seq == 0:
		return fmt.Errorf("store: wallet %q does not exist", h.Wallet)
	case c.Seq > h.Seq:
		return fmt.Errorf("store: wallet %q: the checkpoint is at %d, and the wallet at %d", h.Wallet, c.Seq, h.Seq)
	case c.Seq > h.Fed:
		return fmt.Errorf("store: wallet %q: the checkpoint is at %d, and the feed at %d", h.Wallet, c.Seq, h.Fed)
	case c.Seq < has.Seq:
		return fmt.Errorf("store: wallet %q: the checkpoint is at %d, before the one there at %d", h.Wallet, c.Seq, has.Seq)
	case c.Seq == has.Seq && (c.At != has.At || !bytes.Equal(c.Body, has.Body)):
		return fmt.Errorf("store: wallet %q: there is another checkpoint at %d", h.Wallet, c.Seq)
	}
	return nil
}

// CheckRestore returns an error that says what is malformed about a call of
// Restore, or nil. A store calls it before it keeps anything.
func CheckRestore(wallet string, c Checkpoint, due int64, parts []Part) error {
	if err := CheckCheckpoint(wallet, c); err != nil {
		return err
	}
	if err := checkTime(due); err != nil {
		return fmt.Errorf("store: wallet %q: due: %w", wallet, err)
	}
	if err := checkParts(parts); err != nil {
		return fmt.Errorf("store: wallet %q: %w", wallet, err)
	}
	return nil
}
