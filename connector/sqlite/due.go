package sqlite

import (
	"context"
	"fmt"
)

// maxDue bounds how much one claim returns to the line, besides what it delivers.
const maxDue = 1000

const (
	selectDue = `SELECT seq, state, lost, due_at FROM (SELECT seq, state, lost, due_at FROM items
			WHERE queue = ?1 AND state = 'delayed' AND due_at <= ?2 ORDER BY due_at LIMIT ?3)
		UNION ALL SELECT seq, state, lost, due_at FROM (SELECT seq, state, lost, due_at FROM items
			WHERE queue = ?1 AND state = 'claimed' AND due_at <= ?2 ORDER BY due_at LIMIT ?3)`
	becomeReady = `UPDATE items SET state = ?, due_at = NULL WHERE seq = ?`
	returnLost  = `UPDATE items SET state = ?, due_at = NULL, lost = ?, ready_at = ? WHERE seq = ?`
	selectLost  = `SELECT seq, id, key, deliveries, enqueued_at FROM items WHERE seq = ?`
)

// returnDue makes ready what was delayed until now and what was delivered under leases that have run out. What was lost too
// often becomes a dead letter: there may be nobody left who could say so.
func (q *Queue) returnDue(t *tx, now int64) error {
	type due struct {
		seq, lost, at int64
		state         string
	}
	var all []due
	err := t.query(context.Background(), selectDue, func(r row) error {
		all = append(all, due{seq: r.int(0), state: r.text(1), lost: r.int(2), at: r.int(3)})
		return nil
	}, q.number.Load(), now, maxDue)
	for _, d := range all {
		switch {
		case err != nil:
			return err
		case d.state == stateDelayed:
			_, err = t.exec(becomeReady, q.readyState(d.lost), d.seq)
		case q.isPoison(d.lost + 1):
			err = q.giveUp(t, now, d.seq, d.lost+1)
		default:
			_, err = t.exec(returnLost, q.readyState(d.lost+1), d.lost+1, d.at, d.seq)
		}
	}
	return err
}

// isPoison tells whether what was lost that often in a row is given up.
func (q *Queue) isPoison(lost int64) bool {
	return q.settings.MaxDeliveries > 0 && lost >= int64(q.settings.MaxDeliveries)
}

// readyState is how what was lost that often is ready.
func (q *Queue) readyState(lost int64) string {
	if lost > 0 && q.isPoison(lost+1) {
		return stateLast
	}
	return stateReady
}

// giveUp makes a dead letter of an item that was lost that often.
func (q *Queue) giveUp(t *tx, now, seq, lost int64) error {
	return q.deadLetter(t, now, seq, fmt.Sprintf("delivered %d times without being settled: "+
		"each time its process died, or its lease ran out", lost))
}
