package replay

import (
	"context"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/app/internal/deadletters"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/policy"
)

var (
	_ ergon.Fetcher      = (*letterSource)(nil)
	_ capability.Settler = (*letterSource)(nil)
	_ capability.Counter = (*letterSource)(nil)
	_ ergon.Opener       = (*letterSource)(nil)
	_ ergon.Closer       = (*letterSource)(nil)

	_ capability.Declarer = (*letterSource)(nil)
)

// letterSource has the transactions that dead letters are about, each once. A letter whose transaction is acknowledged is
// dropped; any other stays as it is.
type letterSource struct {
	store  deadletter.Store // not open yet
	filter deadletter.Filter
	edit   *deadletters.Edit
	of     capability.Declaration // of the source that the transactions came from
	pages  *deadletters.Pages
	ready  []deadletter.Letter
}

func (l *letterSource) Open(ctx context.Context) error {
	l.pages = &deadletters.Pages{Store: l.store, Filter: l.filter}
	if opener, ok := l.store.(ergon.Opener); ok {
		return opener.Open(ctx)
	}
	return nil
}

func (l *letterSource) Close(ctx context.Context) error {
	if closer, ok := l.store.(ergon.Closer); ok {
		return closer.Close(ctx)
	}
	return nil
}

func (l *letterSource) FetchTransactions(ctx context.Context, limit int) ([]ergon.Transaction, error) {
	if len(l.ready) == 0 {
		letters, err := l.pages.Next(ctx)
		if err != nil {
			return nil, err
		}
		if len(letters) == 0 {
			return nil, ergon.ErrExhausted
		}
		l.ready = letters
	}
	n := min(limit, len(l.ready))
	txs := make([]ergon.Transaction, n)
	for i := range txs {
		tx, err := deadletters.Requeued(l.ready[i], l.edit)
		if err != nil {
			tx = ergon.NewTransaction(l.ready[i].ID, err)
		}
		txs[i] = tx.WithDelivery(ergon.Delivery{Receipt: l.ready[i].Key, EnqueuedAt: l.ready[i].EnqueuedAt})
	}
	l.ready = l.ready[n:]
	return txs, nil
}

func (l *letterSource) SettleTransactions(ctx context.Context, batch []capability.Settlement) error {
	var done []deadletter.Letter
	for _, s := range batch {
		key, ok := s.Transaction.Delivery().Receipt.(string)
		if ok && s.Action == policy.SettleAck {
			done = append(done, deadletter.Letter{Key: key})
		}
	}
	return deadletters.Drop(ctx, l.store, done)
}

// Declare gives the name of the source that the transactions came from: what derives from them has the ids that it would have
// had there.
func (l *letterSource) Declare() capability.Declaration {
	return capability.Declaration{Destination: l.of.Destination, Sharing: capability.SharingSingle}
}

func (l *letterSource) CountTransactions(ctx context.Context) (int64, error) {
	return deadletters.Count(ctx, l.store, l.filter)
}
