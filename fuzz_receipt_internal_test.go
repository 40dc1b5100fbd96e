package credits

import "testing"

// FuzzDecodeReceipt shows that no stored receipt panics.
func FuzzDecodeReceipt(f *testing.F) {
	d := &decision{call: &Call{}, out: []record{{Entry: Entry{Seq: 7}}}, made: 7}
	f.Add(fingerprintOf(Spend{Feature: "run", Quantity: 3}).receipt(d))
	f.Add([]byte{receiptForm})
	f.Fuzz(func(t *testing.T, body []byte) {
		k, err := decodeReceipt(body)
		if err == nil && (k.first == 0 || k.count < 1) {
			t.Fatalf("a receipt of %d entries from %d on", k.count, k.first)
		}
	})
}
