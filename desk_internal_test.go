package credits

import "fmt"

// DesksAtRest returns what is left at the desks of a ledger that nobody calls:
// callers who wait, seats that are taken, or a desk that is led by nobody.
func DesksAtRest(l *Ledger) error {
	for i := range l.desks.all {
		d := &l.desks.all[i]
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.led || len(d.ready) > 0 {
			return fmt.Errorf("desk %d is led: %v, and %d seats are ready", i, d.led, len(d.ready))
		}
		for id, s := range d.seats {
			if s.taken || s.ready || len(s.line) > 0 {
				return fmt.Errorf("the seat of %q is taken: %v, ready: %v, and %d wait there", id, s.taken, s.ready, len(s.line))
			}
		}
		if len(d.seats) > deskWallets {
			return fmt.Errorf("desk %d remembers %d wallets", i, len(d.seats))
		}
	}
	return nil
}
