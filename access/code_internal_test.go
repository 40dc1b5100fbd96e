package access

import (
	"testing"

	"example.com/credits"
)

// CF-05: what confirms a command depends on all that it is bound to, and on where each of it ends.
func TestProof(t *testing.T) {
	type bound struct {
		secret, wallet, actor, role, form, code string
	}
	proof := func(b bound) [32]byte {
		d := Desk{secret: []byte(b.secret), actor: credits.Actor{ID: b.actor, Role: b.role}}
		return d.proof(credits.WalletID(b.wallet), []byte(b.form), b.code)
	}
	first := bound{"secret", "acme", "ann", "administrator", `{"cancel":{}}`, "123456"}
	seen := map[[32]byte]string{proof(first): "the first"}
	for name, change := range map[string]func(*bound){
		"secret":              func(b *bound) { b.secret += "x" },
		"wallet":              func(b *bound) { b.wallet += "x" },
		"actor":               func(b *bound) { b.actor += "x" },
		"role":                func(b *bound) { b.role = "member" },
		"command":             func(b *bound) { b.form = `{"cancel":{"when":"at cycle"}}` },
		"code":                func(b *bound) { b.code = "123457" },
		"wallet and actor":    func(b *bound) { b.wallet, b.actor = "acmea", "nn" },
		"actor and role":      func(b *bound) { b.actor, b.role = "anna", "dministrator" },
		"role and command":    func(b *bound) { b.role, b.form = b.role+"{", `"cancel":{}}` },
		"command and code":    func(b *bound) { b.form, b.code = b.form+"1", "23456" },
		"wallet of no length": func(b *bound) { b.wallet, b.actor = "", "acmeann" },
	} {
		b := first
		change(&b)
		if other, ok := seen[proof(b)]; ok {
			t.Errorf("CF-05: with another %s it is that of %s", name, other)
		}
		seen[proof(b)] = name
	}
	trial := Desk{secret: []byte(first.secret), actor: credits.Actor{ID: first.actor, Role: first.role, Trial: true}}
	if got := trial.proof("acme", []byte(first.form), first.code); got != proof(first) {
		t.Error("CF-05: whether the account is on trial is up to the ledger's rules, not to the code")
	}
}
