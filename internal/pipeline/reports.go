package pipeline

import (
	"context"
	"slices"
	"sync"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

// report is what a sink said of one transaction of a call.
type report struct {
	tx     ergon.Transaction
	result capability.DispatchResult
}

// reports are those of one joined call. They are kept until it has returned, because it is known only then which of several
// transactions of one id they are about, and whether each caller has to dispatch by itself, and hears them then.
type reports struct {
	mu    sync.Mutex
	all   []report
	ended bool
}

// add is called by the sink.
func (r *reports) add(tx ergon.Transaction, result capability.DispatchResult) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended {
		r.all = append(r.all, report{tx, result})
	}
}

// end returns all of them. What comes later is about nothing that anybody waits for.
func (r *reports) end() []report {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	return r.all
}

// work is what a sink knows a transaction by.
type work struct{ id, arrival string }

func workOf(tx ergon.Transaction) work { return work{tx.ID(), tx.Arrival()} }

// deal gives each request the reports that are about its own. Of several transactions of one id the sink has stored the first,
// so the reports belong to the last ones; none belongs to one that failed.
func (j *batchCall) deal(failed *ergon.BatchError) {
	all := j.reports.end()
	if len(all) == 0 {
		return
	}
	of := map[work][]report{}
	for _, r := range all {
		of[workOf(r.tx)] = append(of[workOf(r.tx)], r)
	}
	at := 0
	for _, p := range j.requests {
		at += len(p.transactions)
	}
	for _, p := range slices.Backward(j.requests) {
		for _, tx := range slices.Backward(p.transactions) {
			at--
			if failed != nil && failed.Failures[at] != nil {
				continue
			}
			w := workOf(tx)
			if n := len(of[w]); n > 0 {
				p.reports = append(p.reports, of[w][n-1])
				of[w] = of[w][:n-1]
			}
		}
		slices.Reverse(p.reports)
	}
}

// hear tells the caller's listener, on the caller's goroutine, what the sink knew already.
func (p *request) hear(ctx context.Context) {
	if len(p.reports) == 0 {
		return
	}
	if listener := capability.DispatchReport(ctx); listener != nil {
		for _, r := range p.reports {
			listener(r.tx, r.result)
		}
	}
}
