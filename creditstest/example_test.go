package creditstest_test

import (
	"context"
	"fmt"
	"testing"

	"example.com/credits"
	"example.com/credits/creditstest"
)

// Draw is a function of a program that uses credits: it takes the credits for
// pictures and draws them.
func Draw(ctx context.Context, l *credits.Ledger, id credits.WalletID, job credits.Key, pictures int64) (string, error) {
	r, err := l.Do(ctx, id, job, credits.Spend{Feature: "image", Quantity: pictures})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d pictures for %v credits", pictures, r.Amount), nil
}

// TestDraw is what a program's own test of Draw looks like: a job that is done
// again costs nothing, and a month later there are credits again.
func TestDraw(t *testing.T) {
	w := creditstest.New(t)
	w.Must("acme", credits.Open{Plan: plan()}, credits.Spend{Amount: 90 * credits.Credit})
	for range 2 {
		if got, err := Draw(t.Context(), w.Ledger, "acme", "job-1", 4); err != nil || got != "4 pictures for 8 credits" {
			t.Errorf("Draw = %q, %v", got, err)
		}
	}
	w.Want("acme", 2*credits.Credit)
	w.Later("1 month")
	w.Want("acme", 100*credits.Credit)
}

// printer stands for the *testing.T of a test. It prints what fails.
type printer struct{ recorder }

func (p *printer) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// A test of the function Draw, which spends 2 credits for each picture.
func Example() {
	t := &printer{} // in a test, its *testing.T
	w := creditstest.New(t)
	w.Must("acme", credits.Open{Plan: plan()}, credits.Spend{Amount: 90 * credits.Credit})
	got, err := Draw(context.Background(), w.Ledger, "acme", "job-1", 4)
	fmt.Println(got, err)
	w.Want("acme", 2*credits.Credit)
	w.Later("1 month")
	w.Want("acme", 100*credits.Credit)
	// Output: 4 pictures for 8 credits <nil>
}

// The same test, made wrong, to show how a failure reads.
func Example_failure() {
	t := &printer{} // in a test, its *testing.T
	w := creditstest.New(t)
	w.Must("acme", credits.Open{Plan: plan()})
	w.Later("27 days")
	if _, err := Draw(context.Background(), w.Ledger, "acme", "job-1", 4); err != nil {
		t.Errorf("Draw: %v", err)
	}
	w.Want("acme", 92*credits.Credit)
	w.Later("36h")
	w.Want("acme", 92*credits.Credit)

	// Output:
	// "acme": 100 available, want 92
	//     It is 2026-03-01 00:00. The last entries of "acme":
	//     #1   2026-01-31 12:00 opened, 9.00 USD
	//     #2   2026-01-31 12:00 granted (allowance): +100, leaves 100
	//     #3   2026-02-27 12:00 spent 4 image: -8, leaves 92
	//     #4   2026-02-28 12:00 expired: -92, leaves 0
	//     #5   2026-02-28 12:00 renewed, 9.00 USD
	//     #6   2026-02-28 12:00 granted (allowance): +100, leaves 100
}
