package page_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/examples/internal/page"
)

func TestPage(t *testing.T) {
	var p page.Page
	p.Title("acme", "2 March")
	p.Heading("%d words", 40)
	p.Say("One two three four five six seven eight nine ten eleven twelve thirteen fourteen %s sixteen.", "fifteen")
	p.Gap()
	table := page.NewTable("lnr", "what", "credits", "price")
	table.Add("runs", "1,200.5", "9.00 USD")
	table.Add("all of them, which is much", "7")
	table.Rule()
	table.Add("", "1,207.5")
	p.Table(table)
	p.Gap()
	p.Panel("Credits", page.NewTable("lr", "left", "1,200"))
	p.Panel("Credits of all accounts", page.NewTable("lr", "", "1,200"))
	want := `acme                                                                                 2 March
============================================================================================

40 words
--------
  One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
  sixteen.

  what                        credits     price
  runs                        1,200.5  9.00 USD
  all of them, which is much      7
                              -------  --------
                              1,207.5

  +- Credits ---+
  | left  1,200 |
  +-------------+
  +- Credits of all accounts -+
  |   1,200                   |
  +---------------------------+
`
	if diff := cmp.Diff(want, p.String()); diff != "" {
		t.Errorf("the page (-want +got):\n%s", diff)
	}
}

func TestTexts(t *testing.T) {
	usd := func(s string) credits.Money {
		m, err := credits.ParseMoney(s)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for _, tt := range []struct{ name, got, want string }{
		{"an amount", page.Number(1_234_567*credits.Credit + 500_000), "1,234,567.5"},
		{"a small amount", page.Number(-12 * credits.Credit), "-12"},
		{"three digits", page.Number(-123 * credits.Credit), "-123"},
		{"six digits", page.Number(-123_456 * credits.Credit), "-123,456"},
		{"money", page.Money(usd("1449.00 EUR")), "1,449.00 EUR"},
		{"no money", page.Money(credits.Money{}), "-"},
		{"no money is not free", page.Money(usd("0.00 EUR")), "0.00 EUR"},
		{"one day", page.Count(1, "day"), "1 day"},
		{"many days", page.Count(1200, "day"), "1,200 days"},
		{"half a bar", page.Bar(5, 10, 6), "[###...]"},
		{"a bar that is too long", page.Bar(15, 10, 6), "[######]"},
		{"a bar of nothing", page.Bar(-1, 10, 6), "[......]"},
		{"a bar of no whole", page.Bar(1, 0, 6), "[......]"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s is %q, not %q", tt.name, tt.got, tt.want)
		}
	}
}
