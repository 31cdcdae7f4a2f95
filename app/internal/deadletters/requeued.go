package deadletters

import (
	"fmt"
	"maps"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/deadletter"
)

// origin identifies a dead letter among those of all stores, as far as its store knows.
func origin(letter deadletter.Letter) string {
	if letter.Origin != "" {
		return letter.Origin
	}
	return letter.Key + "@" + letter.FailedAt.UTC().Format(time.RFC3339Nano)
}

// Requeued is the transaction of a dead letter as a new arrival.
func Requeued(letter deadletter.Letter, edit *Edit) (ergon.Transaction, error) {
	if edit != nil && letter.PayloadEncoding == deadletter.EncodingDescribed {
		letter.PayloadEncoding = deadletter.EncodingText // the new payload replaces the description
	}
	tx, err := revived(letter)
	if err != nil {
		return tx, err
	}
	if edit != nil {
		tx = capability.Edited(tx, edit.Payload, contentOf(tx))
	}
	return tx.WithArrival(capability.NextArrival(tx, origin(letter))), nil
}

// revived is the transaction of a dead letter as it was.
func revived(letter deadletter.Letter) (ergon.Transaction, error) {
	tx, err := letter.Transaction()
	if err != nil {
		return tx, fmt.Errorf("dead letter %s: %w", letter.Key, err)
	}
	return tx, nil
}

// contentOf is the digest of a transaction whose payload is bytes.
func contentOf(tx ergon.Transaction) capability.ContentDigest {
	payload, _ := tx.Payload().([]byte)
	return capability.ContentDigestOf(payload, maps.Collect(tx.AllMetadata()))
}
