package sqlite_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/sqlite"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/policy"
)

// bury dispatches a letter for each transaction and acknowledges it, as the engine does.
func deadLetter(tb testing.TB, from *sqlite.Queue, dead *sqlite.DeadLetters, message string, batch ...ergon.Transaction) {
	tb.Helper()
	for _, tx := range batch {
		dispatch(tb, dead, ergon.NewTransaction(tx.ID(), recordOf(tx, message)))
	}
	ack(tb, from, batch...)
}

func retry(tb testing.TB, from deadletter.Store, want int64) {
	tb.Helper()
	if n, err := from.RetryDeadLetters(tb.Context(), deadletter.Filter{}); n != want || err != nil {
		tb.Fatalf("retried %d, %v, want %d", n, err, want)
	}
}

// anyOrigin ignores the names of letters among those of all stores, which are random.
var anyOrigin = cmpopts.IgnoreFields(deadletter.Letter{}, "Origin")

// [S2]
func TestLetterSaysAllThatItsRecordSays(t *testing.T) {
	b := newBench(t)
	dead := b.deadLetters(t)
	sent := []any{
		json.RawMessage(`{"a":1}`), "text", []byte{0xff, 0}, nil, map[string]any{"k": 1.5}, errors.New("line 7: no record"),
	}
	kept := []any{
		json.RawMessage(`{"a":1}`), "text", []byte{0xff, 0}, json.RawMessage("null"), json.RawMessage(`{"k":1.5}`), "line 7: no record",
	}
	encodings := map[int]deadletter.Encoding{1: deadletter.EncodingText, 2: deadletter.EncodingBase64, 5: deadletter.EncodingDescribed}
	for i, payload := range sent {
		want := deadletter.Record{
			ID: fmt.Sprint(i), Task: "triage", Category: ergon.CategoryTimeout, Phase: policy.PhaseSuccess, Attempts: 3, Message: "last",
			FirstError: "first", Fingerprint: "f", HandlerFailed: true, HandlerError: "h", Deliveries: 2,
			EnqueuedAt: b.at.Add(-time.Hour), FailedAt: b.at, Metadata: map[string]string{"k": "v"}, Payload: payload,
		}
		dispatch(t, dead, ergon.NewTransaction(want.ID, want))
		want.Payload, want.PayloadEncoding = kept[i], encodings[i]
		got := letters(t, dead)
		if diff := cmp.Diff(deadletter.Letter{Record: want, Key: fmt.Sprint(i + 1)}, got[0], anyOrigin); diff != "" {
			t.Errorf("letter %d (-want +got):\n%s", i, diff)
		}
	}
	if n, err := dead.CountTransactions(t.Context()); n != 6 || err != nil {
		t.Errorf("counted %d, %v, want 6", n, err)
	}
}

func TestOnlyRecordsAreTaken(t *testing.T) {
	dead := newBench(t).deadLetters(t)
	record := deadletter.Record{ID: "b", FailedAt: newClock().at}
	err := dead.DispatchTransactions(t.Context(), []ergon.Transaction{
		transaction("a"), ergon.NewTransaction("b", &record), ergon.NewTransaction("c", (*deadletter.Record)(nil)),
	})
	failed, ok := errors.AsType[*ergon.BatchError](err)
	if !ok || len(failed.Failures) != 2 {
		t.Fatalf("got %v, want two failures", err)
	}
	wantError(t, failed.Failures[0], "sqlite dead letters: transaction a: its payload is []uint8, must be a deadletter.Record; "+
		"dispatch other transactions to a queue")
	wantError(t, failed.Failures[2], "transaction c: its payload is a nil *deadletter.Record")
	if got := letters(t, dead); len(got) != 1 || got[0].ID != "b" {
		t.Errorf("got %+v, want b", got)
	}
}

