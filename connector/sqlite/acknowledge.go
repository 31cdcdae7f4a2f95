package sqlite

import (
	"errors"

	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/policy"
)

// What acknowledges a delivery, of one item or of several.
const (
	forgetItem = `DELETE FROM items `
	keepID     = `UPDATE items SET state = 'settled', due_at = ?, settled_at = ?, key = NULL, metadata = NULL, history = NULL,
		payload = NULL `
	keepItem = `UPDATE items SET state = 'settled', due_at = ?, settled_at = ?, key = NULL `

	ofDelivery   = `WHERE seq = ? AND claims = ? AND state = 'claimed' AND due_at > ?`
	ackAndForget = forgetItem + ofDelivery
	ackAndKeepID = keepID + ofDelivery
	ackAndKeep   = keepItem + ofDelivery
)

//nolint:gochecknoglobals // statements
var (
	ofDeliveries     = `WHERE seq ` + oneOf + ` AND claims = ? AND state = 'claimed' AND due_at > ?`
	ackManyAndForget = forgetItem + ofDeliveries
	ackManyAndKeepID = keepID + ofDeliveries
	ackManyAndKeep   = keepItem + ofDeliveries
)

func (q *Queue) ack(t *tx, now int64, r *receipt) (bool, error) {
	var changed int64
	var err error
	forgetAt := q.forgetAt(now)
	switch {
	case forgetAt == 0:
		changed, err = t.exec(ackAndForget, r.seq, r.claim, now)
	case q.settings.RetainSettled == 0:
		changed, err = t.exec(ackAndKeepID, forgetAt, now, r.seq, r.claim, now)
	default:
		changed, err = t.exec(ackAndKeep, forgetAt, now, r.seq, r.claim, now)
	}
	if err != nil || changed == 0 {
		return false, err
	}
	if r.inBodies && q.settings.RetainSettled == 0 {
		if _, err := t.exec(deleteBody, r.seq); err != nil {
			return false, err
		}
	}
	return true, q.advance(t, now, r.key)
}

// errSingly is why a transaction is undone and done again without statements for several deliveries: one of them was stale, and
// such a statement does not tell which. To have it tell (by RETURNING, or by a look beforehand) takes all the time that it saves,
// and a delivery is seldom stale.
var errSingly = errors.New("a delivery is stale")

// ackTogether acknowledges the first of a batch at once and returns how many, where all of them are acknowledgements of as many
// claims, without an ordering key or a body; otherwise 0, as where each is to be settled singly. One that is stale is errSingly.
func (q *Queue) ackTogether(t *tx, now int64, batch []capability.Settlement, singly bool) (int, error) {
	if singly || len(batch) < together {
		return 0, nil
	}
	statement, arguments := ackManyAndForget, make([]any, 0, together+4)
	if forgetAt := q.forgetAt(now); forgetAt != 0 {
		statement = ackManyAndKeep
		if q.settings.RetainSettled == 0 {
			statement = ackManyAndKeepID
		}
		arguments = append(arguments, forgetAt, now)
	}
	var claim int64
	for i := range batch[:together] {
		r := q.plainAck(&batch[i])
		if r == nil || i > 0 && r.claim != claim {
			return 0, nil
		}
		arguments, claim = append(arguments, r.seq), r.claim
	}
	changed, err := t.exec(statement, append(arguments, claim, now)...)
	if err == nil && changed < together {
		err = errSingly
	}
	return together, err
}

// plainAck returns the receipt of an acknowledgement that changes nothing but its item; nil for any other settlement.
func (q *Queue) plainAck(s *capability.Settlement) *receipt {
	r, ok := s.Transaction.Delivery().Receipt.(*receipt)
	if !ok || s.Action != policy.SettleAck || !q.delivered(r) || r.key != nil || r.inBodies || r.lost > 0 {
		return nil
	}
	return r
}
