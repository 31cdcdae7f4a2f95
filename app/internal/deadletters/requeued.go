package deadletters

import (
	"fmt"
	"maps"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/deadletter"
)

// origin names a letter among those of all stores, as far as its store can tell.
func origin(letter deadletter.Letter) string {
	if letter.Origin != "" {
		return letter.Origin
	}
	return letter.Key + "@" + letter.FailedAt.UTC().Format(time.RFC3339Nano)
}

// Requeued is the transaction that a letter is about, as it arrives once more.
func Requeued(letter deadletter.Letter, edit *Edit) (ergon.Transaction, error) {
	if edit != nil && letter.PayloadEncoding == deadletter.EncodingDescribed {
		letter.PayloadEncoding = deadletter.EncodingText // another payload takes the place of the description
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

// revived is the transaction that a letter is about, as it was.
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
