package ergon

import "fmt"

// Outbound returns the result of a hybrid task's Process as the transactions to prepare, in the same order. A transaction that
// has no id gets the one that [Transaction.OutputID] returns for its position. A redelivery makes the same ids, so the receiver
// recognises them. If the task has set an id, it is kept. Such an id must be the same each time. If two tasks send different
// outputs to the same place, they must not set the same id. Two transactions with one id are an error.
//
// Each output has a first arrival, even if the inbound transaction has a later one.
func (t Task) Outbound(inbound Transaction, result any) ([]Transaction, error) {
	made, ok := result.([]Transaction)
	if !ok && result != nil {
		return nil, Permanent(fmt.Errorf("result of processing is a %T, but a hybrid task returns its outbound transactions: "+
			"a []ergon.Transaction", result))
	}
	outbound := make([]Transaction, len(made))
	for i, tx := range made {
		if tx.id == "" || tx.delivery == generated {
			tx = tx.WithGeneration(0).WithDerivedID(inbound.outputID(t.identity, i))
		}
		outbound[i] = tx.WithArrival("")
	}
	return outbound, distinct(outbound)
}

func distinct(outbound []Transaction) error {
	if len(outbound) < 2 {
		return nil
	}
	at := make(map[string]int, len(outbound))
	for i, tx := range outbound {
		if first, twice := at[tx.id]; twice {
			return Permanent(fmt.Errorf("outbound transactions %d and %d have the same id, so one of them could be taken for the other; "+
				"give each a different id, or none", first, i))
		}
		at[tx.id] = i
	}
	return nil
}
