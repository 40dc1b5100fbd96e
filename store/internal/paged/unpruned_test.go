package paged_test

import (
	"errors"
	"slices"
	"testing"

	"example.com/credits/store"
	"example.com/credits/store/internal/paged"
)

func TestUnpruned(t *testing.T) {
	c := store.Checkpoint{Seq: 5, At: 50}
	tests := []struct {
		name   string
		q      store.Query
		page   []uint64
		more   bool
		left   int
		want   []uint64
		goesOn bool
		pruned bool
	}{
		{name: "pruned come next", page: []uint64{4, 5, 6}, more: true, left: 9, pruned: true},
		{name: "after the checkpoint", q: store.Query{After: 5}, page: []uint64{6, 7}, more: true, left: 9, want: []uint64{6, 7}, goesOn: true},
		{name: "what is left of those that were not asked for", q: store.Query{From: 51}, page: []uint64{3, 4, 6}, more: true, left: 9, want: []uint64{6}, goesOn: true},
		{name: "nothing else on the page", q: store.Query{From: 51}, page: []uint64{3, 4}, more: true, left: 9, goesOn: true},
		{name: "newest, not there yet", q: store.Query{Newest: true}, page: []uint64{9, 8}, more: true, left: 9, want: []uint64{9, 8}, goesOn: true},
		{name: "newest, come to the pruned", q: store.Query{Newest: true}, page: []uint64{7, 6, 5}, more: true, left: 9, want: []uint64{7, 6}, pruned: true},
		{name: "newest, at the end", q: store.Query{Newest: true}, page: []uint64{7, 6}, left: 9, want: []uint64{7, 6}, pruned: true},
		{name: "newest, limit reached", q: store.Query{Newest: true}, page: []uint64{7, 6}, left: 2, want: []uint64{7, 6}},
		{name: "newest, limit reached by what is kept", q: store.Query{Newest: true}, page: []uint64{7, 5}, left: 2, want: []uint64{7}, pruned: true},
		{name: "newest, from after the checkpoint", q: store.Query{Newest: true, From: 51}, page: []uint64{7, 5}, more: true, left: 9, want: []uint64{7}},
		{name: "newest, none", q: store.Query{Newest: true}, left: 9, pruned: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var page []store.Entry
			for _, seq := range tt.page {
				page = append(page, store.Entry{Seq: seq})
			}
			page, more, err := paged.Unpruned(tt.q, c, page, tt.more, tt.left)
			var got []uint64
			for _, e := range page {
				got = append(got, e.Seq)
			}
			if !slices.Equal(got, tt.want) || more != tt.goesOn || errors.Is(err, store.ErrPruned) != tt.pruned {
				t.Errorf("it left %v, more %v, error %v; want %v, %v, pruned %v", got, more, err, tt.want, tt.goesOn, tt.pruned)
			}
		})
	}
}
