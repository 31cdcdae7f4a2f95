package memory

import (
	"crypto/rand"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

// content is what a transaction says: its digest and, of one that was edited, that of what it said first.
type content struct{ digest []capability.ContentDigest }

// contentOf takes a payload that is neither bytes, text nor JSON for one that is like no other.
func contentOf(tx ergon.Transaction) content {
	payload, err := encoded(tx.Payload())
	if err != nil {
		payload = []byte(rand.Text())
	}
	metadata := maps.Collect(tx.AllMetadata())
	c := content{[]capability.ContentDigest{capability.ContentDigestOf(payload, metadata)}}
	if first, edited := capability.FirstContent(metadata); edited {
		c.digest = append(c.digest, first)
	}
	return c
}

// encoded keeps bytes and text as they are; all else becomes JSON.
func encoded(payload any) ([]byte, error) {
	switch p := payload.(type) {
	case []byte:
		return p, nil
	case json.RawMessage:
		return p, nil
	case string:
		return []byte(p), nil
	default:
		return json.Marshal(p)
	}
}

// known is an item of a batch that the queue knew.
type known struct {
	at     int
	result capability.DispatchResult
}

// ids are those that a queue knows: of what it holds, and for a while of what was settled.
type ids struct {
	byID    map[string][]*memo
	settled []*memo // in the order in which they are forgotten
}

// memo is what a queue knows of one arrival of an id.
type memo struct {
	id, arrival string
	content     content
	forgetAt    time.Time // zero while the queue holds it
}

// admit returns the transaction as it is to be stored, with a memo of it, unless the queue knows it.
func (q *Queue) admit(tx ergon.Transaction, c content, now time.Time) (ergon.Transaction, capability.DispatchResult, *memo) {
	q.ids.forget(now)
	result := q.ids.compare(tx, c)
	if result == capability.Conflict && q.settings.OnConflict != capability.ConflictFirst {
		if alternate := tx.AlternateID(c.digest[0]); alternate != "" {
			tx = tx.WithDerivedID(alternate)
			if result = q.ids.compare(tx, c); result == "" {
				return tx, capability.Diverged, q.ids.add(tx, c)
			}
		}
	}
	if result != "" {
		return tx, result, nil
	}
	return tx, "", q.ids.add(tx, c)
}

// compare compares a first arrival with all of its id, a later one with itself.
func (ids *ids) compare(tx ergon.Transaction, c content) (result capability.DispatchResult) {
	for _, m := range ids.byID[tx.ID()] {
		switch {
		case tx.Arrival() != "" && tx.Arrival() != m.arrival:
		case m.content.digest[0] == c.digest[0], tx.Arrival() == "" && slices.Contains(m.content.digest, c.digest[0]):
			return capability.Duplicate
		default:
			result = capability.Conflict
		}
	}
	return result
}

func (ids *ids) add(tx ergon.Transaction, c content) *memo {
	if ids.byID == nil {
		ids.byID = map[string][]*memo{}
	}
	m := &memo{id: tx.ID(), arrival: tx.Arrival(), content: c}
	ids.byID[m.id] = append(ids.byID[m.id], m)
	return m
}

// settle has the queue remember an id until then.
func (ids *ids) settle(m *memo, until time.Time) {
	m.forgetAt = until
	ids.settled = append(ids.settled, m)
}

// forget drops what has been remembered for long enough.
func (ids *ids) forget(now time.Time) {
	n := 0
	for _, m := range ids.settled {
		if m.forgetAt.After(now) {
			break
		}
		n++
		if rest := slices.DeleteFunc(ids.byID[m.id], func(other *memo) bool { return other == m }); len(rest) > 0 {
			ids.byID[m.id] = rest
		} else {
			delete(ids.byID, m.id)
		}
	}
	clear(ids.settled[:n])
	ids.settled = ids.settled[n:]
}
