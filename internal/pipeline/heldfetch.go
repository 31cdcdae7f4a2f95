package pipeline

import (
	"slices"

	"github.com/ergon-go/ergon"
)

// fetchBegins is called before each call of the source. since is for fetchEnds.
func (d *deliveries) fetchBegins() (since int) {
	if d == nil {
		return 0
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.filters.fetches++
	return d.filters.since()
}

// fetchEnds enters what a call has brought, without what was taken back meanwhile.
func (d *deliveries) fetchEnds(since int, txs []ergon.Transaction) []ergon.Transaction {
	if d == nil {
		return txs
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for since < d.filters.dropped+len(d.filters.all) {
		match := d.filters.all[since-d.filters.dropped].match
		since++
		d.mu.Unlock() // filters are foreign code
		txs = slices.DeleteFunc(txs, func(tx ergon.Transaction) bool { return match(tx.Delivery()) })
		d.mu.Lock()
	}
	d.filters.fetches--
	d.filters.forget()
	if d.inOrder {
		txs = slices.DeleteFunc(txs, func(tx ergon.Transaction) bool {
			w := d.windows[tx.Delivery().Partition]
			return w != nil && w.closed
		})
	}
	d.enterLocked(txs)
	return txs
}

// giveBack begins to give transactions back to the source that are not wanted, and returns those of them that the source has not taken
// back. A source that settles in order gets nothing back: they are dropped. The caller calls givenBack.
func (d *deliveries) giveBack(txs []ergon.Transaction) []ergon.Transaction {
	if d == nil || len(txs) == 0 {
		return txs
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	entries := d.findLocked(&txs[0])
	var wanted []ergon.Transaction
	for i := range txs {
		switch e := &entries[i]; {
		case e.fate != fateOpen:
		case d.inOrder:
			d.dropLocked(e)
		default:
			e.stage = stageSettling
			wanted = append(wanted, txs[i])
		}
	}
	return wanted
}

// givenBack removes transactions from the table that were given back.
func (d *deliveries) givenBack(txs []ergon.Transaction) {
	if d == nil || len(txs) == 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	entries := d.findLocked(&txs[0])
	for i := range txs {
		d.leaveLocked(&entries[i])
	}
	d.tellLocked()
}

// keepLate keeps what a call has brought in vain, for the next.
func (d *deliveries) keepLate(txs []ergon.Transaction) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.late = append(d.late, txs)
}

// takeLate returns what a call has brought in vain; nil for nothing.
func (d *deliveries) takeLate() (txs []ergon.Transaction) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.late) > 0 {
		txs, d.late = d.late[0], d.late[1:]
	}
	return txs
}
