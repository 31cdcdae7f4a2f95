package records_test

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon/connector/file/internal/records"
)

// The reader finds the records that encoding/csv finds: on the same lines, and the same ones malformed. It does so as well if
// every record comes in pieces of one byte.
func FuzzCSVAgainstEncodingCSV(f *testing.F) {
	for _, seed := range []string{
		"1,2,3\n", "1,2\r\n\r\n\"a\"\"b\",\"c\r\nd\",\n", "a\"b,2,3\n4,5,6\n", "\"a\"b,\"\n\",\n1,2,3\n", "\"a", "\"a\"\r", "\"a\r\n",
		"1,2,\r\r\n", "\"1\"\r2,\n\"x\",\"y\",\"z\"", "\r", "\n\n\r\n", "1,\xff,3\n", "\"\"\"\",\"\",\"\"\"\"\"\"\n", ",,\n,,,\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data string) {
		data = "a,b,c\n" + data
		want := byEncodingCSV(data)
		for _, from := range []io.Reader{strings.NewReader(data), iotest.OneByteReader(strings.NewReader(data))} {
			if diff := cmp.Diff(want, linesAndValues(t, newCSV(t, from, 1<<20))); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		}
	})
}

func byEncodingCSV(data string) []string {
	r := csv.NewReader(strings.NewReader(data))
	var found []string
	for {
		values, err := r.Read()
		if errors.Is(err, io.EOF) {
			return found[1:]
		}
		if err, ok := errors.AsType[*csv.ParseError](err); ok {
			found = append(found, fmt.Sprintf("%d malformed", err.StartLine))
			continue
		}
		line, _ := r.FieldPos(0)
		if slices.ContainsFunc(values, func(v string) bool { return !utf8.ValidString(v) }) {
			found = append(found, fmt.Sprintf("%d malformed", line))
			continue
		}
		found = append(found, fmt.Sprintf("%d %q", line, values))
	}
}

func linesAndValues(t *testing.T, r *records.Reader) []string {
	t.Helper()
	found := []string{}
	for record := range read(t, r) {
		payload, problem := r.Payload(&record)
		if problem != "" {
			found = append(found, fmt.Sprintf("%d malformed", record.Line))
			continue
		}
		var values struct {
			A string `json:"a"`
			B string `json:"b"`
			C string `json:"c"`
		}
		if err := json.Unmarshal(payload, &values); err != nil {
			t.Fatalf("%s is not JSON: %v", payload, err)
		}
		found = append(found, fmt.Sprintf("%d %q", record.Line, []string{values.A, values.B, values.C}))
	}
	return found
}

// The elements of an array that encoding/json accepts are read one by one. No two elements of any file have the same place.
func FuzzJSONArrayAgainstEncodingJSON(f *testing.F) {
	for _, seed := range []string{
		"[]", "[1,2]", "[{\"a\":[1,\"]\"]},\n\"\\\"\" , null]", "[1,]", "[,]", "[{]", "[[[", "[\"\n\"]", "[1 2]", "]", "[1]x", "[:,}]",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data string) {
		if !strings.HasPrefix(strings.TrimLeft(data, " \t\r\n"), "[") {
			return
		}
		var want []json.RawMessage
		valid := utf8.ValidString(data) && json.Unmarshal([]byte(data), &want) == nil
		for _, from := range []io.Reader{strings.NewReader(data), iotest.OneByteReader(strings.NewReader(data))} {
			r, err := records.NewJSONArray(t.Context(), buffer(from), 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			if got := elements(t, r); valid && !slices.EqualFunc(got, want, func(g string, w json.RawMessage) bool { return g == string(w) }) {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	})
}

func elements(t *testing.T, r *records.Reader) []string {
	t.Helper()
	type place struct {
		line int64
		nth  int32
	}
	var found []string
	seen := map[place]bool{}
	for record := range read(t, r) {
		at := place{record.Line, record.Nth}
		if seen[at] {
			t.Errorf("two records have the place %v", at)
		}
		seen[at] = true
		payload, _ := r.Payload(&record)
		found = append(found, string(payload))
	}
	return found
}
