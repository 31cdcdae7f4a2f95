package main

// Severity is how urgent a strike is.
type Severity string

// The severities, from the worst.
const (
	SeverityCritical Severity = "critical"
	SeverityMajor    Severity = "major"
	SeverityMinor    Severity = "minor"
	SeverityNone     Severity = "none"
)

// What a strike costs at least, in dollars, to be that severe whatever the damage is said to be.
const (
	criticalCost = 100_000
	majorCost    = 10_000
)

// Severity goes by the damage or by the cost, whichever is worse.
func (s Strike) Severity() Severity {
	switch {
	case s.Damage == DamageSubstantial || s.Cost >= criticalCost:
		return SeverityCritical
	case s.Damage == DamageMedium || s.Cost >= majorCost:
		return SeverityMajor
	case s.Damage == DamageMinor || s.Cost > 0:
		return SeverityMinor
	default:
		return SeverityNone
	}
}

// NeedsTicket reports whether somebody has to look into it.
func (s Severity) NeedsTicket() bool { return s == SeverityCritical || s == SeverityMajor }
