package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/queueitem"
	"github.com/ergon-go/ergon/policy"
)

// What settles deliveries changes an item only while the delivery is the one that counts: its token is that of the last claim and its
// lease has not run out. All return the tokens of what
// they changed.
const (
	deliveries = `FROM unnest($2::bigint[], $3::integer[]) AS r (seq, claims)
		WHERE i.queue = $1 AND i.seq = r.seq AND i.claims = r.claims AND i.state = 'claimed' AND i.due_at > {now}`

	ackAndForget = `DELETE FROM {items} i USING unnest($2::bigint[], $3::integer[]) AS r (seq, claims)
		WHERE i.queue = $1 AND i.seq = r.seq AND i.claims = r.claims AND i.state = 'claimed' AND i.due_at > {now} RETURNING i.seq, i.claims`
	// $5: whether the payload is kept.
	ackAndKeep = `WITH settled AS (UPDATE {items} i SET state = 'settled', due_at = {now} + $4::bigint * interval '1 microsecond',
			settled_at = {now}, key = NULL, metadata = CASE WHEN $5::boolean THEN metadata END,
			history = CASE WHEN $5::boolean THEN history END, payload = CASE WHEN $5::boolean THEN payload END
			` + deliveries + ` RETURNING i.seq, i.claims, i.due_at),
		timer AS (INSERT INTO {timers} (queue, kind, at, items)
			SELECT $1, 'forget', max(due_at), array_agg(seq) FROM settled HAVING count(*) > 0)
		SELECT seq, claims FROM settled`
	// $4: the delays in microseconds; $5: whether it was interrupted, so that neither its place nor its losses change. $6 is the
	// maximum number of lost deliveries, 0 for no limit.
	requeueItems = `WITH given AS MATERIALIZED (SELECT seq, claims, delay, interrupted,
			CASE WHEN delay = 0 AND NOT interrupted THEN nextval('{sequence}') END AS number
			FROM unnest($2::bigint[], $3::integer[], $4::bigint[], $5::boolean[])
			AS g (seq, claims, delay, interrupted)),
		moved AS (UPDATE {items} i SET
			state = CASE WHEN g.delay > 0 THEN 'delayed'
				WHEN g.interrupted AND i.lost > 0 AND $6::integer > 0 AND i.lost + 1 >= $6::integer THEN 'last' ELSE 'again' END,
			due_at = CASE WHEN g.delay > 0 THEN {now} + g.delay * interval '1 microsecond' END,
			ready_at = {now} + g.delay * interval '1 microsecond',
			place = CASE WHEN i.key IS NULL THEN coalesce(g.number, i.place) ELSE i.place END,
			lost = CASE WHEN g.interrupted THEN i.lost ELSE 0 END,
			deliveries = i.deliveries - CASE WHEN g.interrupted THEN 1 ELSE 0 END
			FROM given g WHERE i.queue = $1 AND i.seq = g.seq AND i.claims = g.claims AND i.state = 'claimed' AND i.due_at > {now}
			RETURNING i.seq, i.claims, i.state, i.due_at, i.priority, i.place),
		timers AS (INSERT INTO {timers} (queue, kind, at, items)
			SELECT $1, 'due', due_at, array_agg(seq) FROM moved WHERE state = 'delayed' GROUP BY due_at),
		returned AS (INSERT INTO {returns} (queue, solo, priority, place, seq)
			SELECT $1, state = 'last', priority, place, seq FROM moved WHERE state <> 'delayed')
		SELECT seq, claims FROM moved`
)

// SettleTransactions settles a batch in one SQL transaction. A *BatchError names settlements without effect, with
// capability.ErrStaleDelivery for a delivery that was settled before or whose lease has expired.
//
// A transaction that is requeued as failed goes to the end of the queue. With a delay it waits and is then delivered before those that
// were dispatched after it. With an ordering key it keeps its place before others with the key. An interrupted transaction keeps its
// place. A rejected one becomes a dead letter in the same schema.
func (q *Queue) SettleTransactions(ctx context.Context, batch []capability.Settlement) error {
	work, failed := q.sort(batch)
	if work.isEmpty() {
		return failed.err()
	}
	var settled map[token]bool
	var err error
	if len(work.keys) == 0 { // all in one round trip
		err = q.use(ctx, "settle", func(ctx context.Context, s *store) error {
			b := &pgx.Batch{}
			settled = work.fill(q, s, b)
			err := s.pool.SendBatch(ctx, b).Close()
			if err == nil && work.wakes {
				s.wake.up([]int64{q.number.Load()})
			}
			return err
		})
	} else {
		err = q.write(ctx, "settle", func(ctx context.Context, t *tx) (err error) {
			settled, err = work.do(ctx, q, t)
			return err
		})
	}
	if err != nil {
		return err
	}
	work.addStale(q, batch, settled, &failed)
	return failed.err()
}

// token names a delivery.
type token struct {
	seq   int64
	claim int32
}

// refusal is the error of a settlement that cannot take effect.
func (q *Queue) refusal(s *capability.Settlement, why error) error {
	return fmt.Errorf("%s: transaction %s: %w", q.what, shortened(s.Transaction.ID()), why)
}

// settling is what a batch of settlements does, by kind.
type settling struct {
	receipts []*receipt // by their index in the batch; nil for what is refused
	acks     tokens
	rejects  tokens
	requeues tokens
	delays   []int64 // of requeues, in microseconds
	asItWas  []bool  // of requeues: interrupted
	keys     []string
	wakes    bool // there may be something to claim afterwards
}

