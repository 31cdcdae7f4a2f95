package bench

import "fmt"

// Scale is the engine with more and more transactions in one run, of which none may cost more than another.
func Scale() []Entry {
	var entries []Entry
	for items := 10_000; items <= 10_000_000; items *= 10 {
		entries = append(entries, Entry{
			Contestant: NewEngine().Contestant(fmt.Sprintf("%d transactions", items)), Work: Noop(), Items: items,
		})
	}
	return entries
}
