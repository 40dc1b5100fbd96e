package credits_test

import (
	"errors"
	"testing"

	"example.com/credits"
)

// TestParseNamesTheField shows that a fault in a file has the path of the field.
func TestParseNamesTheField(t *testing.T) {
	plan := func(fields string) string {
		return `{"plans":[{"id":"free","version":1,"every":"1 month"},{"id":"core","version":1,"every":"1 month",` + fields + `}]}`
	}
	tests := []struct {
		name  string
		plans string
		cmd   string
		field string
	}{
		{name: "money", plans: plan(`"price":"1.0 XXY"`), field: "plans[1].price"},
		{name: "amount", plans: plan(`"allowances":[{"amount":"1"},{"unit":"GB","amount":"1.2.3"}]`), field: "plans[1].allowances[1].amount"},
		{name: "enumeration", plans: plan(`"anchor":"never"`), field: "plans[1].anchor"},
		{name: "kind of value", plans: plan(`"packs":7`), field: "plans[1].packs"},
		{name: "a rate", plans: plan(`"features":{"run":{"credits":"-1"}}`), field: "plans[1].features.run.credits"},
		{name: "no JSON", plans: `{"plans":[}`, field: ""},
		{name: "unknown field", plans: plan(`"prise":"1 USD"`), field: "plans[1]"},
		{name: "command's amount", cmd: `{"spend":{"amount":"x"}}`, field: "spend.amount"},
		{name: "command's span", cmd: `{"open":{"plan":{"id":"a","version":1,"every":"2 moons"}}}`, field: "open.plan.every"},
		{name: "no verb", cmd: `{"fly":{}}`, field: "fly"},
		{name: "two verbs", cmd: `{"spend":{},"release":{}}`, field: ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var err error
			if tt.plans != "" {
				_, err = credits.ParsePlans([]byte(tt.plans))
			} else {
				_, err = credits.ParseCommand([]byte(tt.cmd))
			}
			var invalid *credits.InvalidError
			if !errors.As(err, &invalid) || !errors.Is(err, credits.ErrInvalid) {
				t.Fatalf("error %v is no InvalidError", err)
			}
			if invalid.Field != tt.field {
				t.Errorf("field %q, want %q: %v", invalid.Field, tt.field, err)
			}
		})
	}
}
