package postgres

import (
	"cmp"
	"context"
	"math"
	"slices"

	"example.com/credits/store"
)

// Load implements [store.Store], in one statement. A wallet's parts are left
// out if it still has the Seq that the read has.
func (s *Store) Load(ctx context.Context, reads ...store.Read) ([]store.State, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	states := make([]store.State, len(reads))
	text, args := s.loading(reads)
	if text == "" {
		return states, nil
	}
	err := s.query(ctx, text, args, func(scan func(dest ...any) error) error {
		var i, number, mark int64
		var what int
		var key string
		var body []byte
		if err := scan(&i, &what, &number, &mark, &key, &body); err != nil {
			return err
		}
		state := &states[i]
		switch what {
		case rowWallet:
			state.Seq, state.Mark = uint64(number), uint64(mark)
			if len(body) > 0 {
				state.Parts = append(state.Parts, store.Part{Body: body})
			}
		case rowPart:
			if len(body) > 0 { // one that was removed has an empty body
				state.Parts = append(state.Parts, store.Part{ID: uint64(number), Body: body})
			}
		case rowReceipt:
			state.Receipts = append(state.Receipts, store.Receipt{Key: key, Body: body})
		case rowLevel:
			s.host.level = key
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range states {
		slices.SortFunc(states[i].Parts, func(a, b store.Part) int { return cmp.Compare(a.ID, b.ID) })
		if len(states[i].Receipts) > 1 {
			order := func(r store.Receipt) int { return slices.Index(reads[i].Keys, r.Key) }
			slices.SortFunc(states[i].Receipts, func(a, b store.Receipt) int { return order(a) - order(b) })
		}
	}
	return states, nil
}

// loading returns the statement that answers reads, or nothing if there is none to ask for.
func (s *Store) loading(reads []store.Read) (text string, args []any) {
	var numbers, wallets, haves, tops list
	var keyNumbers, keyWallets, keys list
	for i := range reads {
		r := &reads[i]
		if !named(r.Wallet) { // no such wallet can exist, and the database would take offence
			continue
		}
		numbers.addInt(int64(i))
		wallets.addText(r.Wallet)
		haves.addInt(have(r))
		tops.addInt(top(r))
		for _, key := range r.Keys {
			if named(key) {
				keyNumbers.addInt(int64(i))
				keyWallets.addText(r.Wallet)
				keys.addText(key)
			}
		}
	}
	switch {
	case len(wallets) == 0:
		return "", nil
	case len(reads) == 1:
		text, args = s.text.loadOne, []any{reads[0].Wallet, have(&reads[0]), top(&reads[0]), keys.String()}
	default:
		text = s.text.loadMany
		for _, l := range []list{numbers, wallets, haves, tops, keyNumbers, keyWallets, keys} {
			args = append(args, l.String())
		}
	}
	if s.host != nil {
		text += s.text.level
	}
	return text, args
}

// have returns the Seq whose parts need not be read; none is negative.
func have(r *store.Read) int64 {
	if r.Have == 0 || r.Have > math.MaxInt64 {
		return -1
	}
	return int64(r.Have)
}

// top returns the greatest ID of a part to read.
func top(r *store.Read) int64 {
	if r.Below == 0 || r.Below > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(r.Below) - 1
}

// query reads rows, all of them before it returns: none is left open for a
// transaction to trip over.
func (s *Store) query(ctx context.Context, text string, args []any, row func(scan func(dest ...any) error) error) error {
	if s.host == nil {
		return sqlRunner{s.db}.Query(ctx, text, args, row)
	}
	s.host.mu.Lock()
	defer s.host.mu.Unlock()
	return s.host.tx.Query(ctx, text, args, row)
}
