package credits

import (
	"fmt"
	"testing"
)

// What is remembered of wallets is bounded, in number and in size; who is at a seat,
// or waits for one, keeps it.
func TestDeskForgets(t *testing.T) {
	d := &desk{wallets: 100, bytes: 5_000}
	at := func(i, size int) *seat {
		d.mu.Lock()
		defer d.mu.Unlock()
		s := d.seat(WalletID(fmt.Sprintf("wallet-%d", i)))
		s.state = &state{size: size}
		d.weigh(s)
		d.forget(d.wallets, d.bytes)
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
	if d.seats["wallet-0"] != taken {
		t.Error("a seat that was taken is gone")
	}
}
