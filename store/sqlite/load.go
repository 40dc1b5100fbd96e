package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"example.com/credits/store"
)

// Load implements [store.Store]. A wallet's parts are left out if it still has
// the Seq that the read has. Outside of a transaction each read is answered by
// one statement, and by one more for each key after the first.
func (s *Store) Load(ctx context.Context, reads ...store.Read) ([]store.State, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.host != nil {
		return s.host.load(ctx, reads)
	}
	states, ok := s.writer.load(ctx, reads)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !ok {
		return s.reads.load(ctx, reads)
	}
	return states, nil
}

// load reads on the connection that writes, if there is one that nobody uses: it
// remembers the pages that it wrote, while the others forget theirs whenever it writes.
func (w *writer) load(ctx context.Context, reads []store.Read) (states []store.State, ok bool) {
	select {
	case <-w.turn:
		defer func() { w.turn <- struct{}{} }()
	default:
		return nil, false
	}
	if w.conn == nil {
		return nil, false
	}
	states, whole := make([]store.State, len(reads)), context.WithoutCancel(ctx)
	for i := 0; i < len(reads) && ctx.Err() == nil; i++ {
		if err := w.loadOne(whole, &reads[i], &states[i]); err != nil {
			w.discard()
			return nil, false // another connection may do
		}
	}
	return states, true
}

func (s *session) load(ctx context.Context, reads []store.Read) ([]store.State, error) {
	states := make([]store.State, len(reads))
	for i := range reads {
		if err := s.loadOne(ctx, &reads[i], &states[i]); err != nil {
			return nil, fmt.Errorf("sqlite: load: %w", err)
		}
	}
	return states, nil
}

func (s *session) loadOne(ctx context.Context, r *store.Read, st *store.State) error {
	no, err := s.loadWallet(ctx, r, st)
	if err != nil || st.Seq == 0 || len(r.Keys) < 2 {
		return err
	}
	for _, key := range r.Keys[1:] {
		var body []byte
		kept, err := s.row(ctx, loadReceipt, []any{no, key}, &body)
		if err != nil {
			return err
		}
		if kept {
			st.Receipts = append(st.Receipts, store.Receipt{Key: key, Body: body})
		}
	}
	return nil
}

// What a row of loadWallet is that has no ID of a part.
const (
	rowWallet  = -1
	rowReceipt = -2
)

// loadWallet reads the Seq, the parts that are wanted and what is kept under the first
// key, and returns the wallet's number.
func (s *session) loadWallet(ctx context.Context, r *store.Read, st *store.State) (found int64, err error) {
	last, key := int64(math.MaxInt64), "" // of the parts; none
	if r.Below > 0 {
		last = number(r.Below - 1)
	}
	if len(r.Keys) > 0 {
		key = r.Keys[0]
	}
	stmt, err := s.get(ctx, loadWallet)
	if err != nil {
		return 0, err
	}
	rows, err := stmt.QueryContext(ctx, r.Wallet, number(r.Have), last, key)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var id, no, seq, mark int64
		var body []byte
		if err := rows.Scan(&id, &no, &seq, &mark, &body); err != nil {
			return 0, err
		}
		switch {
		case id == rowReceipt:
			st.Receipts = append(st.Receipts, store.Receipt{Key: key, Body: body})
			continue
		case id == rowWallet:
			id, found, st.Seq, st.Mark = 0, no, uint64(seq), uint64(mark)
		}
		if len(body) > 0 {
			st.Parts = append(st.Parts, store.Part{ID: uint64(id), Body: body})
		}
	}
	slices.SortFunc(st.Parts, func(a, b store.Part) int { return cmp.Compare(a.ID, b.ID) })
	return found, rows.Err()
}
