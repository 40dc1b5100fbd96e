package main

import (
	"math/rand/v2"
	"strings"

	"example.com/credits"
)

// keyring hands out keys, each once. It makes many at a time, so that a key
// costs what is measured no memory of its own.
type keyring struct {
	prefix string
	made   uint64
	block  string // keys that were made, of keyLen bytes each
}

const (
	keyDigits = 12
	keyBlock  = 1024
)

func (k *keyring) next() credits.Key {
	size := len(k.prefix) + keyDigits
	if len(k.block) == 0 {
		var b strings.Builder
		b.Grow(size * keyBlock)
		for range keyBlock {
			k.made++
			b.WriteString(k.prefix)
			writeDigits(&b, k.made)
		}
		k.block = b.String()
	}
	key := k.block[:size]
	k.block = k.block[size:]
	return credits.Key(key)
}

// writeDigits writes a number with keyDigits digits.
func writeDigits(b *strings.Builder, n uint64) {
	var digits [keyDigits]byte
	for i := range digits {
		digits[keyDigits-1-i] = '0' + byte(n%10)
		n /= 10
	}
	b.Write(digits[:])
}

// caller is what each caller has of its own. The room between two keeps one's
// cache lines out of the other's way.
type caller struct {
	keys keyring
	rng  *rand.Rand
	_    [64]byte
}

// seedOfRuns makes runs draw the same wallets in the same order.
const seedOfRuns = 20_260_131

// newCallers returns callers whose keys begin with a prefix that no others have.
func newCallers(n int, prefix string) []caller {
	all := make([]caller, n)
	for i := range all {
		var b strings.Builder
		writeDigits(&b, uint64(i))
		all[i].keys.prefix = prefix + "-" + b.String()[keyDigits-4:] + "-"
		all[i].rng = rand.New(rand.NewPCG(seedOfRuns, uint64(i)))
	}
	return all
}
