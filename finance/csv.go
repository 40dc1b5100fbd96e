package finance

import (
	"encoding/csv"
	"io"
	"time"

	"example.com/credits"
)

// WriteCSV writes statements as one table, with a header: a row for each line,
// whose kind is "credits", and a row for each currency, whose kind is "revenue".
// Both have the same columns, for what became of credits is what became of the
// money paid for them:
//
//	wallet, from, to    of the statement; times in UTC, and none where there is no bound
//	kind, unit, source  the unit of credits or the currency; the source of credits
//	opening             or what was deferred
//	issued              or paid
//	moved
//	consumed            or recognised
//	expired             or breakage
//	revoked
//	refunded
//	held
//	closing             or what is deferred
//	charged, surcharge, settled
//
// Amounts are plain decimals in units and in the currency's major unit. What
// does not apply is empty. It returns the first error of w.
func WriteCSV(w io.Writer, statements ...Statement) error {
	table := csv.NewWriter(w)
	err := table.Write([]string{
		"wallet", "from", "to", "kind", "unit", "source", "opening", "issued", "moved", "consumed", "expired", "revoked",
		"refunded", "held", "closing", "charged", "surcharge", "settled",
	})
	if err != nil {
		return err
	}
	for _, s := range statements {
		head := []string{string(s.Wallet), instant(s.Period.Start), instant(s.Period.End)}
		for _, ln := range s.Lines {
			row := append(head[:3:3], "credits", string(ln.Unit), ln.Source)
			for _, a := range []credits.Amount{
				ln.Opening, ln.Issued, ln.Moved, ln.Consumed, ln.Expired, ln.Revoked, ln.Refunded, ln.Held, ln.Closing,
			} {
				row = append(row, a.Decimal().String())
			}
			if err := table.Write(append(row, "", "", "")); err != nil {
				return err
			}
		}
		for _, r := range s.Revenue {
			row := append(head[:3:3], "revenue", r.Paid.Currency, "")
			for _, m := range []credits.Money{r.Opening, r.Paid, r.Moved, r.Recognised, r.Breakage, r.Revoked, r.Refunded} {
				row = append(row, m.Decimal().String())
			}
			row = append(row, "")
			for _, m := range []credits.Money{r.Deferred, r.Charged, r.Surcharge, r.Settled} {
				row = append(row, m.Decimal().String())
			}
			if err := table.Write(row); err != nil {
				return err
			}
		}
	}
	table.Flush()
	return table.Error()
}

// instant returns a time as text; none if it is no bound.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
