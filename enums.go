package credits

import (
	"fmt"
	"slices"
)

// word returns the text of an enumeration's value; names[0] is of no value.
func word(what string, names []string, v uint8) string {
	if v == 0 || int(v) >= len(names) {
		return fmt.Sprintf("%s %d", what, v)
	}
	return names[v]
}

// wordText is word for MarshalText, where unset is no text.
func wordText(what string, names []string, v uint8) ([]byte, error) {
	if int(v) >= len(names) {
		return nil, invalid(what, "%d is not known", v)
	}
	return []byte(names[v]), nil
}

// wordValue is the reverse of wordText.
func wordValue(what string, names []string, text []byte) (uint8, error) {
	i := slices.Index(names, string(text))
	if i < 0 {
		return 0, invalid(what, "%q is not one of %q", text, names[1:])
	}
	return uint8(i), nil
}

func firstNames() []string { return []string{"", "full", "prorated", "nothing"} }

// String returns the policy in words.
func (p First) String() string { return word("first", firstNames(), uint8(p)) }

// MarshalText implements [encoding.TextMarshaler].
func (p First) MarshalText() ([]byte, error) { return wordText("first", firstNames(), uint8(p)) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (p *First) UnmarshalText(text []byte) error {
	v, err := wordValue("first", firstNames(), text)
	*p = First(v)
	return err
}

func burnNames() []string { return []string{"", "plan first", "soonest expiry"} }

// String returns the order in words.
func (b Burn) String() string { return word("burn", burnNames(), uint8(b)) }

// MarshalText implements [encoding.TextMarshaler].
func (b Burn) MarshalText() ([]byte, error) { return wordText("burn", burnNames(), uint8(b)) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (b *Burn) UnmarshalText(text []byte) error {
	v, err := wordValue("burn", burnNames(), text)
	*b = Burn(v)
	return err
}

func windowNames() []string { return []string{"", "from anchor", "calendar month"} }

// String returns the window in words.
func (w Window) String() string { return word("window", windowNames(), uint8(w)) }

// MarshalText implements [encoding.TextMarshaler].
func (w Window) MarshalText() ([]byte, error) { return wordText("window", windowNames(), uint8(w)) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (w *Window) UnmarshalText(text []byte) error {
	v, err := wordValue("window", windowNames(), text)
	*w = Window(v)
	return err
}

func fateNames() []string { return []string{"", "keep", "forfeit"} }

// String returns the fate in words.
func (f Fate) String() string { return word("fate", fateNames(), uint8(f)) }

// MarshalText implements [encoding.TextMarshaler].
func (f Fate) MarshalText() ([]byte, error) { return wordText("fate", fateNames(), uint8(f)) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (f *Fate) UnmarshalText(text []byte) error {
	v, err := wordValue("fate", fateNames(), text)
	*f = Fate(v)
	return err
}

func whenNames() []string { return []string{"", "at once", "at cycle", "at end"} }

// String returns the time in words.
func (w When) String() string { return word("when", whenNames(), uint8(w)) }

// MarshalText implements [encoding.TextMarshaler].
func (w When) MarshalText() ([]byte, error) { return wordText("when", whenNames(), uint8(w)) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (w *When) UnmarshalText(text []byte) error {
	v, err := wordValue("when", whenNames(), text)
	*w = When(v)
	return err
}

func viaNames() []string { return []string{"", "directly", "code", "request", "sales"} }

// String returns the way in words.
func (v Via) String() string { return word("via", viaNames(), uint8(v)) }

// MarshalText implements [encoding.TextMarshaler].
func (v Via) MarshalText() ([]byte, error) { return wordText("via", viaNames(), uint8(v)) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (v *Via) UnmarshalText(text []byte) error {
	n, err := wordValue("via", viaNames(), text)
	*v = Via(n)
	return err
}

func paymentNames() []string {
	return []string{"", "intended", "action required", "unknown", "paid", "declined", "abandoned"}
}

// String returns the state in words.
func (s PaymentState) String() string { return word("payment", paymentNames(), uint8(s)) }

// MarshalText implements [encoding.TextMarshaler].
func (s PaymentState) MarshalText() ([]byte, error) {
	return wordText("payment", paymentNames(), uint8(s))
}

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *PaymentState) UnmarshalText(text []byte) error {
	v, err := wordValue("payment", paymentNames(), text)
	*s = PaymentState(v)
	return err
}

// String returns the reason in words.
func (e EndReason) String() string {
	return word("end", []string{"", "cancelled", "lapsed", "deactivated", "over"}, uint8(e))
}

// String returns the answer in words.
func (a RequestState) String() string {
	return word("request", []string{"", "open", "approved", "dismissed", "stale"}, uint8(a))
}

func resetNames() []string { return []string{"", "carry", "forgive"} }

// String returns the policy in words.
func (a AtReset) String() string { return word("atReset", resetNames(), uint8(a)) }

// MarshalText implements [encoding.TextMarshaler].
func (a AtReset) MarshalText() ([]byte, error) { return wordText("atReset", resetNames(), uint8(a)) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (a *AtReset) UnmarshalText(text []byte) error {
	v, err := wordValue("atReset", resetNames(), text)
	*a = AtReset(v)
	return err
}

func overNames() []string { return []string{"", "refuse", "draw all", "draw some"} }

// String returns the policy in words.
func (o Over) String() string { return word("over", overNames(), uint8(o)) }

// MarshalText implements [encoding.TextMarshaler].
func (o Over) MarshalText() ([]byte, error) { return wordText("over", overNames(), uint8(o)) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (o *Over) UnmarshalText(text []byte) error {
	v, err := wordValue("over", overNames(), text)
	*o = Over(v)
	return err
}

// String returns the kind in words.
func (k Kind) String() string {
	return word("kind", []string{
		"", "opened", "renewed", "granted", "purchased", "started", "rolled over", "spent", "reserved", "captured",
		"released", "timed out", "expired", "reversed", "revoked", "refunded", "repaid", "forgiven", "sent",
		"received", "carry-over set", "zone set", "auto-purchase set", "erased", "subscribed", "change scheduled", "ended",
		"units set", "units renewed", "reassigned", "purchase intended", "purchase settled", "payment method set", "asked",
		"code wrong", "answered", "sealed",
	}, uint8(k))
}

// String returns the account's name.
func (a Account) String() string {
	return word("account", []string{
		"", "issued", "available", "held", "consumed", "expired", "revoked", "refunded", "moved", "debt",
	}, uint8(a))
}

// String returns the source in words.
func (s Source) String() string {
	return word("source", []string{
		"", "carry-over", "rollover", "allowance", "add-on", "grant", "purchase", "auto-purchase",
	}, uint8(s))
}

// String returns the remedy in words.
func (k RemedyKind) String() string {
	return word("remedy", []string{
		"", "wait", "buy packs", "enable auto-purchase", "raise the limit", "change the plan",
		"change the payment method", "finish the purchase", "ask a role", "ask with a security code", "file a request",
	}, uint8(k))
}
