// Package finance reads a wallet as an accountant does: what there was, what came,
// what became of it and what is left, by source; and of the money that was paid
// for it, what is earned and what is still owed to the holder.
//
//	s, err := finance.Of(ctx, ledger, "acme", credits.Period{Start: january, End: february})
//
// Everything adds up to the last microcredit, and to the last millionth of a
// currency. Periods that follow each other chain: where one closes, the next one
// opens. What a statement opens and closes with is what [credits.Ledger.BalanceAt]
// says of the instants just before the period begins and before it ends.
//
// What a statement opens with follows from all entries before it. On a store that
// keeps digests (the Digester of package store), what each whole run of 1,024 entries posted is
// kept there, in some hundred bytes: whoever asks first reads the whole history and
// makes them, and whoever asks next, for whatever period, reads the digests and the
// entries of the runs at its bounds and after the last whole one. Package usage
// says more of digests. A wallet's oldest entries may be pruned: then a statement
// opens with what the wallet had at its checkpoint.
package finance

import (
	"context"

	"example.com/credits"
	"example.com/credits/internal/runs"
)

// Statement is a wallet's account over a period.
type Statement struct {
	Wallet  credits.WalletID
	Period  credits.Period // includes Start and excludes End; a zero Start or End is no bound
	Lines   []Line         // by unit and source: in order of units, and of sources as package credits lists them, debt last
	Revenue []Revenue      // by currency, in order of codes
}

// Line is the account of what came from one source. Always
//
//	Opening + Issued + Moved = Consumed + Expired + Revoked + Refunded + Held + Closing
//
// The source "debt" is what was spent before there were credits for it. Its
// Opening and Closing are what is owed, less than 0, and what pays it takes its
// Consumed back: from then on it is consumed of the source that paid. So the
// Consumed of all lines is what package usage reports, and the Closing of all
// lines the wallet's balance, debt deducted.
//
// Revocations, say, that are undone in a period and were not made in it count
// against it: any field but those of a balance may be less than 0.
type Line struct {
	Unit     credits.Unit
	Source   string         // of the lots, such as "allowance", or "debt"
	Opening  credits.Amount // available when the period begins
	Issued   credits.Amount // came into being, and could be spent from then on
	Moved    credits.Amount // came from other lots and wallets, less what went there
	Consumed credits.Amount // spent or captured, less what was reversed
	Expired  credits.Amount
	Revoked  credits.Amount
	Refunded credits.Amount
	Held     credits.Amount // set aside by holds, less what holds gave back or had captured
	Closing  credits.Amount // available when the period ends
}

// Revenue is what became of the money that was paid for lots. Always
//
//	Opening + Paid + Moved = Recognised + Breakage + Revoked + Refunded + Deferred
//
// The price of a plan is paid for the first of its allowances, in equal shares
// for each cycle. What is paid for nothing that lives in a wallet, such as a plan
// without credits, is in Charged alone.
type Revenue struct {
	Opening    credits.Money // deferred when the period begins
	Paid       credits.Money // for lots that opened, here or elsewhere
	Moved      credits.Money // came with lots from other wallets, less what went there
	Recognised credits.Money // earned: their credits were consumed
	Breakage   credits.Money // earned: they expired, or a refund was rounded down
	Revoked    credits.Money // kept: they were revoked
	Refunded   credits.Money // paid back
	Deferred   credits.Money // when the period ends: not earned yet

	Charged   credits.Money // what entries charge the holder, less what they pay back
	Surcharge credits.Money // the part of Charged that is surcharge
	Settled   credits.Money // the part of Charged that was paid before it was delivered; the rest is the host's to bill
}

// Of returns a wallet's statement of a period; that of the zero Period is of the
// current cycle, so far. What fell due is in it, whether or not it was written,
// and what is yet to come is not.
//
// It reads all entries until the period ends, in pages, or digests of them. A wallet
// that is not open is [credits.ErrNotFound], a period that ends before it begins
// [credits.ErrInvalid], one that does not begin after the wallet's checkpoint
// [credits.ErrPruned], and a sum that is no amount [credits.ErrLimit].
func Of(ctx context.Context, l *credits.Ledger, id credits.WalletID, period credits.Period) (Statement, error) {
	if !period.End.IsZero() && period.End.Before(period.Start) {
		return Statement{}, &credits.InvalidError{Field: "period", Reason: "ends before it begins"}
	}
	past, err := runs.Open(ctx, l, id)
	if err != nil {
		return Statement{}, err
	}
	period = past.Period(period)
	t := &tally{past: past, within: runs.SpanOf(period), all: newBook(), run: newBook()}
	if err := t.read(); err != nil {
		return Statement{}, err
	}
	s := Statement{Wallet: id, Period: period}
	if s.Lines, err = t.all.statementLines(); err != nil {
		return Statement{}, err
	}
	s.Revenue, err = t.all.statementRevenue()
	return s, err
}
