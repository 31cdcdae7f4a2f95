package postgres

// The statements that make dead letters of items, for a reason that the queue has by itself. Its task is not known here. A letter
// takes the place of another one about the same item.
const (
	buryLost = `WITH gone AS MATERIALIZED (SELECT i.seq, i.claims, i.queue,
			i.id, i.copy, i.deliveries, i.enqueued_at, i.metadata, i.history, i.digest,
			i.payload, replace('` + reasonLost + `', '%d', (i.lost + 1)::text) AS reason, $4::text AS print, $5::bigint AS remembered
			FROM {items} i WHERE ` + stillPoison + ` ORDER BY i.seq FOR UPDATE)` + buryGone
	buryRejected = `WITH gone AS MATERIALIZED (SELECT i.seq, i.claims, i.queue,
			i.id, i.copy, i.deliveries, i.enqueued_at, i.metadata, i.history, i.digest,
			i.payload, '` + reasonRejected + `' AS reason, $4::text AS print, $5::bigint AS remembered
			FROM {items} i JOIN unnest($2::bigint[], $3::integer[]) AS r (seq, claims) ON i.seq = r.seq AND i.claims = r.claims
			WHERE i.queue = $1 AND i.state = 'claimed' AND i.due_at > {now} ORDER BY i.seq FOR UPDATE OF i)` + buryGone

	// The same texts as in queueitem; a test compares them.
	reasonLost     = `delivered %d times without being settled: each time its process died, or its lease ran out`
	reasonRejected = `rejected by its task`

	buryGone = `, replaced AS (DELETE FROM {dead_letters} l USING gone g WHERE l.item = g.seq AND l.queue = g.queue
			AND l.arrival = CASE WHEN g.copy LIKE '#%' THEN '' ELSE g.copy END),
		written AS (INSERT INTO {dead_letters} (queue, item, id, arrival, task, category, phase, attempts, message, first_error,
				fingerprint, handler_failed, handler_error, deliveries, enqueued_at, failed_at, metadata, history, digest,
				payload_encoding, payload)
			SELECT queue, seq, id, CASE WHEN copy LIKE '#%' THEN '' ELSE copy END, '', 'SYSTEM', 'process', deliveries, reason, '', print,
				false, '', deliveries, enqueued_at, {now}, metadata, history, digest, '', payload FROM gone),
		forgotten AS (DELETE FROM {items} i USING gone g WHERE g.remembered = 0 AND i.queue = g.queue AND i.seq = g.seq),
		settled AS (UPDATE {items} i SET state = 'settled', due_at = {now} + g.remembered * interval '1 microsecond', settled_at = {now},
				key = NULL, metadata = NULL, history = NULL, payload = NULL
			FROM gone g WHERE g.remembered > 0 AND i.queue = g.queue AND i.seq = g.seq RETURNING i.seq, i.due_at),
		timer AS (INSERT INTO {timers} (queue, kind, at, items)
			SELECT $1, 'forget', max(due_at), array_agg(seq) FROM settled HAVING count(*) > 0)
		SELECT seq, claims FROM gone`
)
