package main_test

import (
	"testing"

	"github.com/ergon-go/ergon/examples/birdstrikes"
)

func TestSeverityGoesByDamageOrCostWhicheverIsWorse(t *testing.T) {
	for name, c := range map[string]struct {
		damage main.Damage
		cost   int64
		want   main.Severity
		ticket bool
	}{
		"substantial damage":              {main.DamageSubstantial, 0, main.SeverityCritical, true},
		"100,000 without damage":          {main.DamageNone, 100_000, main.SeverityCritical, true},
		"100,000 and medium damage":       {main.DamageMedium, 100_000, main.SeverityCritical, true},
		"a dollar less":                   {main.DamageNone, 99_999, main.SeverityMajor, true},
		"medium damage":                   {main.DamageMedium, 0, main.SeverityMajor, true},
		"10,000 without damage":           {main.DamageNone, 10_000, main.SeverityMajor, true},
		"10,000 and minor damage":         {main.DamageMinor, 10_000, main.SeverityMajor, true},
		"a dollar less than 10,000":       {main.DamageNone, 9_999, main.SeverityMinor, false},
		"minor damage":                    {main.DamageMinor, 0, main.SeverityMinor, false},
		"one dollar":                      {main.DamageNone, 1, main.SeverityMinor, false},
		"neither damage nor cost":         {main.DamageNone, 0, main.SeverityNone, false},
		"a cost that cannot be, negative": {main.DamageNone, -1, main.SeverityNone, false},
	} {
		t.Run(name, func(t *testing.T) {
			got := main.Strike{Damage: c.damage, Cost: c.cost}.Severity()
			if got != c.want || got.NeedsTicket() != c.ticket {
				t.Errorf("got %s, needs a ticket %t; want %s, %t", got, got.NeedsTicket(), c.want, c.ticket)
			}
		})
	}
}
