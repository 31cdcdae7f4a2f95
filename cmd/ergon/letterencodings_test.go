package main_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// unread refuses everything. Its queue has a payload for each encoding of a letter: j, t, b and d.
func unread(t *testing.T, letters string) sandbox {
	t.Helper()
	s := newSandbox(t, "sort-out", strings.Replace(`
tasks:
  sort:
    task: exec
    settings: {argv: [sh, -c, 'cat > seen.$ERGON_TRANSACTION_ID; exit 65']}
    connectors:
      input: {type: refusing-queue, path: in.db, max_wait: 10ms}
      dead_letters: {type: dead-letters, path: LETTERS}
    consumer:
      loop: {streaming: false}
`, "LETTERS", letters, 1))
	s.write("in.jsonl", `{"id":"j","payload":{"a":1}}
{"id":"t","payload":"not <json>","payload_encoding":"text"}
{"id":"b","payload":"/wBh","payload_encoding":"base64"}
{"id":"d","payload":"NaN","payload_encoding":"text"}
`)
	s.sh(0, `printf '{"a":1}' > j; printf 'not <json>' > t; printf '\377\000a' > b
sort-out enqueue sort --envelope --file in.jsonl
sort-out run`)
	return s
}

type shown struct {
	Key             string          `json:"key"`
	ID              string          `json:"id"`
	PayloadEncoding string          `json:"payload_encoding"`
	Payload         json.RawMessage `json:"payload"`
}

// byID are all letters as a command prints them, by id.
func (s sandbox) byID(command string) map[string]shown {
	s.Helper()
	var read struct {
		Letters []shown `json:"dead_letters"`
	}
	text := s.sh(0, command)
	if err := json.Unmarshal([]byte(text), &read); err != nil {
		s.Fatalf("%s: %v", text, err)
	}
	all := map[string]shown{}
	for _, l := range read.Letters {
		all[l.ID] = l
	}
	return all
}

// wantEncodings wants what is shown, or exported, of each letter.
func (s sandbox) wantEncodings(all map[string]shown) {
	s.Helper()
	for id, want := range map[string]shown{
		"j": {Payload: json.RawMessage(`{"a":1}`)}, "t": {PayloadEncoding: "text", Payload: json.RawMessage(`"not <json>"`)},
		"b": {PayloadEncoding: "base64", Payload: json.RawMessage(`"/wBh"`)},
		"d": {PayloadEncoding: "described", Payload: json.RawMessage(`"NaN"`)},
	} {
		got := all[id]
		var payload, wanted any
		if err := json.Unmarshal(got.Payload, &payload); err != nil {
			s.Fatalf("%s: %q: %v", id, got.Payload, err)
		}
		_ = json.Unmarshal(want.Payload, &wanted)
		if x, y := mustJSON(s, payload), mustJSON(s, wanted); x != y || got.PayloadEncoding != want.PayloadEncoding {
			s.Errorf("%s: got %s in %q, want %s in %q", id, x, got.PayloadEncoding, y, want.PayloadEncoding)
		}
	}
}

func mustJSON(s sandbox, v any) string {
	s.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		s.Fatal(err)
	}
	return string(text)
}

const everyLetter = `sort-out dlq show sort --payload --output json \
	$(sort-out dlq ls sort --output json | sed -n 's/.*"key": "\([0-9]*\)".*/\1/p')`

// [S2] A letter of each encoding can be shown and exported, and says which it has.
func TestLettersOfEachEncodingAreShownAndExported(t *testing.T) {
	for _, store := range []string{"in.db", "letters.db"} {
		t.Run(store, func(t *testing.T) {
			s := unread(t, store)
			s.wantEncodings(s.byID(everyLetter))
			s.sh(0, `sort-out dlq export sort --file out.jsonl`)
			exported := map[string]shown{}
			for _, line := range lines(t, s.folder+"/out.jsonl") {
				var l shown
				if err := json.Unmarshal([]byte(line), &l); err != nil {
					t.Fatal(err)
				}
				exported[l.ID] = l
			}
			s.wantEncodings(exported)
			for _, l := range s.byID(everyLetter) {
				s.want(`sort-out dlq show sort `+l.Key+` --payload`, "payload", l.ID)
			}
		})
	}
}

// [S2] [I3] What is retried arrives byte by byte. What is only described stays, and the command says why and ends with 1.
func TestLettersOfEachEncodingAreRetried(t *testing.T) {
	for _, store := range []string{"in.db", "letters.db"} {
		t.Run(store, func(t *testing.T) {
			s := unread(t, store)
			s.sh(0, `for id in j t b; do cmp $id seen.$id; rm seen.$id; done`)
			s.sh(1, `sort-out dlq retry sort --all > said.txt 2>&1`)
			said := readFile(t, s.folder+"/said.txt")
			for _, want := range []string{
				"3 dead letters requeued", "1 dead letter of task sort not requeued", "give the transaction another payload",
			} {
				if !strings.Contains(said, want) {
					t.Errorf("got\n%swant %q in it", said, want)
				}
			}
			s.wantLetterIDs("d")
			s.sh(0, `sort-out run; for id in j t b; do cmp $id seen.$id; done; test ! -e seen.d`)
			s.wantLetterIDs("b", "d", "j", "t")
		})
	}
}

// [S2] [I3] A letter of each encoding can be given another payload, of bytes as well, which arrives as it is.
func TestLettersOfEachEncodingAreRetriedWithAnotherPayload(t *testing.T) {
	for _, store := range []string{"in.db", "letters.db"} {
		t.Run(store, func(t *testing.T) {
			s := unread(t, store)
			s.sh(0, `printf '\376\000other' > other; printf '{"a":2}' > other.json; rm -f seen.*`)
			for id, l := range s.byID(everyLetter) {
				file := "other"
				if id == "j" {
					s.sh(2, `sort-out dlq retry sort `+l.Key+` --payload-file other`) // its task reads JSON
					file = "other.json"
				}
				s.want(`sort-out dlq retry sort `+l.Key+` --payload-file `+file, "1 dead letter requeued")
			}
			s.wantLetterIDs()
			s.sh(0, `sort-out run; for id in t b d; do cmp other seen.$id; done; cmp other.json seen.j`)
		})
	}
}

// [S2] [I3] An exported letter can be enqueued again; one that is only described is refused before anything is.
func TestExportedLettersOfEachEncodingAreEnqueued(t *testing.T) {
	s := unread(t, "letters.db")
	s.sh(0, `rm -f seen.*; sort-out dlq export sort --file out.jsonl; sort-out dlq drop sort --all --yes`)
	s.sh(2, `sort-out enqueue sort --envelope --file out.jsonl > said.txt 2>&1`)
	if said := readFile(t, s.folder+"/said.txt"); !strings.Contains(said, "describes its payload") || !strings.Contains(said, "line ") {
		t.Errorf("got\n%s", said)
	}
	if got := s.queueCounts("input"); got.Ready != 0 {
		t.Errorf("the input has %+v, want nothing", got)
	}
	s.sh(0, `grep -v described out.jsonl > some.jsonl; sort-out enqueue sort --envelope --file some.jsonl; sort-out run
for id in j t b; do cmp $id seen.$id; done`)
}
