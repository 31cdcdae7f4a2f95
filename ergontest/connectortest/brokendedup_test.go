package connectortest_test

import (
	"context"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
)

// reported has a queue change what it says it knew; what is nothing in the end is not said.
func reported(change func(tx ergon.Transaction, r capability.DispatchResult) capability.DispatchResult) func(*queue) {
	return func(q *queue) {
		q.dispatch = func(ctx context.Context, batch []ergon.Transaction) error {
			inner := capability.WithDispatchReport(ctx, func(tx ergon.Transaction, r capability.DispatchResult) {
				if r = change(tx, r); r != "" {
					capability.ReportDispatch(ctx, tx, r)
				}
			})
			return q.LeasedQueue.DispatchTransactions(inner, batch)
		}
	}
}

// without has a queue not say one result.
func without(result capability.DispatchResult) func(*queue) {
	return reported(func(_ ergon.Transaction, r capability.DispatchResult) capability.DispatchResult {
		if r == result {
			return ""
		}
		return r
	})
}

// plain has a queue take what a user derived for what it was given.
func plain(tx ergon.Transaction) ergon.Transaction {
	made := ergon.NewTransaction(tx.ID(), tx.Payload())
	for k, v := range tx.AllMetadata() {
		made = made.WithMetadata(k, v)
	}
	return made
}

// declared has a queue say something else of itself than it is.
func declared(change func(d *capability.Declaration, opened bool)) func(*queue) {
	return func(q *queue) {
		q.declare = func() capability.Declaration {
			d := q.LeasedQueue.Declare()
			change(&d, q.opened)
			return d
		}
	}
}

// [I2] Every fault of a queue that deduplicates is caught by the rule that is meant for it.
func TestBrokenDeduplicationIsCaught(t *testing.T) {
	for name, c := range map[string]struct {
		rule    string
		breakIt func(q *queue)
	}{
		"says nothing of duplicates":       {"DuplicatesAreReported", without(capability.Duplicate)},
		"says nothing of conflicts":        {"ConflictsAreReported", without(capability.Conflict)},
		"says nothing of what diverged":    {"DivergedOutputsAreStored", without(capability.Diverged)},
		"says nothing of later ones":       {"OneIDTwiceInABatchIsReported", without(capability.Conflict)},
		"takes conflicts for duplicates":   {"ConflictsAreReported", reported(asDuplicates)},
		"drops what diverged":              {"DivergedOutputsAreStored", dispatched(plain)},
		"compares the trace context":       {"DuplicatesAreReported", dispatched(withTrace)},
		"compares payloads only":           {"ConflictsAreReported", dispatched(withoutMetadata)},
		"takes a retry for a duplicate":    {"LaterArrivalsAreStored", dispatched(firstArrival)},
		"stores what it knows":             {"DuplicatesAreReported", dispatched(anyID)},
		"reports what it stores":           {"StoredIsNotReported", reportsAll},
		"needs a listener":                 {"NobodyHasToListen", needsListener},
		"declares more once it is open":    {"DeclarationHoldsOnceItIsOpen", declared(moreOnceOpen)},
		"declares something else each day": {"DeclarationHoldsOnceItIsOpen", declared(unsteady())},
	} {
		t.Run(name, func(t *testing.T) { violated(t, brokenBy(memory.Settings{Dedup: true}, c.breakIt), c.rule) })
	}
	for name, breakIt := range map[string]func(*queue){
		"deduplicates although it is off": deduplicates, "reports although it is off": reportsAll,
	} {
		t.Run(name, func(t *testing.T) {
			violated(t, brokenBy(memory.Settings{}, breakIt), "EverythingIsStoredWithoutDeduplication")
		})
	}
}

func asDuplicates(ergon.Transaction, capability.DispatchResult) capability.DispatchResult {
	return capability.Duplicate
}

func withTrace(tx ergon.Transaction) ergon.Transaction {
	trace, _ := tx.Metadata("traceparent")
	return tx.WithMetadata("compared", trace)
}

func withoutMetadata(tx ergon.Transaction) ergon.Transaction {
	return ergon.NewTransaction(tx.ID(), tx.Payload()).WithArrival(tx.Arrival())
}

func firstArrival(tx ergon.Transaction) ergon.Transaction { return tx.WithArrival("") }

func anyID(tx ergon.Transaction) ergon.Transaction {
	made := ergon.NewTransaction("", tx.Payload())
	for k, v := range tx.AllMetadata() {
		made = made.WithMetadata(k, v)
	}
	return made
}

func reportsAll(q *queue) {
	q.dispatch = func(ctx context.Context, batch []ergon.Transaction) error {
		for _, tx := range batch {
			capability.ReportDispatch(ctx, tx, capability.Duplicate)
		}
		return q.LeasedQueue.DispatchTransactions(ctx, batch)
	}
}

func needsListener(q *queue) {
	q.dispatch = func(ctx context.Context, batch []ergon.Transaction) error {
		report := capability.DispatchReport(ctx)
		inner := capability.WithDispatchReport(ctx, func(tx ergon.Transaction, r capability.DispatchResult) { report(tx, r) })
		return q.LeasedQueue.DispatchTransactions(inner, batch)
	}
}

func moreOnceOpen(d *capability.Declaration, opened bool) {
	if !opened {
		d.Dedup = capability.DedupNone
	}
}

func unsteady() func(*capability.Declaration, bool) {
	day := 0
	return func(d *capability.Declaration, _ bool) {
		day++
		d.Destination = []string{"monday", "tuesday"}[day%2]
	}
}

// deduplicates drops, and says, what it has seen.
func deduplicates(q *queue) {
	seen := map[string]bool{}
	q.dispatch = func(ctx context.Context, batch []ergon.Transaction) error {
		var fresh []ergon.Transaction
		for _, tx := range batch {
			if !seen[tx.ID()] {
				fresh = append(fresh, tx)
			}
			seen[tx.ID()] = true
		}
		return q.LeasedQueue.DispatchTransactions(ctx, fresh)
	}
}
