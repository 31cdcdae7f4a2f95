package ergon_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/spans"
)

// inTask is a context of a task whose outputs have the identity.
func inTask(t testing.TB, identity string) context.Context {
	t.Helper()
	return spans.WithScope(t.Context(), spans.Scope{Task: "price", Identity: identity})
}

// [B3] [I3] The id says what it derives from.
func TestOutputIDDerivesFromIDTaskSourcePositionAndGeneration(t *testing.T) {
	tx := ergon.NewTransaction("order-7", nil)
	again := tx.WithGeneration(1).WithArrival("3-abc")
	for want, got := range map[string]string{
		"order-7/price/orders/0":    tx.OutputID(inTask(t, "price/orders"), 0),
		"order-7/price/orders/12":   tx.OutputID(inTask(t, "price/orders"), 12),
		"order-7/price/orders/12.1": again.OutputID(inTask(t, "price/orders"), 12),
		"order-7/0":                 tx.WithArrival("3-abc").OutputID(t.Context(), 0),
		"order-7/0.1":               again.OutputID(t.Context(), 0),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if outbound, err := (ergon.Task{}).WithIdentity("price/orders").Outbound(again, []ergon.Transaction{{}}); err != nil ||
			outbound[0].ID() != "order-7/price/orders/0.1" || !outbound[0].HasDerivedID() {
			t.Errorf("a hybrid task's output is %v, %v; want the same id", outbound, err)
		}
	}
}

// [B3] A rename changes ids, and an identity keeps them.
func TestIdentityKeepsIDsOverARename(t *testing.T) {
	before := ergon.TaskConfig{Name: "price"}.OutputIdentity("orders/eu 1")
	if want := "price/orders%2Feu%201"; before != want {
		t.Errorf("the identity is %q, want %q", before, want)
	}
	if after := (ergon.TaskConfig{Name: "quote", Identity: before}).OutputIdentity("incoming"); after != before {
		t.Errorf("renamed, it is %q, want %q", after, before)
	}
	for identity, ok := range map[string]bool{
		"": true, "price/orders": true, before: true, "price": false, "price/": false, "/orders": false, "a/b/c": false, "a b/c": false,
		"a/é": false, "a/\n": false,
	} {
		if err := (ergon.TaskConfig{Identity: identity}).ValidateIdentity(); (err == nil) != ok {
			t.Errorf("identity %q: got %v, want valid: %t", identity, err, ok)
		}
	}
}

// [I5] Beyond 128 bytes an id is cut to 60 bytes at most, never within a character, and told apart by a digest.
func TestLongOutputIDEndsInADigest(t *testing.T) {
	ctx := inTask(t, "price/orders")
	fits := strings.Repeat("x", 128-len("/price/orders/0"))
	if got := ergon.NewTransaction(fits, nil).OutputID(ctx, 0); got != fits+"/price/orders/0" {
		t.Errorf("an id of 128 bytes became %q", got)
	}
	for _, id := range []string{fits + "x", strings.Repeat("é", 100), "x" + strings.Repeat("é", 100), strings.Repeat("x", 100_000)} {
		got := ergon.NewTransaction(id, nil).OutputID(ctx, 0)
		head, digest, cut := strings.Cut(got, "/~")
		if !cut || len(head) > 60 || len(head) < 57 || !strings.HasPrefix(id, head) || len(digest) != 32 || !utf8.ValidString(got) {
			t.Errorf("an id of %d bytes became %q", len(id), got)
		}
	}
}

// [I5] No two of them are equal: ids that look like others, such as those of outputs of outputs, included.
func TestOutputIDsAreInjective(t *testing.T) {
	const alphabet = `a/.0~%1`
	text := func(most int) string {
		b := make([]byte, rand.IntN(most+1))
		for i := range b {
			b[i] = alphabet[rand.IntN(len(alphabet))]
		}
		return string(b)
	}
	seen := map[string]string{}
	for i := range 200_000 {
		id, task, source, position, generation := text(4), text(2), text(2), rand.IntN(12), rand.IntN(3)
		if i%3 == 0 {
			id = strings.Repeat("y", 112+rand.IntN(4)) + id // near the bound
		}
		ctx := inTask(t, ergon.TaskConfig{Name: task}.OutputIdentity(source))
		from := fmt.Sprintf("%q %q %q %d %d", id, task, source, position, generation)
		got := ergon.NewTransaction("x", nil).WithDerivedID(id).WithGeneration(generation).OutputID(ctx, position)
		if other, twice := seen[got]; twice && other != from {
			t.Fatalf("%s and %s both make %q", other, from, got)
		}
		seen[got] = from
	}
}

// [I3] What is passed on arrives for the first time where it goes to, under its own id and of its own generation.
func TestOutputDoesNotArriveAsItsInboundDid(t *testing.T) {
	inbound := ergon.NewTransaction("in", nil).WithArrival("1-a").WithGeneration(2)
	outbound, err := ergon.Task{}.Outbound(inbound, []ergon.Transaction{inbound.WithPayload("passed on")})
	if err != nil || outbound[0].Arrival() != "" || outbound[0].ID() != "in" || outbound[0].Generation() != 2 {
		t.Errorf("got %v of arrival %q, %v", outbound, outbound[0].Arrival(), err)
	}
	made := ergon.NewTransaction("", nil).WithArrival("1-a").WithGeneration(2)
	outbound, _ = (ergon.Task{}).Outbound(inbound, []ergon.Transaction{made})
	if outbound[0].Arrival() != "" || outbound[0].Generation() != 0 {
		t.Errorf("one with a derived id has arrival %q and generation %d", outbound[0].Arrival(), outbound[0].Generation())
	}
}

// What came before cannot cost a transaction more.
func TestOutputIDAllocatesNothingButItself(t *testing.T) {
	task := ergon.Task{}.WithIdentity("price/orders")
	tx, made := ergon.NewTransaction("order-7", nil), []ergon.Transaction{{}}
	var result any = made
	if n := testing.AllocsPerRun(100, func() { _, _ = task.Outbound(tx, result) }); n != 2 {
		t.Errorf("got %v allocations, want 2: the outputs and the id", n)
	}
}
