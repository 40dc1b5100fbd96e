package main

import (
	"context"
	"fmt"

	"example.com/credits"
	"example.com/credits/examples/internal/page"
	"example.com/credits/notify"
)

// rules say what else is worth a mail: a fifth of the month's credits is left.
var rules = notify.Rules{Low: []notify.Threshold{{Share: 20 * credits.Percent}}}

// mails reads the feed of all wallets from where it was last read, and returns
// what a wallet's people are to be told. A host sends each notice once, by its ID.
func (t *teller) mails(to credits.WalletID) []notify.Notice {
	var all []notify.Notice
	_, err := t.Feed(context.Background(), func(ctx context.Context, entries []credits.Entry) error {
		w, err := t.Ledger.Wallet(ctx, entries[0].Wallet)
		if err != nil {
			return err
		}
		plan, _ := w.Plan()
		for _, n := range rules.Notices(plan, entries) {
			if n.Entry.Wallet == to {
				all = append(all, n)
			}
		}
		return nil
	})
	if err != nil {
		t.Err = err
	}
	return all
}

// sayMails shows what acme was mailed since the feed was last read.
func (t *teller) sayMails() {
	t.Say("acme is mailed:")
	table := page.NewTable("lll")
	for _, n := range t.mails(acme) {
		text := ""
		switch n.Kind {
		case notify.LowBalance:
			text = fmt.Sprintf("%s credits are left, no more than %s", page.Number(n.Balance), page.Number(n.Level))
		case notify.Purchased:
			text = fmt.Sprintf("%s credits for %v", page.Number(n.Entry.Opens.Amount), n.Entry.Charge)
		case notify.PaymentFailed:
			text = n.Entry.Payment.Reason + ": scenarios pause until you update it"
		case notify.Exhausted:
			text = "no credits are left"
		case notify.Resumed:
			text = "automatic purchases go on"
		}
		table.Add(n.Entry.At.Format("_2 Jan 15:04"), string(n.Kind), text)
	}
	t.Show(table)
}
