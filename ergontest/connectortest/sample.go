package connectortest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/policy"
)

// numbered returns the transactions t-1 to t-n, each with a payload of its own.
func numbered(n int) []ergon.Transaction {
	made := make([]ergon.Transaction, n)
	for i := range made {
		made[i] = ergon.NewTransaction(fmt.Sprintf("t-%d", i+1), fmt.Appendf(nil, `{"n":%d}`, i+1))
	}
	return made
}

// samples returns n transactions that a connector takes.
func samples(connector any, n int) []ergon.Transaction { return asTaken(connector, numbered(n)) }

// asTaken makes dead letters of transactions, unless they are, for a store of those.
func asTaken(connector any, batch []ergon.Transaction) []ergon.Transaction {
	if !isLetters(connector) {
		return batch
	}
	letters := slices.Clone(batch)
	for i, tx := range batch {
		if _, is := tx.Payload().(deadletter.Record); !is {
			letters[i] = letterOf(tx, nil)
		}
	}
	return letters
}

// firstFailure is when the first of the letters failed.
func firstFailure() time.Time { return time.Date(2024, time.March, 1, 12, 0, 0, 0, time.UTC) }

// letterOf is the dead letter of a transaction.
func letterOf(tx ergon.Transaction, change func(*deadletter.Record)) ergon.Transaction {
	record := deadletter.Record{
		ID: tx.ID(), Task: "task", Category: ergon.CategorySystem, Phase: policy.PhaseProcess, Attempts: 3, Message: "it broke",
		FirstError: "it cracked", Fingerprint: "f", Deliveries: 2, EnqueuedAt: firstFailure().Add(-time.Hour),
		FailedAt: firstFailure(), Metadata: map[string]string{"k": "v"}, Payload: json.RawMessage(text(tx)),
	}
	if change != nil {
		change(&record)
	}
	return ergon.NewTransaction(record.ID, record)
}

// text is the payload of a transaction as JSON without space, by which it is known whatever its id became. A dead letter is
// known by its id.
func text(tx ergon.Transaction) string {
	var data []byte
	switch payload := tx.Payload().(type) {
	case deadletter.Record:
		return payload.ID
	case []byte:
		data = payload
	case json.RawMessage:
		data = payload
	case string:
		data = []byte(payload)
	default:
		var err error
		if data, err = json.Marshal(payload); err != nil {
			return fmt.Sprintf("%T that does not encode: %v", payload, err)
		}
	}
	var compact bytes.Buffer
	if json.Compact(&compact, data) != nil {
		return string(data)
	}
	return compact.String()
}

func texts(batch []ergon.Transaction) []string {
	all := make([]string, len(batch))
	for i, tx := range batch {
		all[i] = text(tx)
	}
	return all
}

func idsOf(batch []ergon.Transaction) []string {
	all := make([]string, len(batch))
	for i, tx := range batch {
		all[i] = tx.ID()
	}
	return all
}

// wantSame wants the same transactions, in any order, each as often.
func (p *probe) wantSame(what string, got, want []ergon.Transaction) {
	g, w := texts(got), texts(want)
	slices.Sort(g)
	slices.Sort(w)
	if !slices.Equal(g, w) {
		p.fatalf("%s: got %s, want %s", what, shown(texts(got)), shown(texts(want)))
	}
}

func shown(all []string) string {
	if len(all) == 0 {
		return "nothing"
	}
	return strings.Join(all, " ")
}