func TestRetriedLetterGoesBackWhereItCameFromWithItsHistory(t *testing.T) {
	b := newBench(t)
	jobs, mails, dead := b.queue(t), b.queue(t, named("mails")), b.deadLetters(t)
	dispatch(t, jobs, transaction("a", "priority=5", "k=v"))
	dispatch(t, mails, transactions("a")...) // the same id elsewhere
	b.advance(time.Second)
	deadLetter(t, jobs, dead, "boom", fetch(t, jobs, 1)...)
	wantFetched(t, jobs)
	b.advance(time.Hour)
	retry(t, dead, 1)
	if got := letters(t, dead); len(got) != 0 {
		t.Errorf("%d letters are left", len(got))
	}
	wantFetched(t, mails, "a")
	again := wantFetched(t, jobs, "a")
	if payload := string(again[0].Payload().([]byte)); payload != `"a"` || again[0].Delivery().Count != 1 {
		t.Errorf("got payload %s, delivery %+v", payload, again[0].Delivery())
	}
	if v, _ := again[0].Metadata("k"); v != "v" {
		t.Errorf("its metadata is gone: %q", v)
	}
	b.advance(time.Second)
	deadLetter(t, jobs, dead, "boom again", again...)
	want := []deadletter.Failure{{
		Category: ergon.CategoryBusiness, Phase: policy.PhaseProcess, Message: "boom", FailedAt: newClock().at,
		RetriedAt: newClock().at.Add(time.Hour + time.Second),
	}}
	got := letters(t, dead)
	if diff := cmp.Diff(want, got[0].History); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	retry(t, dead, 1)
	settle(t, jobs, rejected, wantFetched(t, jobs, "a")...)
	if got := letters(t, dead); len(got[0].History) != 2 || got[0].History[1].Message != "boom again" {
		t.Errorf("got history %+v, want both", got[0].History)
	}
}

func TestLetterFromElsewhereIsNotRetried(t *testing.T) {
	b := newBench(t)
	queue, dead := b.queue(t), b.deadLetters(t)
	dispatch(t, dead, ergon.NewTransaction("a.csv:2", recordOf(transaction("a.csv:2"), "boom")))
	retry(t, dead, 0)
	if got := letters(t, dead); len(got) != 1 || got[0].Queue != "" {
		t.Errorf("got %+v, want it to stay", got)
	}
	wantFetched(t, queue)
}

// A crash between the letter and the acknowledgement has the transaction delivered again.
func TestTransactionHasOneLetterAndIsInItsQueueOnce(t *testing.T) {
	b := newBench(t)
	queue, dead := b.queue(t), b.deadLetters(t)
	dispatch(t, queue, transactions("a")...)
	tx := wantFetched(t, queue, "a")[0]
	dispatch(t, dead, ergon.NewTransaction("a", recordOf(tx, "boom")))
	b.advance(lease)
	tx = wantFetched(t, queue, "a")[0]
	dispatch(t, dead, ergon.NewTransaction("a", recordOf(tx, "boom again")))
	if got := letters(t, dead); len(got) != 1 || got[0].Message != "boom again" {
		t.Errorf("got %+v, want the last", got)
	}
	retry(t, dead, 1)
	wantFetched(t, queue)
	ack(t, queue, tx)
	wantFetched(t, queue)
}

func TestRetryKeepsTheOrderOfAKeyAndWakesWhoWaits(t *testing.T) {
	b := newBench(t)
	queue, dead := b.queue(t), b.deadLetters(t)
	dispatch(t, queue, keyed("k", "k1", "k2")...)
	for range 2 {
		deadLetter(t, queue, dead, "boom", fetch(t, queue, 1)...)
	}
	retry(t, dead, 2)
	ack(t, queue, wantFetched(t, queue, "k1")...)
	wantFetched(t, queue, "k2")
}

func TestRetryIgnoresATimeOfDeliveryThatHasBeenKept(t *testing.T) {
	b := newBench(t)
	queue, dead := b.queue(t), b.deadLetters(t)
	dispatch(t, queue, transaction("a", "deliver_at="+b.at.Add(time.Second).Format(time.RFC3339)))
	b.advance(time.Second)
	deadLetter(t, queue, dead, "boom", fetch(t, queue, 1)...)
	retry(t, dead, 1)
	wantFetched(t, queue, "a")
}

