package file_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ergon-go/ergon/connector/file"
)

func TestTornTailIsMovedAsideAndLogged(t *testing.T) {
	long := strings.Repeat("x", 3<<20)
	for name, test := range map[string]struct{ content, want, torn, logged string }{
		"cut short":         {"1\n{\"a\":", "1\n", "{\"a\":\n", "bytes=5"},
		"a cut number":      {"1\n12", "1\n", "12\n", "bytes=2"},
		"zeros":             {"1\n\x00\x00", "1\n", "\x00\x00\n", "bytes=2"},
		"nothing but torn":  {"\"abc", "", "\"abc\n", "bytes=4"},
		"long":              {"1\n\"" + long, "1\n", "\"" + long + "\n", "bytes=3145729"},
		"long, but whole":   {"1\n\"" + long + "\"", "1\n", "\"" + long + "\"\n", "bytes=3145730"},
		"lacks an end only": {"1\n{\"a\":1}", "1\n{\"a\":1}\n", "", "had no line end"},
		"whole":             {"1\n2\n", "1\n2\n", "", ""},
		"empty":             {"", "", "", ""},
	} {
		for _, mode := range []file.Mode{file.ModeAppend, file.ModeReplace} {
			dir := t.TempDir()
			path := filepath.Join(dir, "x.jsonl")
			if mode == file.ModeReplace {
				path += ".partial"
			}
			write(t, path, test.content)
			var log bytes.Buffer
			sink := openSink(t, sinkTo(t, dir, "x.jsonl", func(s *file.SinkSettings) {
				s.Mode, s.Logger = mode, slog.New(slog.NewTextHandler(&log, nil))
			}))
			dispatch(t, sink, "next")
			wantContent(t, path, test.want+"\"next\"\n")
			if exists(path+".torn") != (test.torn != "") {
				t.Errorf("%s: a file with what was torn exists: %v", name, exists(path+".torn"))
			} else if test.torn != "" {
				wantContent(t, path+".torn", test.torn)
			}
			warned := strings.Contains(log.String(), "level=WARN")
			if warned != (test.logged != "") || !strings.Contains(log.String(), test.logged) {
				t.Errorf("%s: logged %s, want %q", name, log.String(), test.logged)
			}
			if strings.Contains(log.String(), "abc") {
				t.Errorf("%s: the payload is in the log: %s", name, log.String())
			}
		}
	}
}

func TestTornTailsGatherInOneFile(t *testing.T) {
	dir := t.TempDir()
	for _, tail := range []string{"{1", "{2"} {
		f, err := os.OpenFile(filepath.Join(dir, "x.jsonl"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString("1\n" + tail); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		closeSink(t, openSink(t, sinkTo(t, dir, "x.jsonl")))
	}
	wantContent(t, filepath.Join(dir, "x.jsonl"), "1\n1\n")
	wantContent(t, filepath.Join(dir, "x.jsonl.torn"), "{1\n{2\n")
}

// Wherever a crash cuts the file off, and whatever it leaves behind that place: complete lines stay, nothing is thrown
// away, and what is written next is on a line of its own.
func FuzzTornTail(f *testing.F) {
	f.Add("text", 3, "garbage")
	f.Add("", 0, "")
	f.Add("\n\"}", 9, "\x00\x00\n1")
	f.Fuzz(func(t *testing.T, payload string, cut int, garbage string) {
		dir := t.TempDir()
		path := filepath.Join(dir, "x.jsonl")
		sink := openSink(t, sinkTo(t, dir, "x.jsonl"))
		dispatch(t, sink, payload, len(payload), map[string]string{"text": payload})
		closeSink(t, sink)
		whole := read(t, path)
		left := whole[:uint(cut)%uint(len(whole)+1)] + strings.ReplaceAll(garbage, "\n", " ")
		write(t, path, left)
		for i := range 2 { // the second time there is nothing to repair
			sink = openSink(t, sinkTo(t, dir, "x.jsonl"))
			dispatch(t, sink, i)
			closeSink(t, sink)
		}
		complete := left[:strings.LastIndexByte(left, '\n')+1]
		tail := left[len(complete):]
		got, ok := strings.CutSuffix(read(t, path), "0\n1\n")
		switch {
		case !ok || !strings.HasPrefix(got, complete):
			t.Fatalf("%q became %q", left, read(t, path))
		case got == complete && tail != "":
			wantContent(t, path+".torn", tail+"\n")
		case got != complete && (got != left+"\n" || !json.Valid([]byte(tail))):
			t.Fatalf("%q became %q", left, got)
		}
	})
}
