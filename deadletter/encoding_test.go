package deadletter_test

import (
	"encoding/json"
	"errors"
	"maps"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon/deadletter"
)

// half is a record of which its source knows the beginning only, or all of it.
type half struct{ complete bool }

func (half) Error() string               { return "line 3: is too long" }
func (h half) RawRecord() ([]byte, bool) { return []byte("\xffab"), h.complete }

type node struct {
	Name string
	Next *node
	f    func()
}

// [S2] Whatever a payload is, its letter can be written as JSON, and what it was can be had again where it was bytes.
func TestEveryPayloadIsEncoded(t *testing.T) {
	loop := &node{Name: "a\xff"}
	loop.Next = loop
	self := map[string]any{}
	self["self"] = self
	list := make([]any, 1)
	list[0] = list
	for _, test := range []struct {
		name     string
		payload  any
		encoding deadletter.Encoding
		want     string // content, or what is said of it
	}{
		{"JSON", []byte(`{ "a": 1 }`), deadletter.EncodingJSON, `{ "a": 1 }`},
		{"text", []byte("not json"), deadletter.EncodingText, "not json"},
		{"text of JSON", `"a"`, deadletter.EncodingJSON, `"a"`},
		{"bytes", []byte("\xff\x00"), deadletter.EncodingBase64, "\xff\x00"},
		{"a string that is no UTF-8", "a\xffb", deadletter.EncodingBase64, "a\xffb"},
		{"raw JSON that is none", json.RawMessage("{"), deadletter.EncodingText, "{"},
		{"nothing", nil, deadletter.EncodingJSON, "null"},
		{"no bytes", []byte{}, deadletter.EncodingText, ""},
		{"a value", map[string]int{"a": 1}, deadletter.EncodingJSON, `{"a":1}`},
		{"the replacement character", map[string]string{"a": "\uFFFD"}, deadletter.EncodingJSON, "{\"a\":\"\uFFFD\"}"},
		{"a value with text that is no UTF-8", map[string]string{"a": "\xff"}, deadletter.EncodingDescribed, `map[string]string{"a": "\xff"}`},
		{"NaN", []float64{math.NaN(), 1, math.Inf(-1)}, deadletter.EncodingDescribed, "[]float64{NaN, 1, -Inf}"},
		{"a function", func(int) string { return "" }, deadletter.EncodingDescribed, "func(int) string"},
		{"a channel", struct{ C chan int }{make(chan int)}, deadletter.EncodingDescribed, "struct { C chan int }{C: chan int}"},
		{
			"a pointer to itself", loop, deadletter.EncodingDescribed,
			`&deadletter_test.node{Name: "a\xff", Next: (*deadletter_test.node that contains this), f: nil}`,
		},
		{
			"a map in itself", self, deadletter.EncodingDescribed,
			`map[string]interface {}{"self": (map[string]interface {} that contains this)}`,
		},
		{"a list in itself", list, deadletter.EncodingDescribed, `[]interface {}{([]interface {} that contains this)}`},
		{"an error", errors.New("line 7: \xff"), deadletter.EncodingDescribed, `line 7: \xff`},
		{"a record that was read", half{true}, deadletter.EncodingBase64, "\xffab"},
		{"the beginning of a record", half{false}, deadletter.EncodingDescribed, `the record begins with "\xffab"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := deadletter.Record{ID: "a", Payload: test.payload}.Encoded()
			data, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			var line struct {
				deadletter.Record

				Payload json.RawMessage `json:"payload"`
			}
			if err := json.Unmarshal(data, &line); err != nil {
				t.Fatal(err)
			}
			read := line.Record
			if err := read.SetPayload(line.Payload); err != nil {
				t.Fatal(err)
			}
			for name, r := range map[string]deadletter.Record{"encoded": r, "encoded twice": r.Encoded(), "read from JSON": read} {
				got, err := r.Content()
				described := errors.Is(err, deadletter.ErrDescribed)
				if described != (test.encoding == deadletter.EncodingDescribed) || !described && err != nil {
					t.Errorf("%s: got error %v", name, err)
				}
				want := test.want
				if name == "read from JSON" && test.encoding == deadletter.EncodingJSON {
					want = strings.ReplaceAll(want, " ", "")
				}
				if r.PayloadEncoding != test.encoding || string(got) != want && err == nil || err != nil && r.Payload != any(want) {
					t.Errorf("%s: got %q, %v in %q, want %q in %q", name, got, r.Payload, r.PayloadEncoding, want, test.encoding)
				}
			}
		})
	}
}

// [S2] Texts that are no UTF-8 are written as what they are: bytes where they have to be had again, escaped where they are read.
func TestTextsThatAreNoUTF8AreKept(t *testing.T) {
	metadata := map[string]string{"k": "v", "bad\xff": "x", "l": "\xfe"}
	given := maps.Clone(metadata)
	r := deadletter.Record{ID: "id\xff", Message: "it broke: \xff", Metadata: metadata, Payload: "p"}.Encoded()
	if diff := cmp.Diff(given, metadata); diff != "" {
		t.Errorf("the metadata that was given has changed:\n%s", diff)
	}
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var read deadletter.Record
	if err := json.Unmarshal(data, &read); err != nil {
		t.Fatal(err)
	}
	if read.Message != `it broke: \xff` {
		t.Errorf("got the message %q", read.Message)
	}
	tx, err := read.Transaction()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(given, maps.Collect(tx.AllMetadata())); diff != "" || tx.ID() != "id\xff" {
		t.Errorf("got the id %q and metadata (-want +got):\n%s", tx.ID(), diff)
	}
}

// [S2] A description of something endless ends.
func TestDescriptionsAreBounded(t *testing.T) {
	deep := &node{}
	for range 1_000 {
		deep = &node{Next: deep, f: func() {}}
	}
	wide := make([]float64, 20<<20)
	for name, payload := range map[string]any{"deep": deep, "wide": struct{ F []float64 }{wide}} {
		text, _ := deadletter.DescribePayload(payload)
		if s, _ := text.(string); len(s) > 17<<20 || !strings.Contains(s, "…") {
			t.Errorf("%s: got %d bytes", name, len(s))
		}
	}
}

// shared is a payload with a memory of its own that others write to.
type shared struct {
	Name  string
	count int
	calls map[string]int
	next  *shared
}

// [F1] What only unexported fields refer to is shared with others, who may be changing it: nobody looks into that. To read a map
// while it is written ends the process.
func TestDescriptionLooksIntoNothingThatIsShared(t *testing.T) {
	inner := &shared{Name: "inner"}
	got, _ := deadletter.DescribePayload(&shared{Name: "outer", count: 3, calls: map[string]int{"secret": 1}, next: inner})
	want := "&deadletter_test.shared{Name: \"outer\", count: 3, calls: map[string]int, next: *deadletter_test.shared}"
	if got != want {
		t.Errorf("got  %v\nwant %s", got, want)
	}
}