// addStale adds the errors of those that changed nothing. Of two for one delivery the second is stale.
func (w *settling) addStale(q *Queue, batch []capability.Settlement, settled map[token]bool, failed *failures) {
	for i, r := range w.receipts {
		if r == nil {
			continue
		}
		t := token{r.seq, r.claim}
		if !settled[t] {
			failed.add(i, q.refusal(&batch[i], capability.ErrStaleDelivery))
		}
		delete(settled, t)
	}
}

// tokens are deliveries, by two lists of the same length.
type tokens struct {
	seqs   []int64
	claims []int32
}

func (t *tokens) add(r *receipt) { t.seqs, t.claims = append(t.seqs, r.seq), append(t.claims, r.claim) }

func (w *settling) isEmpty() bool {
	return len(w.acks.seqs)+len(w.rejects.seqs)+len(w.requeues.seqs) == 0
}

// sort sorts a batch by what is to be done, each kind by the number of its items: two batches lock them in the same order.
func (q *Queue) sort(batch []capability.Settlement) (w settling, failed failures) {
	w.receipts = make([]*receipt, len(batch))
	order := make([]int, 0, len(batch))
	for i := range batch {
		r, ok := batch[i].Transaction.Delivery().Receipt.(*receipt)
		if !ok || !q.delivered(r) {
			failed.add(i, q.refusal(&batch[i], errForeign))
			continue
		}
		w.receipts[i] = r
		order = append(order, i)
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(w.receipts[a].seq, w.receipts[b].seq) })
	for _, i := range order {
		if !w.add(w.receipts[i], &batch[i]) {
			w.receipts[i] = nil
			failed.add(i, q.refusal(&batch[i], fmt.Errorf("unknown settle action %d", batch[i].Action)))
		}
	}
	slices.Sort(w.keys)
	w.keys = slices.Compact(w.keys)
	return w, failed
}

func (w *settling) add(r *receipt, s *capability.Settlement) bool {
	switch s.Action {
	case policy.SettleAck:
		w.acks.add(r)
	case policy.SettleReject:
		w.rejects.add(r)
	case policy.SettleRequeue:
		w.requeues.add(r)
		w.delays, w.asItWas = append(w.delays, micros(min(s.Delay, longest))), append(w.asItWas, s.Interrupted)
		w.wakes = true
	default:
		return false
	}
	if r.key != nil && s.Action != policy.SettleRequeue {
		w.keys = append(w.keys, *r.key)
	}
	w.wakes = w.wakes || r.key != nil || r.lost > 0 // another may be waiting for its turn, or for its last delivery
	return true
}

// delivered tells whether a receipt is of this queue, delivered through whichever value that stands for it.
func (q *Queue) delivered(r *receipt) bool {
	return r.queue == q || r.queue.store.Load().isSame(q.store.Load()) && r.queue.number.Load() == q.number.Load()
}

// step is one statement of a settlement.
type step struct {
	statement string
	arguments []any
}

func (w *settling) steps(q *Queue) []step {
	queue, remembered := q.number.Load(), micros(q.remembered())
	var steps []step
	if a := w.acks; len(a.seqs) > 0 && remembered == 0 {
		steps = append(steps, step{ackAndForget, []any{queue, a.seqs, a.claims}})
	} else if len(a.seqs) > 0 {
		steps = append(steps, step{ackAndKeep, []any{queue, a.seqs, a.claims, remembered, q.settings.RetainSettled > 0}})
	}
	if r := w.requeues; len(r.seqs) > 0 {
		steps = append(steps, step{requeueItems, []any{queue, r.seqs, r.claims, w.delays, w.asItWas, q.settings.MaxDeliveries}})
	}
	if r := w.rejects; len(r.seqs) > 0 {
		fingerprint := queueitem.Fingerprint(q.settings.Queue, queueitem.ReasonRejected)
		steps = append(steps, step{buryRejected, []any{queue, r.seqs, r.claims, fingerprint, remembered}})
	}
	return steps
}

// fill adds all statements of a batch without ordering keys. The result has what they settled once they have run.
func (w *settling) fill(q *Queue, s *store, b *pgx.Batch) (settled map[token]bool) {
	settled = map[token]bool{}
	for _, step := range w.steps(q) {
		b.Queue(s.sql(step.statement), step.arguments...).Query(func(rows pgx.Rows) error {
			return eachRow(rows, noteToken(settled))
		})
	}
	b.Queue(s.sql(forgetItems), q.number.Load(), forgetWith)
	return settled
}

func noteToken(settled map[token]bool) func(scan func(into ...any) error) error {
	return func(scan func(into ...any) error) error {
		var t token
		err := scan(&t.seq, &t.claim)
		settled[t] = true
		return err
	}
}

// do runs all statements of a batch, and lets those behind have their turn.
func (w *settling) do(ctx context.Context, q *Queue, t *tx) (settled map[token]bool, err error) {
	settled = map[token]bool{}
	if err := lockOf(ctx, t, q.number.Load(), w.keys); err != nil {
		return nil, err
	}
	for _, step := range w.steps(q) {
		if err := t.query(ctx, step.statement, noteToken(settled), step.arguments...); err != nil {
			return nil, err
		}
	}
	if err := advance(ctx, t, q.number.Load(), w.keys); err != nil {
		return nil, err
	}
	if w.wakes {
		t.woken = append(t.woken, q.number.Load())
	}
	return settled, t.query(ctx, forgetItems, nil, q.number.Load(), forgetWith)
}
