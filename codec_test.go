package ergon_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/policy"
)

// viewer is a task that returns the body that it was given.
type viewer[In any] struct{}

func (viewer[In]) ProcessTransaction(_ context.Context, tx ergon.TransactionOf[In]) (In, error) {
	return tx.Body, nil
}

// decoded runs a task that wants an In on the payload and returns what it was given.
func decoded[In any](t *testing.T, payload any, with ...ergon.Decorator) (In, error) {
	t.Helper()
	task := ergon.Consume(viewer[In]{}, with...)
	if err := task.Validate(); err != nil {
		t.Fatal(err)
	}
	got, err := task.Process(t.Context(), ergon.NewTransaction("t-1", payload))
	body, _ := got.(In)
	return body, err
}

func expectDecoded[In any](t *testing.T, payload any, want In, with ...ergon.Decorator) {
	t.Helper()
	got, err := decoded[In](t, payload, with...)
	if err != nil {
		t.Errorf("payload %#v into %T: %v", payload, want, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("payload %#v into %T (-want +got):\n%s", payload, want, diff)
	}
}

type strike struct {
	ID     string    `json:"id"`
	Height int8      `json:"height"`
	At     time.Time `json:"at"`
	Cost   int       `json:"cost,string"`
	Birds  []string  `json:"birds"`
}

func TestPayloadIsHandedOverAsTheTaskWantsIt(t *testing.T) {
	expectDecoded(t, strike{ID: "a", Birds: []string{"gull"}}, strike{ID: "a", Birds: []string{"gull"}})
	expectDecoded(t, &strike{ID: "a"}, &strike{ID: "a"})
	expectDecoded(t, map[string]string{"a": "1"}, map[string]string{"a": "1"})
	expectDecoded(t, []byte(`{"id":"a","birds":["gull"]}`), strike{ID: "a", Birds: []string{"gull"}})
	expectDecoded(t, `{"id":"a"}`, strike{ID: "a"})
	expectDecoded(t, json.RawMessage(`{"id":"a"}`), strike{ID: "a"})
	expectDecoded(t, []byte(`{"id":"a"}`), &strike{ID: "a"})
	expectDecoded(t, []byte(`{"id":"a"}`), map[string]any{"id": "a"})
	expectDecoded(t, []byte(`[1,2]`), []int{1, 2})
	expectDecoded(t, []byte(`"text"`), json.RawMessage(`"text"`))
}

func TestBytesAndTextAreHandedOverRaw(t *testing.T) {
	expectDecoded(t, []byte("a\xff"), "a\xff")
	expectDecoded(t, "a\xff", []byte("a\xff"))
	expectDecoded(t, "plain", "plain")
	expectDecoded(t, []byte{}, []byte{})
	expectDecoded(t, "", []byte{})
	expectDecoded(t, json.RawMessage(`{"a":1}`), []byte(`{"a":1}`))
}

func TestTaskThatWantsAnythingGetsThePayloadAsItIs(t *testing.T) {
	expectDecoded[any](t, []byte("{"), []byte("{"))
	expectDecoded[any](t, 7, 7)
	expectDecoded[any](t, nil, nil)
	expectDecoded[fmt.Stringer](t, time.Second, time.Second)
}

func TestUnknownFieldsAreIgnoredAndOfDuplicatesTheLastCounts(t *testing.T) {
	expectDecoded(t, []byte(`{"id":"first","colour":"grey","id":"last"}`), strike{ID: "last"})
}

// [R3]
func TestPayloadThatDoesNotDecodeIsABusinessErrorOfPhaseDecode(t *testing.T) {
	for name, c := range map[string]struct {
		payload any
		want    string
	}{
		"cut short":       {`{"id":"secret`, "not JSON: unexpected end of JSON input, at byte 13"},
		"empty":           {"", "not JSON: unexpected end of JSON input, at byte 0"},
		"something else":  {"<xml/>", "not JSON: invalid character '<' looking for beginning of value, at byte 1"},
		"more than one":   {"{} {}", "not JSON: invalid character '{' after top-level value, at byte 4"},
		"wrong kind":      {`{"id":["secret"]}`, `field "id", at byte 7: the array does not fit string`},
		"too large":       {`{"height":4111}`, `field "height", at byte 14: the number does not fit int8`},
		"nested":          {`{"birds":[7]}`, `field "birds", at byte 11: the number does not fit string`},
		"no time":         {`{"at":"secret"}`, "a text is not a time as RFC 3339 writes it"},
		"no number in it": {`{"cost":"secret"}`, "a text does not hold what the ,string tag of its field says"},
		"not UTF-8":       {[]byte("{\"id\":\"ab\xffsecret\"}"), "not JSON: the text is not valid UTF-8, at byte 9"},
		"latin-1 at end":  {[]byte("{\"id\":\"\u00fc\"}\xe4"), "not JSON: the text is not valid UTF-8, at byte 11"},
		"another type":    {7, "payload is int, which is neither that type nor bytes"},
		"pointer to it":   {&strike{ID: "secret"}, "payload is *ergon_test.strike, which is neither that type nor bytes"},
		"nothing":         {nil, "payload is <nil>, which is neither that type nor bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := decoded[strike](t, c.payload)
			failed := asTransactionError(t, err)
			if failed.Category != ergon.CategoryBusiness || failed.Phase != policy.PhaseDecode ||
				failed.TransactionID != "t-1" || failed.Attempts != 1 {
				t.Errorf("got %+v", failed)
			}
			if want := "decode: BUSINESS: decode payload into ergon_test.strike: " + c.want; err.Error() != want {
				t.Errorf("got  %s\nwant %s", err, want)
			}
			if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "4111") {
				t.Errorf("the error shows what the payload holds: %v", err)
			}
		})
	}
}

