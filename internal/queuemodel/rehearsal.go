package queuemodel

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/policy"
)

// rehearsal plays a script on both.
type rehearsal struct {
	*testing.T

	store  Store
	model  *model
	script []byte
	out    []delivered
}

type delivered struct {
	tx    ergon.Transaction
	it    *modelItem
	claim int
}

// next is a number below n from the script, 0 once it is over.
func (r *rehearsal) next(n int) int {
	if len(r.script) == 0 {
		return 0
	}
	b := r.script[0]
	r.script = r.script[1:]
	return int(b) % n
}

func (r *rehearsal) step() {
	switch r.next(7) {
	case 0:
		r.enqueue()
	case 1:
		r.fetch()
	case 2, 3:
		r.settle()
	case 4:
		r.store.Advance(r.T, []time.Duration{time.Second, Lease / 2, Lease, 3 * time.Second}[r.next(4)])
	case 5:
		r.extend()
	case 6:
		r.resolve()
	}
}

// enqueue sends one of two contents, as a first or a later arrival, with an id of its own or a derived one.
func (r *rehearsal) enqueue() {
	n, variant := r.next(256), r.next(6)
	id, key, priority, delay := fmt.Sprint("id", n%8), []string{"", "k", "l"}[n/8%3], n/24%3, time.Duration(n/72)*time.Second
	s := sent{
		id: id, key: key, priority: priority, notBefore: r.store.Now().Add(delay),
		content: key + []string{"one", "two"}[variant%2], arrival: []string{"", "", "1-x"}[variant/2],
	}
	tx := ergon.NewTransaction(id, []byte(s.content))
	if variant == 2 || variant == 3 {
		tx = tx.WithDerivedID(id)
	}
	tx = tx.WithMetadata("priority", strconv.Itoa(priority)).WithOrderingKey(key).WithArrival(s.arrival)
	if delay > 0 {
		tx = tx.WithMetadata("deliver_at", s.notBefore.Format(time.RFC3339))
	}
	s.alternate = tx.AlternateID(capability.ContentDigestOf([]byte(s.content), map[string]string{"ordering_key": key}))
	var want []string
	if report := r.model.enqueue(s); report != "" {
		want = []string{id + " " + report}
	}
	if got := r.dispatch(tx); !slices.Equal(got, want) {
		r.Fatalf("sending %+v: reported %q, want %q", s, got, want)
	}
}

// dispatch returns what the queue reports.
func (r *rehearsal) dispatch(tx ergon.Transaction) (reported []string) {
	ctx := capability.WithDispatchReport(r.Context(), func(tx ergon.Transaction, result capability.DispatchResult) {
		reported = append(reported, tx.ID()+" "+string(result))
	})
	if err := r.store.Queue.DispatchTransactions(ctx, []ergon.Transaction{tx}); err != nil {
		r.Fatalf("dispatching %s: %v", tx.ID(), err)
	}
	return reported
}

func (r *rehearsal) fetch() {
	limit := 1 + r.next(4)
	batch, err := r.store.Queue.FetchTransactions(r.Context(), limit)
	if err != nil {
		r.Fatalf("fetching %d: %v", limit, err)
	}
	want := r.model.claim(limit)
	ids := make([]string, len(want))
	for i, it := range want {
		ids[i] = it.id
	}
	if !slices.Equal(idsOf(batch), ids) {
		r.Fatalf("fetched %q, want %q", idsOf(batch), ids)
	}
	for i, it := range want {
		r.received(batch[i], it)
	}
}

func (r *rehearsal) received(tx ergon.Transaction, it *modelItem) {
	if got := tx.Delivery().Count; got != it.counted {
		r.Fatalf("%s: delivery count %d, want %d", it.id, got, it.counted)
	}
	r.out = append(r.out, delivered{tx, it, it.claims})
}

// one is a delivery of some time, stale or not.
func (r *rehearsal) one() (delivered, bool) {
	if len(r.out) == 0 {
		return delivered{}, false
	}
	return r.out[len(r.out)-1-r.next(len(r.out))], true
}

func (r *rehearsal) settle() {
	how := []string{"ack", "requeue", "delay", "interrupt", "reject"}[r.next(5)]
	d, ok := r.one()
	if !ok {
		return
	}
	s := capability.Settlement{Transaction: d.tx, Action: policy.SettleRequeue}
	switch how {
	case "ack":
		s.Action = policy.SettleAck
	case "reject":
		s.Action = policy.SettleReject
	case "delay":
		s.Delay = 2 * time.Second
	case "interrupt":
		s.Interrupted = true
	}
	err := r.store.Queue.SettleTransactions(r.Context(), []capability.Settlement{s})
	r.compareFate("settle "+how, d, err, r.model.settle(d.it, d.claim, how, s.Delay))
}

func (r *rehearsal) extend() {
	if d, ok := r.one(); ok {
		err := r.store.Queue.ExtendLeases(r.Context(), []ergon.Transaction{d.tx})
		r.compareFate("extend", d, err, r.model.extend(d.it, d.claim))
	}
}

func (r *rehearsal) compareFate(what string, d delivered, err error, want bool) {
	if stale := errors.Is(err, capability.ErrStaleDelivery); (err == nil) != want || stale == want {
		r.Fatalf("%s %s, claim %d: got %v, want it to take effect: %v", what, d.tx.ID(), d.claim, err, want)
	}
}

func (r *rehearsal) resolve() {
	id := fmt.Sprint("id", r.next(8))
	tx, err := r.store.Queue.FetchTransactionByID(r.Context(), id)
	r.model.settleDue()
	it, there := r.model.resolve(id)
	switch {
	case !there:
		if !errors.Is(err, capability.ErrNotFound) {
			r.Fatalf("resolve %s: got %v, want ErrNotFound", id, err)
		}
	case it == nil:
		if err == nil {
			r.Fatalf("resolve %s: it is claimed, or behind another, and was delivered", id)
		}
	case err != nil:
		r.Fatalf("resolve %s: %v", id, err)
	default:
		r.model.deliver(it)
		r.received(tx, it)
	}
}

func (r *rehearsal) compareCounts() {
	got, err := r.store.Queue.InspectQueue(r.Context())
	if err != nil {
		r.Fatal(err)
	}
	var claimed, settled, waiting int64
	for _, it := range r.model.items {
		switch {
		case it.settled && it.forgotten.After(r.store.Now()):
			settled++
		case it.settled:
		case it.claimed && it.until.After(r.store.Now()):
			claimed++
		default:
			waiting++
		}
	}
	if got.Claimed != claimed || got.Settled != settled || got.Ready+got.Delayed != waiting {
		r.Fatalf("got %+v, want %d waiting, %d claimed, %d settled", got, waiting, claimed, settled)
	}
}

func (r *rehearsal) compareDead() {
	letters, err := r.store.Letters.ListDeadLetters(r.Context(), deadletter.Filter{}, deadletter.Page{Limit: 1000})
	if err != nil || len(letters) != len(r.model.dead) {
		r.Fatalf("got %d letters, %v, want %d", len(letters), err, len(r.model.dead))
	}
}

func idsOf(batch []ergon.Transaction) []string {
	ids := make([]string, len(batch))
	for i, tx := range batch {
		ids[i] = tx.ID()
	}
	return ids
}
