package file_test

import (
	"bytes"
	"io"
	"io/fs"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ergon-go/ergon/connector/file"
)

// giantFS has one file: before, then size times a byte, then after.
type giantFS struct {
	before, after string
	fill          byte
	size          int64
}

type giantFile struct {
	io.Reader
	fs.FileInfo
}

func (f giantFile) Stat() (fs.FileInfo, error) { return f.FileInfo, nil }
func (giantFile) Close() error                 { return nil }

type repeated byte

func (r repeated) Read(p []byte) (int, error) {
	p[0] = byte(r)
	for filled := 1; filled < len(p); filled *= 2 {
		copy(p[filled:], p[:filled])
	}
	return len(p), nil
}

func (g giantFS) Open(name string) (fs.File, error) {
	info, err := fstest.MapFS{name: {}}.Stat(name)
	content := io.MultiReader(strings.NewReader(g.before), io.LimitReader(repeated(g.fill), g.size), strings.NewReader(g.after))
	return giantFile{content, info}, err
}

func TestRecordOfAGibibyteIsOneMalformedRecordInBoundedMemory(t *testing.T) {
	const tooLong = ": is longer than 1048576 bytes (max_record_bytes); raise that, or shorten the record"
	for name, test := range map[string]struct {
		path string
		fs   giantFS
		want []string
	}{
		"json lines": {
			"x.jsonl",
			giantFS{before: "1\n\"", fill: 'x', size: 1 << 30, after: "\n3\n"},
			[]string{"x.jsonl:1 1", "x.jsonl:2 malformed: x.jsonl:2" + tooLong, "x.jsonl:3 3"},
		},
		"csv": {
			"x.csv",
			giantFS{before: "a,b\n1,2\n3,", fill: 'x', size: 1 << 30, after: "\n5,6\n"},
			[]string{`x.csv:2 {"a":"1","b":"2"}`, "x.csv:3 malformed: x.csv:3" + tooLong, `x.csv:4 {"a":"5","b":"6"}`},
		},
		"csv, in quotes, of line ends": {
			"x.csv",
			giantFS{before: "a,b\n3,\"", fill: '\n', size: 1 << 24, after: "\"\n5,6\n"},
			[]string{
				"x.csv:2 malformed: x.csv:2: is longer than 1048576 bytes (max_record_bytes): the quote that begins a field on line 2 takes " +
					"the lines after it into the field; remove the quote if it is stray, otherwise raise max_record_bytes or shorten the record",
				`x.csv:16777219 {"a":"5","b":"6"}`,
			},
		},
		"json": {
			"x.json",
			giantFS{before: "[1,\n{\"a\":\"", fill: 'x', size: 1 << 24, after: "\"},3]"},
			[]string{"x.json:1 1", "x.json:2 malformed: x.json:2" + tooLong, "x.json:2:2 3"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			source := open(t, sourceOf(t, test.path, "", func(s *file.SourceSettings) { s.FS = test.fs }))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			got := all(t, source)
			runtime.ReadMemStats(&after)
			wantLines(t, got, test.want)
			if used := after.TotalAlloc - before.TotalAlloc; used > 8<<20 {
				t.Errorf("%d bytes were allocated, want at most 8 MiB", used)
			}
		})
	}
}

func TestLongestRecordIsDeliveredAndOneMoreByteIsNot(t *testing.T) {
	limit := func(s *file.SourceSettings) { s.MaxRecordBytes = 100 }
	fits, long := `"`+strings.Repeat("x", 98)+`"`, `"`+strings.Repeat("x", 99)+`"`
	for _, end := range []string{"\n", "\r\n", ""} {
		wantLines(t, all(t, open(t, sourceOf(t, "x.jsonl", fits+end, limit))), []string{"x.jsonl:1 " + fits})
		got := all(t, open(t, sourceOf(t, "x.jsonl", long+end, limit)))
		if len(got) != 1 || !strings.Contains(got[0], "malformed: x.jsonl:1: is longer than 100 bytes") {
			t.Errorf("with the end %q, got %s", end, got)
		}
	}
	if got := all(t, open(t, sourceOf(t, "x.json", "["+fits+"]", limit))); len(got) != 1 || got[0] != "x.json:1 "+fits {
		t.Errorf("got %s", got)
	}
	got := all(t, open(t, sourceOf(t, "x.json", "["+long+",1]", limit)))
	if len(got) != 2 || !strings.Contains(got[0], "malformed: x.json:1: is longer than 100 bytes") || got[1] != "x.json:1:2 1" {
		t.Errorf("got %s", got)
	}
}

func TestRecordLargerThanTheBufferIsWhole(t *testing.T) {
	long := bytes.Repeat([]byte("0123456789"), 100_000)
	wantLines(t, all(t, open(t, sourceOf(t, "x.jsonl", "1\n\""+string(long)+"\"\n3\n"))), []string{
		"x.jsonl:1 1", "x.jsonl:2 \"" + string(long) + `"`, "x.jsonl:3 3",
	})
}
