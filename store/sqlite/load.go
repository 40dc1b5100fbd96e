package sqlite

import (
	"context"
	"fmt"
	"math"

	"example.com/credits/store"
)

// Load implements [store.Store]. A wallet's parts are left out if it still has
// the Seq that the read has. Outside of a transaction each read is answered by
// one statement, and its receipts by later ones.
func (s *Store) Load(ctx context.Context, reads ...store.Read) ([]store.State, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.host != nil {
		return s.host.load(ctx, reads)
	}
	return s.reads.load(ctx, reads)
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
	if err != nil || st.Seq == 0 {
		return err
	}
	for _, key := range r.Keys {
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

// loadWallet reads the Seq and the parts that are wanted, and returns the wallet's number.
func (s *session) loadWallet(ctx context.Context, r *store.Read, st *store.State) (int64, error) {
	last := int64(math.MaxInt64) // of the parts
	if r.Below > 0 {
		last = number(r.Below - 1)
	}
	stmt, err := s.get(ctx, loadWallet)
	if err != nil {
		return 0, err
	}
	rows, err := stmt.QueryContext(ctx, r.Wallet, number(r.Have), last)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var found int64
	for rows.Next() {
		var id, no, seq, mark int64
		var body []byte
		if err := rows.Scan(&id, &no, &seq, &mark, &body); err != nil {
			return 0, err
		}
		if id < 0 {
			id, found, st.Seq, st.Mark = 0, no, uint64(seq), uint64(mark)
		}
		if len(body) > 0 {
			st.Parts = append(st.Parts, store.Part{ID: uint64(id), Body: body})
		}
	}
	return found, rows.Err()
}
