package iso4217_test

import (
	"testing"

	"example.com/credits/internal/iso4217"
	"github.com/google/go-cmp/cmp"
)

func TestDigits(t *testing.T) {
	tests := []struct {
		name   string
		codes  []string
		digits int
		ok     bool
	}{
		{"A-3/none", []string{"JPY", "KRW", "VND", "CLP", "ISK", "XAF", "XOF", "XPF", "UYI", "UGX"}, 0, true},
		{"A-3/two", []string{"USD", "EUR", "GBP", "CHF", "INR", "MGA", "MRU", "XCD", "XCG", "SLE", "ZWG"}, 2, true},
		{"A-3/three", []string{"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"}, 3, true},
		{"A-3/four", []string{"CLF", "UYW"}, 4, true},
		{"A-3/no minor unit", []string{"XAU", "XAG", "XPT", "XPD", "XDR", "XSU", "XUA", "XBA", "XBB", "XBC", "XBD", "XTS", "XXX"}, 0, false},
		{"A-3/withdrawn", []string{"DEM", "HRK", "BGN", "ANG", "CUC", "SLL", "ZWL"}, 0, false},
		{"A-3/not a code", []string{"", "usd", "US", "USDX", "ABC", "€"}, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, code := range tt.codes {
				if digits, ok := iso4217.Digits(code); digits != tt.digits || ok != tt.ok {
					t.Errorf("%q: got %d, %t, want %d, %t", code, digits, ok, tt.digits, tt.ok)
				}
			}
		})
	}
}

// How many currencies have how many digits: a code that slips out of the list,
// or into another line of it, changes a count.
func TestDigitsCount(t *testing.T) {
	got := map[int]int{}
	for i := range 26 * 26 * 26 {
		code := string([]byte{'A' + byte(i/676), 'A' + byte(i/26%26), 'A' + byte(i%26)})
		if digits, ok := iso4217.Digits(code); ok {
			got[digits]++
		}
	}
	if diff := cmp.Diff(map[int]int{0: 17, 2: 139, 3: 7, 4: 2}, got); diff != "" {
		t.Errorf("A-3 (-want +got):\n%s", diff)
	}
}
