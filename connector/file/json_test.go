package file_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/file"
)

func TestJSONLinesAreDeliveredAsTheyStand(t *testing.T) {
	content := "\xef\xbb\xbf{\"a\": 1}\r\n\n  \t\n [2] \n\"three\"\nnot json\n{\"a\":\"\xff\"}\n{\"a\":1} {}\nnull"
	wantLines(t, all(t, open(t, sourceOf(t, "x.jsonl", content))), []string{
		`x.jsonl:1 {"a": 1}`,
		`x.jsonl:4 [2]`,
		`x.jsonl:5 "three"`,
		`x.jsonl:6 malformed: x.jsonl:6: is not JSON: invalid character 'o' in literal null (expecting 'u'), at byte 2 of it`,
		`x.jsonl:7 malformed: x.jsonl:7: is not valid UTF-8; convert the file to UTF-8, for example with iconv`,
		`x.jsonl:8 malformed: x.jsonl:8: is not JSON: invalid character '{' after top-level value, at byte 9 of it`,
		`x.jsonl:9 null`,
	})
}

func TestEmptyJSONLinesFileHasNoRecords(t *testing.T) {
	wantLines(t, all(t, open(t, sourceOf(t, "x.jsonl", ""))), nil)
}

func TestFormatIsToldByTheNameOrByTheSetting(t *testing.T) {
	for name, content := range map[string]string{
		"x.ndjson": "1\n", "x.JSONL": "1\n", "x.json": "[1]", "x.jsonl.gz": zipped(t, "1\n"), "x.json.gz": zipped(t, "[1]"),
		"zipped without its ending.jsonl": zipped(t, "1\n"),
	} {
		wantLines(t, all(t, open(t, sourceOf(t, name, content))), []string{name + ":1 1"})
	}
	as := func(f file.Format) func(*file.SourceSettings) { return func(s *file.SourceSettings) { s.Format = f } }
	wantLines(t, all(t, open(t, sourceOf(t, "x.json", "1\n2\n", as(file.FormatJSONL)))), []string{"x.json:1 1", "x.json:2 2"})
}

func TestJSONArrayElementsAreDeliveredWithTheLineWhereTheyBegin(t *testing.T) {
	content := "\xef\xbb\xbf\n [ {\"a\": [1, {\"]\": \"}\\\"\"}]}, 2,\n\"th\\\\ree\"\n , {\n}\n,[ ],true\n]\n \n"
	wantLines(t, all(t, open(t, sourceOf(t, "x.json", content))), []string{
		`x.json:2 {"a": [1, {"]": "}\""}]}`,
		`x.json:2:2 2`,
		`x.json:3 "th\\ree"`,
		"x.json:4 {\n}",
		`x.json:6 [ ]`,
		`x.json:6:2 true`,
	})
	wantLines(t, all(t, open(t, sourceOf(t, "x.json", " []"))), nil)
}

func TestMalformedElementOfAnArrayIsStrandedAloneWhereItsEndIsClear(t *testing.T) {
	content := "[{\"a\":tru},\n{\"a\":1,},\n,\n1 2,\n:,\n{} {},\n\"\xff\",\n{\"fine\":1},\n]"
	wantLines(t, all(t, open(t, sourceOf(t, "x.json", content))), []string{
		`x.json:1 malformed: x.json:1: is not JSON: invalid character '}' in literal true (expecting 'e'), at byte 9 of it`,
		`x.json:2 malformed: x.json:2: is not JSON: invalid character '}' looking for beginning of object key string, at byte 8 of it`,
		`x.json:3 malformed: x.json:3: has no element before a comma; remove the comma`,
		`x.json:4 1`,
		`x.json:4:2 malformed: x.json:4: has no comma between the element before and this one; add one`,
		`x.json:5 malformed: x.json:5: is not JSON: invalid character ':' looking for beginning of value, at byte 1 of it`,
		`x.json:6 {}`,
		`x.json:6:2 malformed: x.json:6: has no comma between the element before and this one; add one`,
		`x.json:7 malformed: x.json:7: is not valid UTF-8; convert the file to UTF-8, for example with iconv`,
		`x.json:8 {"fine":1}`,
		`x.json:9 malformed: x.json:9: has no element between a comma and the end of the array; remove the comma`,
	})
}

func TestArrayThatCannotBeReadOnEndsWithAPermanentErrorAfterWhatWasGood(t *testing.T) {
	deep := strings.Repeat("[", 10_001)
	for name, test := range map[string]struct{ content, record, end string }{
		"mismatch": {"[1,\n{]}, 3]", "has a closing bracket that does not match the opening one", "x.json:2: has a closing bracket"},
		"line end": {"[1,\n\"a\n\", 3]", "has a line end or another control character in a string", "x.json:2: has a line end"},
		"cut off":  {"[1,\n{\"a\":", "is cut short by the end of the file; is it complete?", "x.json:2: is cut short"},
		"garbage":  {"[1]\n[2]", "there is something after the end of the array; a file holds one array", "x.json:2: there is something"},
		"too deep": {"[1,\n" + deep, "is nested deeper than 10000 brackets", "x.json:2: is nested deeper"},
		"no end":   {"[1\n", "", "x.json:2: the file ends before its array does; is it complete?"},
		"no next":  {"[1,", "", "x.json:1: the file ends before its array does; is it complete?"},
	} {
		t.Run(name, func(t *testing.T) {
			batch, err := drain(t, open(t, sourceOf(t, "x.json", test.content)))
			wantError(t, err, test.end)
			var permanent interface{ IsPermanent() bool }
			if !errors.As(err, &permanent) || !permanent.IsPermanent() {
				t.Errorf("the error is not permanent: %v", err)
			}
			if errors.Is(err, ergon.ErrExhausted) {
				t.Errorf("the error says that the source has ended well: %v", err)
			}
			got := shown(batch)
			want := []string{"x.json:1 1"}
			if test.record != "" {
				want = append(want, "x.json:2 malformed: x.json:2: "+test.record)
				got[1] = got[1][:len(want[1])]
			}
			wantLines(t, got, want)
		})
	}
}

func TestWhatIsNoArrayIsRefused(t *testing.T) {
	for content, want := range map[string]string{
		"{\"a\":1}\n{}": "x.json: does not begin with [, so it is not a JSON array; if it has a JSON value on each line, set format to jsonl",
		"":              "x.json: is empty, must hold a JSON array",
		" \n ":          "x.json: is empty, must hold a JSON array", //nolint:gocritic // space is the point of it
	} {
		wantError(t, sourceOf(t, "x.json", content).Open(t.Context()), want)
	}
}
