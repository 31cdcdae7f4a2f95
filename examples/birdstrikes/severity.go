package main

// Severity is the urgency of a strike.
type Severity string

// The severities, from the worst.
const (
	SeverityCritical Severity = "critical"
	SeverityMajor    Severity = "major"
	SeverityMinor    Severity = "minor"
	SeverityNone     Severity = "none"
)

// The minimum costs of a severity, in dollars, whatever damage the report names.
const (
	criticalCost = 100_000
	majorCost    = 10_000
)

// Severity is the worse one of the severity by damage and the severity by cost.
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

// NeedsTicket reports whether somebody must examine the strike.
func (s Severity) NeedsTicket() bool { return s == SeverityCritical || s == SeverityMajor }
