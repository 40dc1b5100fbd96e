package credits_test

import (
	"testing"

	"example.com/credits"
)

// Who may do what under the plans of the catalogues.
func TestCatalogueOfPermissions(t *testing.T) {
	plan := func(file, id string) credits.Plan { return planOf(t, file, id, "") }
	const allows = credits.Reason("") // it is done
	adminOnTrial := credits.Actor{ID: "ann", Role: credits.Administrator, Trial: true}
	memberOnTrial := credits.Actor{ID: "bob", Role: credits.Member, Trial: true}
	plus := credits.Subscribe{Plan: plan("marketplace", "plus")}
	ultra := credits.Subscribe{Plan: plan("marketplace", "ultra")}
	buy := credits.Buy{Pack: "extra", Amount: n("500")}
	inPlus, inUltra := credits.Ask{About: "plus", Contact: "c-1"}, credits.Ask{About: "ultra", Contact: "c-1"}
	off := credits.Deactivate{}
	askOff := credits.Ask{Command: off, Contact: "c-1"}
	more := credits.Buy{Pack: "more", Amount: n("5000")}
	sale := credits.Sell{Amount: n("1000"), Price: cash("90.00 USD"), Expires: day("2026-06-01"), Note: why}
	larger := plan("outreach", "outreach-10k")
	larger.Version++
	for _, tt := range []struct {
		name       string
		file, plan string
		who        credits.Actor
		command    credits.Command
		want       credits.Reason
	}{
		{"CF-05/administrator subscribes", "marketplace", "free", admin, plus, credits.CodeNeeded},
		{"CF-11/administrator buys", "marketplace", "plus", admin, buy, allows},
		{"CF-11/administrator, interest in Plus", "marketplace", "free", admin, inPlus, allows},
		{"CF-11/administrator, interest in Ultra", "marketplace", "plus", admin, inUltra, allows},
		{"CF-11/member subscribes", "marketplace", "free", member, plus, credits.NotPermitted},
		{"CF-11/member buys", "marketplace", "plus", member, buy, credits.NotPermitted},
		{"CF-11/member, interest in Plus", "marketplace", "free", member, inPlus, allows},
		{"CF-11/member, interest in Ultra", "marketplace", "plus", member, inUltra, allows},
		{"CF-11/on trial, administrator subscribes", "marketplace", "free", adminOnTrial, plus, credits.OnTrial},
		{"CF-11/on trial, administrator buys", "marketplace", "plus", adminOnTrial, buy, credits.OnTrial},
		{"CF-11/on trial, interest in Plus", "marketplace", "free", adminOnTrial, inPlus, allows},
		{"CF-11/on trial, interest in Ultra", "marketplace", "free", memberOnTrial, inUltra, allows},
		{"CF-03/administrator", "marketplace", "free", admin, ultra, credits.NotSelfService},
		{"CF-03/administrator on Plus", "marketplace", "plus", admin, ultra, credits.NotSelfService},
		{"CF-03/member", "marketplace", "plus", member, ultra, credits.NotSelfService},
		{"CF-12/administrator buys", "marketplace", "ultra", admin, buy, credits.NotPermitted},
		{"CF-12/administrator subscribes", "marketplace", "ultra", admin, plus, credits.NotPermitted},
		{"CF-12/interest stays", "marketplace", "ultra", admin, inUltra, allows},
		{"CF-12/interest of members stays", "marketplace", "ultra", member, inUltra, allows},
		{"CF-13/administrator", "marketplace", "plus", admin, off, credits.RequestNeeded},
		{"CF-13/administrator asks", "marketplace", "plus", admin, askOff, allows},
		{"CF-13/member", "marketplace", "free", member, off, credits.RequestNeeded},
		{"CF-13/member asks", "marketplace", "free", member, askOff, allows},
		{"CF-13/operator", "marketplace", "plus", operator, credits.Deactivate{Note: why}, allows},
		{"FD-05/administrator", "creative", "pro", admin, credits.Buy{Pack: "more", Amount: n("1000")}, credits.NotSelfService},
		{"FD-05/member", "creative", "pro", member, credits.Buy{Pack: "more", Amount: n("1000")}, credits.NotSelfService},
		{"FD-05/customer sells to himself", "creative", "pro", admin, sale, credits.NotPermitted},
		{"FD-05/operator sells", "creative", "pro", operator, sale, allows},
		{"FD-05/operator gives", "creative", "pro", operator, credits.Grant{Amount: n("100"), Note: why}, allows},
		{"GN-06/change plan", "outreach", "outreach-10k", member, credits.Subscribe{Plan: larger}, credits.RequestNeeded},
		{"GN-06/ask for another plan", "outreach", "outreach-10k", member, credits.Ask{Command: credits.Subscribe{Plan: larger}}, allows},
		{"GN-06/buy more", "outreach", "outreach-10k", member, more, credits.RequestNeeded},
		{"GN-06/ask for more", "outreach", "outreach-10k", member, credits.Ask{Command: more}, allows},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-15")
			r.open(plan(tt.file, tt.plan))
			if have := r.wallet().Available(); have > 0 {
				r.do(credits.Spend{Amount: have})
			}
			r = r.as(tt.who)
			if tt.want != allows {
				r.refused(tt.command, tt.want)
				return
			}
			r.do(tt.command)
		})
	}
}
