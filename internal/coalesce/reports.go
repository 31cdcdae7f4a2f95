package coalesce

import (
	"context"
	"slices"
	"sync"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

// report is what a sink reported of one transaction of a call.
type report struct {
	tx     ergon.Transaction
	result capability.DispatchResult
}

// reports are those of one call for several callers. They are kept until it has returned: only then is it known which of several
// transactions of one id they are about, and whether each caller dispatches by itself, which reports anew.
type reports struct {
	mu     sync.Mutex // guards what follows; the sink may report from several goroutines, and late
	all    []report
	closed bool
}

// add is called by the sink.
func (r *reports) add(tx ergon.Transaction, result capability.DispatchResult) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.all = append(r.all, report{tx, result})
	}
}

// close returns all of them. Those that come later concern nobody who waits.
func (r *reports) close() []report {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	return r.all
}

// identity is what a sink knows a transaction by.
type identity struct{ id, arrival string }

func identityOf(tx ergon.Transaction) identity { return identity{tx.ID(), tx.Arrival()} }

// assignReports gives each request the reports about its own. Of several transactions of one identity the sink has stored the
// first, so the reports belong to the last ones; none belongs to one that failed [I2].
func (b *batchCall) assignReports(failed *ergon.BatchError) {
	all := b.reports.close()
	if len(all) == 0 {
		return
	}
	of := map[identity][]report{} // in the order in which the sink reported
	for _, r := range all {
		of[identityOf(r.tx)] = append(of[identityOf(r.tx)], r)
	}
	at := b.size
	for _, r := range slices.Backward(b.requests) {
		for _, tx := range slices.Backward(r.transactions) {
			at--
			if failed != nil && failed.Failures[at] != nil {
				continue
			}
			id := identityOf(tx)
			if n := len(of[id]); n > 0 {
				r.reports = append(r.reports, of[id][n-1])
				of[id] = of[id][:n-1]
			}
		}
		slices.Reverse(r.reports)
	}
}

// report passes its reports to the caller's listener, on the caller's goroutine.
func (r *request) report(ctx context.Context) {
	if len(r.reports) == 0 {
		return
	}
	if listener := capability.DispatchReport(ctx); listener != nil {
		for _, one := range r.reports {
			listener(one.tx, one.result)
		}
	}
}
