package credits

import (
	"fmt"
	"testing"
)

// What is remembered of wallets is bounded, in number and in size; who is at a seat,
// or waits for one, keeps it.
func TestDeskForgets(t *testing.T) {
	d := &desk{wallets: 100, bytes: 5_000, room: &room{wallets: 100, bytes: 5_000}}
	at := func(i, size int) *seat {
		d.mu.Lock()
		defer d.mu.Unlock()
		s := d.seat(WalletID(fmt.Sprintf("wallet-%d", i)))
		s.state = &state{size: size}
		d.weigh(s)
		d.forget(func() bool { return d.crowded(0) })
		return s
	}
	sum := func() (n int) {
		for _, s := range d.seats {
			n += s.size
		}
		return n
	}
	taken := at(0, 10)
	taken.taken = true
	for i := range 1000 {
		at(i, 10)
		if len(d.seats) > 100 || d.size > 5_000 || d.size != sum() {
			t.Fatalf("after %d wallets: %d are there, of %d bytes and not %d", i, len(d.seats), d.size, sum())
		}
	}
	for i := range 1000 {
		at(i, 400)
		if d.size > 5_000+400 || d.size != sum() {
			t.Fatalf("after %d large wallets: %d bytes, and not %d", i, d.size, sum())
		}
	}
	if n, size := d.room.seats.Load(), d.room.size.Load(); n != int64(len(d.seats)) || size != int64(d.size) {
		t.Errorf("the room has %d seats of %d bytes, and the desk %d of %d", n, size, len(d.seats), d.size)
	}
	if d.seats["wallet-0"] != taken {
		t.Error("a seat that was taken is gone")
	}
}

// A desk may have more than its share while the others have less: one large wallet
// does not drive all others out.
func TestDeskShares(t *testing.T) {
	ds := newDesks(64)
	d := &ds.all[0]
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range 10 {
		s := d.seat(WalletID(fmt.Sprintf("wallet-%d", i)))
		s.state = &state{size: maxState}
		if i > 2 {
			s.state.size = 100
		}
		d.weigh(s)
		d.forget(func() bool { return d.crowded(0) })
	}
	if len(d.seats) != 10 {
		t.Errorf("%d wallets are remembered, of 10", len(d.seats))
	}
	for i := range 10 {
		s := d.seat(WalletID(fmt.Sprintf("large-%d", i)))
		s.state = &state{size: maxState}
		d.weigh(s)
		d.forget(func() bool { return d.crowded(0) })
	}
	if d.size > deskBytes {
		t.Errorf("%d bytes are remembered", d.size)
	}
}
