package lifecycle

// String returns the word that errors, spans and docs/lifecycle.md use.
func (p Phase) String() string { return [...]string{"process", "prepare", "success", "exception"}[p] }

// String returns the word that docs/lifecycle.md uses.
func (e Event) String() string {
	return [...]string{
		"ok", "business", "permanent", "system", "timeout", "out_of_time", "interrupted", "lease_lost",
	}[e]
}

// String returns the word that docs/lifecycle.md uses.
func (a Action) String() string { return [...]string{"run", "retry", "finish"}[a] }

// String returns the word that docs/lifecycle.md uses.
func (o Outcome) String() string {
	return [...]string{"pending", "succeeded", "failed", "handler_failed", "released", "redelivered"}[o]
}
