package main

import "time"

// scale is how much is done.
type scale struct {
	rounds  int           // of each measurement
	span    time.Duration // of a measurement of what is on disk
	brief   time.Duration // of one in memory, or of what grows
	many    int           // wallets, where there are many
	verify  int           // entries of the wallet that is verified
	rows    int           // of usage that are imported at once
	entries []int         // the sizes at which growth is measured
	lots    []int
	wallets []int
	cut     time.Duration // after which the rounds of a reset are cut short
	usage   int           // how often usage is asked
}

// headPage is how many lots there are where the first page of them, which is
// read and written with the wallet, is full.
const headPage = 32

var (
	full = scale{
		rounds: 5, span: time.Second, brief: 300 * time.Millisecond, many: 10_000, verify: 20_000, rows: 8_192,
		entries: []int{1_000, 10_000, 100_000, 1_000_000},
		lots:    []int{1, 8, headPage, 100, 1_000, 10_000},
		wallets: []int{1, 100, 10_000, 1_000_000},
		cut:     30 * time.Second, usage: 5,
	}
	small = scale{
		rounds: 1, span: 50 * time.Millisecond, brief: 10 * time.Millisecond, many: 100, verify: 500, rows: 256,
		entries: []int{100, 1_000},
		lots:    []int{1, headPage, 100},
		wallets: []int{1, 1_000},
		cut:     5 * time.Second, usage: 1,
	}
)