func TestLettersAreFiltered(t *testing.T) {
	b := newBench(t)
	dead := b.deadLetters(t)
	add := func(id, task, fingerprint string, category ergon.Category, phase policy.Phase) {
		dispatch(t, dead, ergon.NewTransaction(id, deadletter.Record{
			ID: id, Task: task, Category: category, Phase: phase, Fingerprint: fingerprint, FailedAt: b.at,
		}))
		b.advance(time.Minute)
	}
	add("a", "x", "f", ergon.CategorySystem, policy.PhaseProcess)
	add("b", "x", "g", ergon.CategoryBusiness, policy.PhaseDecode)
	add("c", "y", "f", ergon.CategoryTimeout, policy.PhaseProcess)
	start := newClock().at
	system, timeout := ergon.CategorySystem, ergon.CategoryTimeout
	for name, c := range map[string]struct {
		filter deadletter.Filter
		want   []string
	}{
		"everything":            {deadletter.Filter{}, []string{"c", "b", "a"}},
		"keys":                  {deadletter.Filter{Keys: []string{"3", "1", "7", "x", "02"}}, []string{"c", "a"}},
		"keys that are none":    {deadletter.Filter{Keys: []string{"' OR 1=1 --"}}, nil},
		"task":                  {deadletter.Filter{Task: "x"}, []string{"b", "a"}},
		"phase":                 {deadletter.Filter{Phase: policy.PhaseDecode}, []string{"b"}},
		"fingerprint":           {deadletter.Filter{Fingerprint: "f"}, []string{"c", "a"}},
		"the zero category":     {deadletter.Filter{Category: &system}, []string{"a"}},
		"another category":      {deadletter.Filter{Category: &timeout}, []string{"c"}},
		"after":                 {deadletter.Filter{FailedAfter: start.Add(time.Minute)}, []string{"c", "b"}},
		"after, a little later": {deadletter.Filter{FailedAfter: start.Add(time.Minute + time.Microsecond)}, []string{"c"}},
		"before":                {deadletter.Filter{FailedBefore: start.Add(time.Minute)}, []string{"b", "a"}},
		"before, a little less": {deadletter.Filter{FailedBefore: start.Add(time.Minute - time.Microsecond)}, []string{"a"}},
		"all of it":             {deadletter.Filter{Task: "x", Fingerprint: "f", Keys: []string{"1"}}, []string{"a"}},
		"what contradicts":      {deadletter.Filter{Task: "y", Fingerprint: "g"}, nil},
	} {
		got, err := dead.ListDeadLetters(t.Context(), c.filter, deadletter.Page{Limit: 10})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var ids []string
		for _, l := range got {
			ids = append(ids, l.ID)
		}
		if diff := cmp.Diff(c.want, ids); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestLettersAreGroupedByFingerprint(t *testing.T) {
	b := newBench(t)
	dead := b.deadLetters(t)
	for i, fingerprint := range []string{"f", "g", "f"} {
		dispatch(t, dead, ergon.NewTransaction(fmt.Sprint(i), deadletter.Record{
			ID: fmt.Sprint(i), Task: "x", Message: fmt.Sprint("error ", i), Fingerprint: fingerprint, FailedAt: b.at,
		}))
		b.advance(time.Minute)
	}
	got, err := dead.GroupDeadLetters(t.Context(), deadletter.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	start := newClock().at
	want := []deadletter.Group{
		{Fingerprint: "f", Task: "x", Message: "error 2", Count: 2, First: start, Last: start.Add(2 * time.Minute)},
		{Fingerprint: "g", Task: "x", Message: "error 1", Count: 1, First: start.Add(time.Minute), Last: start.Add(time.Minute)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	got, err = dead.GroupDeadLetters(t.Context(), deadletter.Filter{Keys: []string{"1"}})
	if err != nil || len(got) != 1 || got[0].Count != 1 || got[0].Message != "error 0" {
		t.Errorf("got %+v, %v, want the first alone", got, err)
	}
}

func TestPagesCoverEverythingOnceWhateverLeavesBetweenThem(t *testing.T) {
	b := newBench(t)
	dead := b.deadLetters(t)
	for i := range 5 {
		// Written in another order than they failed.
		dispatch(t, dead, ergon.NewTransaction(fmt.Sprint(i), deadletter.Record{
			ID: fmt.Sprint(i), FailedAt: b.at.Add(time.Duration(i*2%5/2) * time.Second),
		}))
	}
	var got []string
	page := deadletter.Page{Limit: 2}
	for {
		part, err := dead.ListDeadLetters(t.Context(), deadletter.Filter{}, page)
		if err != nil {
			t.Fatal(err)
		}
		if len(part) == 0 {
			break
		}
		for _, l := range part {
			got = append(got, l.ID)
		}
		page.After = part[len(part)-1].Key
	}
	want := []string{}
	for _, l := range letters(t, dead) {
		want = append(want, l.ID)
	}
	if diff := cmp.Diff(want, got); diff != "" || len(got) != 5 {
		t.Errorf("pages beside the whole list (-want +got):\n%s", diff)
	}
	for _, bad := range []deadletter.Page{{Limit: 0}, {Limit: 1, After: "x"}} {
		if _, err := dead.ListDeadLetters(t.Context(), deadletter.Filter{}, bad); err == nil {
			t.Errorf("page %+v is no error", bad)
		}
	}
}

func TestPageGoesOnAfterALetterThatIsGone(t *testing.T) {
	b := newBench(t)
	dead := b.deadLetters(t)
	for i := range 4 {
		dispatch(t, dead, ergon.NewTransaction(fmt.Sprint(i), deadletter.Record{ID: fmt.Sprint(i), FailedAt: b.at}))
		b.advance(time.Second)
	}
	if n, err := dead.DropDeadLetters(t.Context(), deadletter.Filter{Keys: []string{"3"}}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	got, err := dead.ListDeadLetters(t.Context(), deadletter.Filter{}, deadletter.Page{Limit: 9, After: "3"})
	if err != nil || len(got) != 2 || got[0].ID != "1" {
		t.Errorf("got %+v, %v, want 1 and 0", got, err)
	}
}

// More than one transaction takes.
func TestManyLettersAreRetriedAndDropped(t *testing.T) {
	b := newBench(t)
	queue, dead := b.queue(t), b.deadLetters(t)
	const n = 1003
	dispatch(t, queue, numbered(n)...)
	batch := fetch(t, queue, n)
	var records []ergon.Transaction
	for _, tx := range batch {
		records = append(records, ergon.NewTransaction(tx.ID(), recordOf(tx, "boom")))
	}
	dispatch(t, dead, records...)
	ack(t, queue, batch...)
	if dropped, err := dead.DropDeadLetters(t.Context(), deadletter.Filter{Keys: []string{"1", "2"}}); dropped != 2 || err != nil {
		t.Fatalf("dropped %d, %v, want 2", dropped, err)
	}
	retry(t, dead, n-2)
	if got := len(fetch(t, queue, n)); got != n-2 {
		t.Errorf("got %d back, want %d", got, n-2)
	}
	dispatch(t, dead, records...)
	if dropped, err := dead.DropDeadLetters(t.Context(), deadletter.Filter{All: true}); dropped != n || err != nil {
		t.Fatalf("dropped %d, %v, want %d", dropped, err, n)
	}
	if got := letters(t, dead); len(got) != 0 {
		t.Errorf("%d letters are left", len(got))
	}
}

// [S2] What the file will never store of a row is said to be that row's fault, for the engine to find it; a batch leaves nothing behind.
func TestLetterThatTheFileRefusesIsRefusedForGood(t *testing.T) {
	b := newBench(t)
	dead := b.deadLetters(t)
	if err := execute(b.path, `CREATE TRIGGER picky BEFORE INSERT ON dead_letters WHEN NEW.id = 'b'
		BEGIN SELECT RAISE(ABORT, 'no b'); END`); err != nil {
		t.Fatal(err)
	}
	letter := func(id string) ergon.Transaction {
		return ergon.NewTransaction(id, deadletter.Record{ID: id, Task: "t", Phase: policy.PhaseProcess, FailedAt: b.at, Payload: "x"})
	}
	err := dead.DispatchTransactions(t.Context(), []ergon.Transaction{letter("a"), letter("b")})
	if failed := (&ergon.TransactionError{Err: err}); err == nil || !failed.IsPermanent() {
		t.Errorf("got %v, want a permanent error", err)
	}
	if n, err := dead.CountTransactions(t.Context()); n != 0 || err != nil {
		t.Errorf("counted %d, %v, want none", n, err)
	}
	dispatch(t, dead, letter("a"))
}
