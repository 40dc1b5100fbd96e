package finance_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/finance"
)

func TestWriteCSV(t *testing.T) {
	usd := func(micros int64) credits.Money { return credits.Money{Micros: micros, Currency: "USD"} }
	statement := finance.Statement{
		Wallet: `a,"b"`,
		Period: credits.Period{Start: start.In(time.FixedZone("", 3600)), End: start.Add(time.Microsecond)},
		Lines: []finance.Line{
			{Source: "allowance", Opening: 1, Issued: 2 * credits.Credit, Moved: -3, Consumed: 4, Expired: 5, Revoked: 6, Refunded: 7, Held: 8, Closing: 9},
			{Unit: "GB", Source: "debt", Closing: -credits.Credit},
		},
		Revenue: []finance.Revenue{{
			Opening: usd(1), Paid: usd(2_000_000), Moved: usd(-3), Recognised: usd(4), Breakage: usd(5), Revoked: usd(6), Refunded: usd(7),
			Deferred: usd(9), Charged: usd(-10), Surcharge: usd(11), Settled: usd(12),
		}},
	}
	var b bytes.Buffer
	if err := finance.WriteCSV(&b, statement, finance.Statement{Wallet: "bob", Lines: statement.Lines[:1]}); err != nil {
		t.Fatal(err)
	}
	want := `wallet,from,to,kind,unit,source,opening,issued,moved,consumed,expired,revoked,refunded,held,closing,charged,surcharge,settled
"a,""b""",2026-01-10T12:00:00Z,2026-01-10T12:00:00.000001Z,credits,,allowance,0.000001,2,-0.000003,0.000004,0.000005,0.000006,0.000007,0.000008,0.000009,,,
"a,""b""",2026-01-10T12:00:00Z,2026-01-10T12:00:00.000001Z,credits,GB,debt,0,0,0,0,0,0,0,0,-1,,,
"a,""b""",2026-01-10T12:00:00Z,2026-01-10T12:00:00.000001Z,revenue,USD,,0.000001,2,-0.000003,0.000004,0.000005,0.000006,0.000007,,0.000009,-0.00001,0.000011,0.000012
bob,,,credits,,allowance,0.000001,2,-0.000003,0.000004,0.000005,0.000006,0.000007,0.000008,0.000009,,,
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if rows, err := csv.NewReader(&b).ReadAll(); err != nil || len(rows) != 5 || rows[1][0] != `a,"b"` {
		t.Errorf("read again: %q, %v", rows, err)
	}
}

// A row of a table adds up like a line of its statement.
func TestTableAddsUp(t *testing.T) {
	l, _ := live(t, plan(), nil, []step{
		{cmd: credits.Spend{Amount: 40 * credits.Credit}},
		{cmd: credits.Buy{Pack: "extra", Amount: 30 * credits.Credit}},
		{cmd: credits.Reserve{Amount: credits.Credit, Until: start.Add(day)}},
		{cmd: credits.Refund{Purchase: 4}},
	})
	s, err := finance.Of(ctx, l, "acme", credits.Period{})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := finance.WriteCSV(&b, s); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	if err != nil || len(rows) != 4 {
		t.Fatalf("%q, %v", rows, err)
	}
	for _, row := range rows[1:] {
		var sum credits.Amount
		for i, text := range row[6:15] {
			if text == "" {
				continue
			}
			a, err := credits.ParseAmount(text)
			if err != nil {
				t.Fatal(err)
			}
			if i >= 3 {
				a = -a
			}
			sum += a
		}
		if sum != 0 {
			t.Errorf("%q: %v came more than went", row, sum)
		}
	}
}

// full takes so many bytes and no more.
type full int

var errFull = errors.New("full")

func (f *full) Write(p []byte) (int, error) {
	if len(p) > int(*f) {
		return 0, errFull
	}
	*f -= full(len(p))
	return len(p), nil
}

func TestWriteCSVSaysWhatFailed(t *testing.T) {
	many := finance.Statement{Lines: make([]finance.Line, 1000), Revenue: make([]finance.Revenue, 1000)}
	for _, room := range []full{0, 10_000, 60_000} {
		if err := finance.WriteCSV(&room, many); !errors.Is(err, errFull) {
			t.Errorf("%v", err)
		}
	}
	room := full(0)
	if err := finance.WriteCSV(&room, finance.Statement{}); !errors.Is(err, errFull) {
		t.Errorf("the last of it: %v", err)
	}
}