func TestCauseOfADecodeErrorIsReached(t *testing.T) {
	_, err := decoded[strike](t, `{"height":4111}`)
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); !ok || mismatch.Field != "height" {
		t.Errorf("errors.As finds %v", mismatch)
	}
	_, err = decoded[strict](t, `"x"`)
	if !errors.Is(err, errBoom) || !strings.Contains(err.Error(), "boom") {
		t.Errorf("got %v, want what the type's own method said", err)
	}
}

type strict struct{}

func (*strict) UnmarshalJSON([]byte) error { return errBoom }

// [R4]
func TestEveryAttemptGetsThePayloadAsItWasFetched(t *testing.T) {
	type nested struct{ Strikes map[string]*strike }
	fetched := func() nested { return nested{map[string]*strike{"a": {Birds: []string{"gull"}}}} }
	spoilNested := func(n nested) {
		n.Strikes["a"].Birds[0] = "spoilt"
		n.Strikes["b"] = nil
	}
	everyAttempt(t, fetched(), fetched(), spoilNested)
	everyAttempt(t, &strike{Birds: []string{"gull"}}, &strike{Birds: []string{"gull"}}, func(s *strike) {
		s.Birds[0], s.ID = "spoilt", "x"
	})
	everyAttempt(t, []string{"gull"}, []string{"gull"}, func(s []string) { s[0] = "spoilt" })
	everyAttempt(t, map[string]string{"a": "1"}, map[string]string{"a": "1"}, func(m map[string]string) { m["a"] = "2" })
	everyAttempt(t, []byte("gull"), []byte("gull"), func(b []byte) { b[0] = 'X' })
	everyAttempt(t, json.RawMessage("gull"), []byte("gull"), func(b []byte) { b[0] = 'X' })
	everyAttempt(t, "gull", []byte("gull"), func(b []byte) { b[0] = 'X' })
	everyAttempt(t, []byte(`{"birds":["gull"]}`), strike{Birds: []string{"gull"}}, func(s strike) { s.Birds[0] = "spoilt" })
	everyAttempt[any](t, []any{"gull"}, []any{"gull"}, func(a any) { a.([]any)[0] = "spoilt" })
}

func everyAttempt[In any](t *testing.T, payload any, want In, spoil func(In)) {
	t.Helper()
	given := viewerOf[In]{}
	task := ergon.Consume(&given)
	tx := ergon.NewTransaction("t-1", payload)
	for attempt := range 3 {
		if _, err := task.Process(t.Context(), tx); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, given.body); diff != "" {
			t.Errorf("attempt %d on %T (-want +got):\n%s", attempt+1, payload, diff)
		}
		spoil(given.body)
		if err := task.Success(t.Context(), tx, given.body); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, given.body); diff != "" {
			t.Errorf("success handler after attempt %d on %T (-want +got):\n%s", attempt+1, payload, diff)
		}
		spoil(given.body)
	}
}

// viewerOf keeps the body that it was given last.
type viewerOf[In any] struct{ body In }

func (s *viewerOf[In]) ProcessTransaction(_ context.Context, tx ergon.TransactionOf[In]) (In, error) {
	s.body = tx.Body
	return tx.Body, nil
}

