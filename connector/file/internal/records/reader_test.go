package records_test

import (
	"errors"
	"io"
	"iter"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon/connector/file/internal/content"
	"github.com/ergon-go/ergon/connector/file/internal/records"
)

func buffer(from io.Reader) *content.Buffer { return content.NewBuffer(from, content.Beginning()) }

// newCSV reads CSV whose records have up to maxBytes bytes.
func newCSV(t *testing.T, from io.Reader, maxBytes int) *records.Reader {
	t.Helper()
	r, err := records.NewCSV(t.Context(), buffer(from), records.CSVConfig{Comma: ','}, maxBytes)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// read yields the records up to the end of the file, or up to where it cannot be read.
func read(t *testing.T, r *records.Reader) iter.Seq[records.Record] {
	t.Helper()
	return func(yield func(records.Record) bool) {
		for {
			record, err := r.Next(t.Context())
			if _, unreadable := errors.AsType[*records.UnreadableError](err); unreadable || errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !yield(record) {
				return
			}
		}
	}
}

// A stray quote takes the lines up to the next quote into its field. If the record is too long for that reason, its problem names
// the line of the quote, wherever the field ends.
func TestRecordThatIsTooLongNamesTheQuoteThatMadeItSo(t *testing.T) {
	const maxBytes = 40
	lines := strings.Repeat("6,seven\n", 10)
	const quote = "the quote that begins a field on line "
	for name, c := range map[string]struct {
		data, want, end string
	}{
		"closed at the end of a line": {
			data: "1,\"two\n" + lines + "8,nine\"\n",
			want: "is longer than 40 bytes (max_record_bytes): " + quote + "2 takes the lines after it into the field; ",
		},
		"closed before another column": {
			data: "1,\"two\n" + lines + "8\",nine\n",
			want: "is longer than 40 bytes (max_record_bytes): " + quote + "2 takes the lines after it into the field; ",
		},
		"the longer of two fields": {
			data: "\"1\n2\",\"two\n" + lines + "8\"\n",
			want: "is longer than 40 bytes (max_record_bytes): " + quote + "3 takes the lines after it into the field; ",
		},
		"with another misplaced quote behind it": {
			data: "1,\"two\n" + lines + "8\",\"nine\"x\n",
			want: "is longer than 40 bytes (max_record_bytes): " + quote + "2 takes the lines after it into the field; ",
		},
		"with a bare quote behind it": {
			data: "1,\"two\n" + lines + "8\",n\"i\"ne\n",
			want: quote + "2 takes the lines after it into the field: a field that does not begin with a quote has one in it",
			end:  "line 2: " + quote + "2",
		},
		"that begins another field": {
			data: "1,\"two\n" + lines + "8,\"nine\"\n",
			want: quote + "2 takes the lines after it into the field: a quoted field continues after its closing quote",
			end:  "line 2: " + quote + "2",
		},
		"on one line": {
			data: "1,\"" + strings.Repeat("x", maxBytes) + "\"\n",
			want: "is longer than 40 bytes (max_record_bytes); raise that",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newCSV(t, strings.NewReader("a,b\n"+c.data+"3,4\n"), maxBytes)
			record, err := r.Next(t.Context())
			if err != nil || record.Line != 2 || !strings.HasPrefix(record.Problem, c.want) {
				t.Fatalf("got line %d: %q and %v, want line 2: %q", record.Line, record.Problem, err, c.want)
			}
			next, err := r.Next(t.Context())
			if c.end != "" {
				if unreadable, ok := errors.AsType[*records.UnreadableError](err); !ok || !strings.HasPrefix(unreadable.Error(), c.end) {
					t.Errorf("got %v, want %q", err, c.end)
				}
				return
			}
			if err != nil || string(next.Content) != "3,4" {
				t.Errorf("got %q and %v after it, want the record 3,4", next.Content, err)
			}
		})
	}
}

// A quoted field of several lines is not a problem while the record has no other one.
func TestRecordOfSeveralLinesIsWellFormed(t *testing.T) {
	const data = "a,b\n1,\"two\nthree\"\n"
	longest := len("1,\"two\nthree\"")
	if got := linesAndValues(t, newCSV(t, strings.NewReader(data), longest)); !cmp.Equal(got, []string{`2 ["1" "two\nthree" ""]`}) {
		t.Errorf("got %s", got)
	}
	if got := linesAndValues(t, newCSV(t, strings.NewReader(data), longest-1)); !cmp.Equal(got, []string{"2 malformed"}) {
		t.Errorf("got %s, want it to be too long", got)
	}
}

// A reader that is resumed at the end of a record returns the records after it, with the same places.
func TestResumedReaderContinuesBehindTheRecord(t *testing.T) {
	for name, c := range map[string]struct {
		data string
		make func(*content.Buffer) (*records.Reader, error)
	}{
		"csv": {"a\n1\n2\n3\n", func(b *content.Buffer) (*records.Reader, error) {
			return records.NewCSV(t.Context(), b, records.CSVConfig{Comma: ','}, 100)
		}},
		"jsonl": {"1\n2\n3\n", func(b *content.Buffer) (*records.Reader, error) { return records.NewJSONLines(b, 100), nil }},
		"json": {"[1, 2,\n3]", func(b *content.Buffer) (*records.Reader, error) {
			return records.NewJSONArray(t.Context(), b, 100)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			first, err := c.make(buffer(strings.NewReader(c.data)))
			if err != nil {
				t.Fatal(err)
			}
			one, err := first.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			second, err := c.make(buffer(strings.NewReader(c.data)))
			if err != nil {
				t.Fatal(err)
			}
			second.Resume(content.NewBuffer(strings.NewReader(c.data[one.End.Offset:]), one.End))
			want, got := places(t, first), places(t, second)
			if len(want) != 2 || !cmp.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func places(t *testing.T, r *records.Reader) []content.Position {
	t.Helper()
	var ends []content.Position
	for record := range read(t, r) {
		ends = append(ends, record.End)
	}
	return ends
}
