package file_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/file"
	"github.com/ergon-go/ergon/policy"
)

// sourceOf is a source of a file in memory, with the settings changed.
func sourceOf(t *testing.T, name, content string, change ...func(*file.SourceSettings)) *file.Source {
	t.Helper()
	s := file.SourceSettings{SourceConfig: file.DefaultSourceConfig(), FS: fstest.MapFS{name: {Data: []byte(content)}}}
	s.Path = name
	return newSource(t, s, change...)
}

func newSource(t *testing.T, s file.SourceSettings, change ...func(*file.SourceSettings)) *file.Source {
	t.Helper()
	for _, c := range change {
		c(&s)
	}
	source, err := file.NewSource(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := source.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return source
}

// open opens a source that must open.
func open(t *testing.T, s *file.Source) *file.Source {
	t.Helper()
	if err := s.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func fetch(t *testing.T, s *file.Source, limit int) []ergon.Transaction {
	t.Helper()
	batch, err := s.FetchTransactions(t.Context(), limit)
	if err != nil {
		t.Fatalf("fetch: %v", err)
	}
	return batch
}

func ack(t *testing.T, s *file.Source, batch ...ergon.Transaction) {
	t.Helper()
	settle(t, s, capability.Settlement{Action: policy.SettleAck}, batch...)
}

func settle(t *testing.T, s *file.Source, how capability.Settlement, batch ...ergon.Transaction) {
	t.Helper()
	settlements := make([]capability.Settlement, len(batch))
	for i := range batch {
		settlements[i] = how
		settlements[i].Transaction = batch[i]
	}
	if err := s.SettleTransactions(t.Context(), settlements); err != nil {
		t.Fatalf("settle: %v", err)
	}
}

// drain acknowledges everything up to the end and returns it, with the error that ended it.
func drain(t *testing.T, s *file.Source) ([]ergon.Transaction, error) {
	t.Helper()
	var all []ergon.Transaction
	for {
		batch, err := s.FetchTransactions(t.Context(), 7)
		if err != nil {
			return all, err
		}
		all = append(all, batch...)
		ack(t, s, batch...)
	}
}

// all is what a source that ends well delivers: each record as "name:line payload", by the short form of its id.
func all(t *testing.T, s *file.Source) []string {
	t.Helper()
	batch, err := drain(t, s)
	if !errors.Is(err, ergon.ErrExhausted) {
		t.Errorf("the source ended with %v, want ErrExhausted", err)
	}
	return shown(batch)
}

func shown(batch []ergon.Transaction) []string {
	lines := make([]string, len(batch))
	for i, tx := range batch {
		lines[i] = short(tx.ID()) + " " + show(tx.Payload())
	}
	return lines
}

// short is name:line of an id, which is name@generation:line-content.
func short(id string) string {
	name, place, _ := strings.Cut(id, "@")
	_, place, _ = strings.Cut(place, ":")
	place, _, _ = strings.Cut(place, "-")
	return name + ":" + place
}

func show(payload any) string {
	switch p := payload.(type) {
	case []byte:
		return string(p)
	case file.Malformed:
		return "malformed: " + p.Error()
	default:
		return "neither bytes nor malformed"
	}
}

func wantLines(t *testing.T, got, want []string) {
	t.Helper()
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("got:\n%s\nwant:\n%s", g, w)
	}
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error lacks %q:\n%v", part, err)
		}
	}
}

func zipped(t *testing.T, content string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