func (s *viewerOf[In]) HandleProcessSuccess(_ context.Context, tx ergon.TransactionOf[In], _ In) error {
	s.body = tx.Body
	return nil
}

func TestCodecDecodesInPlaceOfJSON(t *testing.T) {
	lines := ergon.UseCodec(func(data []byte, into any) error {
		list, ok := into.(*[]string)
		if !ok {
			return fmt.Errorf("cannot decode into %T", into)
		}
		*list = strings.Split(string(data), "\n")
		clear(data) // the codec may do what it likes with it
		return nil
	})
	payload := []byte("a\nb")
	for range 2 {
		expectDecoded(t, payload, []string{"a", "b"}, lines)
	}
	expectDecoded(t, payload, "a\nb", lines)
	_, err := decoded[strike](t, payload, lines)
	want := "decode: BUSINESS: decode payload into ergon_test.strike: cannot decode into *ergon_test.strike"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestCodecOfATaskOfPlainFunctionsIsAFault(t *testing.T) {
	plain := ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return "done", nil }}
	err := ergon.UseCodec(nil)(plain).Validate()
	want := "ergon.UseCodec needs a task made by ergon.Consume, ergon.Produce or ergon.Hybrid; plain functions decode for themselves"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func BenchmarkDecode(b *testing.B) {
	task := ergon.Consume(viewer[strike]{})
	tx := ergon.NewTransaction("t-1", []byte(`{"id":"a","height":7,"birds":["gull","tern"]}`))
	b.ReportAllocs()
	for b.Loop() {
		_, _ = task.Process(b.Context(), tx)
	}
}

// echo is a task whose functions note the body that each of them was given.
type echo struct{ bodies map[string]string }

func (e *echo) ProcessTransaction(_ context.Context, tx ergon.TransactionOf[*text]) ([]ergon.Transaction, error) {
	e.bodies["process"] = tx.Body.Text
	return nil, nil
}

func (e *echo) HandleProcessSuccess(_ context.Context, tx ergon.TransactionOf[*text], _ []ergon.Transaction) error {
	e.bodies["success"] = tx.Body.Text
	return nil
}

func (e *echo) PrepareTransaction(_ context.Context, tx ergon.TransactionOf[*text]) error {
	e.bodies["prepare"] = tx.Body.Text
	return nil
}

func (e *echo) HandlePrepareSuccess(_ context.Context, tx ergon.TransactionOf[*text]) error {
	e.bodies["prepare success"] = tx.Body.Text
	return nil
}

type text struct{ Text string }

// saying decodes everything as word.
func saying(word string) func([]byte, any) error {
	return func(_ []byte, into any) error {
		(*into.(**text)) = &text{Text: word}
		return nil
	}
}

func TestTaskWithAnotherCodecLeavesTheOneItWasMadeOfAlone(t *testing.T) {
	seen := &echo{bodies: map[string]string{}}
	plain := ergon.Hybrid(seen)
	first := ergon.UseCodec(saying("first"))(plain)
	second := ergon.UseCodec(saying("second"))(first)
	again := ergon.UseCodec(nil)(second)
	made := ergon.Hybrid(seen, ergon.UseCodec(saying("lost")), ergon.UseCodec(saying("made")))
	for name, c := range map[string]struct {
		task ergon.Task
		want string
	}{
		"plain": {plain, "json"}, "first": {first, "first"}, "second": {second, "second"}, "JSON again": {again, "json"},
		"made with it": {made, "made"}, "another of that": {ergon.UseCodec(saying("late"))(made), "late"},
	} {
		clear(seen.bodies)
		tx := ergon.NewTransaction("a", []byte(`{"Text": "json"}`))
		result, err := c.task.Process(t.Context(), tx)
		err = errors.Join(err, c.task.Success(t.Context(), tx, result), c.task.Prepare(t.Context(), tx), c.task.PrepareSuccess(t.Context(), tx))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := map[string]string{"process": c.want, "success": c.want, "prepare": c.want, "prepare success": c.want}
		if diff := cmp.Diff(want, seen.bodies); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestFaultOfADecoratedTaskIsNotOneOfAnother(t *testing.T) {
	plain := ergon.Task{}
	if faulty := ergon.UseCodec(saying("x"))(plain); faulty.Validate() == nil {
		t.Error("a codec of a task of plain functions is no fault")
	}
	if err := plain.Validate(); err == nil || strings.Contains(err.Error(), "UseCodec") {
		t.Errorf("got %v of the task that was decorated", err)
	}
}
