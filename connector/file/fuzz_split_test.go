package file_test

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/iotest"
	"unicode/utf8"

	"github.com/ergon-go/ergon/connector/file"
)

// slowFS hands out one byte per read, so that every record comes in pieces.
type slowFS struct{ fstest.MapFS }

func (s slowFS) Open(name string) (fs.File, error) {
	f, err := s.MapFS.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	return giantFile{iotest.OneByteReader(f), info}, err
}

// What encoding/csv makes of a file is what the source makes of it: the same records, on the same lines, and the same
// ones malformed.
func FuzzCSVAgainstEncodingCSV(f *testing.F) {
	for _, seed := range []string{
		"1,2,3\n", "1,2\r\n\r\n\"a\"\"b\",\"c\r\nd\",\n", "a\"b,2,3\n4,5,6\n", "\"a\"b,\"\n\",\n1,2,3\n", "\"a", "\"a\"\r", "\"a\r\n",
		"1,2,\r\r\n", "\"1\"\r2,\n\"x\",\"y\",\"z\"", "\r", "\n\n\r\n", "1,\xff,3\n", "\"\"\"\",\"\",\"\"\"\"\"\"\n", ",,\n,,,\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		content = "a,b,c\n" + content
		want := byEncodingCSV(content)
		files := fstest.MapFS{"x.csv": {Data: []byte(content)}}
		wantLines(t, placesAndValues(t, files), want)
		wantLines(t, placesAndValues(t, slowFS{files}), want)
	})
}

func byEncodingCSV(content string) []string {
	r := csv.NewReader(strings.NewReader(content))
	var records []string
	for {
		values, err := r.Read()
		if errors.Is(err, io.EOF) {
			return records[1:]
		}
		if err, ok := errors.AsType[*csv.ParseError](err); ok {
			records = append(records, fmt.Sprintf("%d malformed", err.StartLine))
			continue
		}
		line, _ := r.FieldPos(0)
		if slices.ContainsFunc(values, func(v string) bool { return !utf8.ValidString(v) }) {
			records = append(records, fmt.Sprintf("%d malformed", line))
			continue
		}
		records = append(records, fmt.Sprintf("%d %q", line, values))
	}
}

func placesAndValues(t *testing.T, files fs.FS) []string {
	t.Helper()
	source := open(t, sourceOf(t, "x.csv", "", func(s *file.SourceSettings) { s.FS = files }))
	batch, _ := drain(t, source)
	records := make([]string, len(batch))
	for i, tx := range batch {
		line := strings.TrimPrefix(short(tx.ID()), "x.csv:")
		payload, ok := tx.Payload().([]byte)
		if !ok {
			records[i] = line + " malformed"
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
		records[i] = fmt.Sprintf("%s %q", line, []string{values.A, values.B, values.C})
	}
	return records
}

// An array that encoding/json reads is delivered element by element, and every element of any file once at most.
func FuzzJSONArrayAgainstEncodingJSON(f *testing.F) {
	for _, seed := range []string{
		"[]", "[1,2]", "[{\"a\":[1,\"]\"]},\n\"\\\"\" , null]", "[1,]", "[,]", "[{]", "[[[", "[\"\n\"]", "[1 2]", "]", "[1]x", "[:,}]",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		if strings.TrimLeft(content, " \t\r\n") == "" || strings.TrimLeft(content, " \t\r\n")[0] != '[' {
			return
		}
		var want []json.RawMessage
		valid := utf8.ValidString(content) && json.Unmarshal([]byte(content), &want) == nil
		files := fstest.MapFS{"x.json": {Data: []byte(content)}}
		for _, files := range []fs.FS{files, slowFS{files}} {
			source := open(t, sourceOf(t, "x.json", "", func(s *file.SourceSettings) { s.FS = files }))
			batch, _ := drain(t, source)
			seen := map[string]bool{}
			for _, tx := range batch {
				if seen[tx.ID()] {
					t.Errorf("two records have the id %s", tx.ID())
				}
				seen[tx.ID()] = true
			}
			if !valid {
				continue
			}
			if len(batch) != len(want) {
				t.Fatalf("%d elements, want %d", len(batch), len(want))
			}
			for i, tx := range batch {
				if show(tx.Payload()) != string(want[i]) {
					t.Errorf("element %d is %s, want %s", i, show(tx.Payload()), want[i])
				}
			}
		}
	})
}
