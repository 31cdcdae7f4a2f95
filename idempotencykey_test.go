package ergon_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ergon-go/ergon"
)

// [I3] [I5] Generations have keys of their own, arrivals and deliveries do not.
func TestIdempotencyKeyIsIDAndGeneration(t *testing.T) {
	tx := ergon.NewTransaction("order-7", nil)
	for want, of := range map[string]ergon.Transaction{
		"order-7":            tx.WithArrival("2-abc").WithDelivery(ergon.Delivery{Count: 3}).WithPayload(1),
		"order-7#1":          tx.WithGeneration(1).WithArrival("2-abc"),
		"order-7%231":        ergon.NewTransaction("order-7#1", nil),
		"a/b:c/0.1":          ergon.NewTransaction("a/b:c/0.1", nil),
		"caf%C3%A9%20%25%00": ergon.NewTransaction("café %\x00", nil),
	} {
		if got := of.IdempotencyKey(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// [I5] Whatever the id, the key is visible ASCII of at most 128 characters, and no other work has it.
func TestIdempotencyKeysAreInjectiveAndFitIntoAHeader(t *testing.T) {
	parts := []string{"a", "%", "#", "1", "%23", " ", "é", "\x00", "\n", "\xff", strings.Repeat("x", 60), strings.Repeat("é", 30)}
	seen := map[string]string{}
	for range 200_000 {
		id := ""
		for range 1 + rand.IntN(5) {
			id += parts[rand.IntN(len(parts))]
		}
		generation := rand.IntN(3)
		from := fmt.Sprintf("%q of generation %d", id, generation)
		key := ergon.NewTransaction(id, nil).WithGeneration(generation).IdempotencyKey()
		if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) || len(key) > 128 {
			t.Fatalf("%s has the key %q", from, key)
		}
		if other, twice := seen[key]; twice && other != from {
			t.Fatalf("%s and %s both have %q", other, from, key)
		}
		seen[key] = from
	}
}

// [I5] A cut does not leave half of an escape.
func TestLongIdempotencyKeyEndsInADigest(t *testing.T) {
	for shift := range 3 {
		key := ergon.NewTransaction(strings.Repeat("x", shift)+strings.Repeat("é", 100), nil).IdempotencyKey()
		head, digest, cut := strings.Cut(key, "#")
		if !cut || len(head) > 60 || len(head) < 58 || len(digest) != 32 || len(strings.TrimLeft(head, "x"))%3 != 0 {
			t.Errorf("shifted by %d: got %q", shift, key)
		}
	}
}
