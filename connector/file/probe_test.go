package file_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ergon-go/ergon/connector/file"
)

func TestProbeOfASourceFindsWhatOpenWouldAndLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	source := newSource(t, checkpointed(dir, "x.jsonl"))
	wantError(t, source.Probe(t.Context()), "file source: ", "x.jsonl")
	if err := os.WriteFile(filepath.Join(dir, "x.jsonl"), []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := source.Probe(t.Context()); err != nil {
		t.Errorf("got %v for a file that is there", err)
	}
	for _, path := range source.StoragePaths() {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s is there now: %v", path, err)
		}
	}
	if err := source.Open(t.Context()); err != nil {
		t.Errorf("it cannot be opened after it was probed: %v", err)
	}
	if err := source.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestProbeOfASinkMakesNoFile(t *testing.T) {
	c := file.DefaultSinkConfig()
	c.Dir, c.Path = t.TempDir(), "out.jsonl"
	sink, err := file.NewSink(file.SinkSettings{SinkConfig: c})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(c.Dir, "out.jsonl")
	if got := sink.StoragePaths(); !slices.Equal(got, []string{path}) {
		t.Errorf("it writes %v, want %s", got, path)
	}
	if err := sink.Probe(t.Context()); err != nil {
		t.Errorf("got %v for a file that is not there yet", err)
	}
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	wantError(t, sink.Probe(t.Context()), "out.jsonl is a directory, must be a file; correct path")
	c.Dir, c.Path = filepath.Join(c.Dir, "not", "there"), "yet/out.jsonl"
	if sink, err = file.NewSink(file.SinkSettings{SinkConfig: c}); err != nil {
		t.Fatal(err)
	}
	if err := sink.Probe(t.Context()); err != nil {
		t.Errorf("got %v for directories that are made", err)
	}
	if _, err := os.Stat(filepath.Dir(c.Dir)); !os.IsNotExist(err) {
		t.Errorf("they are there now: %v", err)
	}
}
