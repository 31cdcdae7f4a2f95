package file_test

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/file"
)

// wholeIDs are the ids of all that a file delivers.
func wholeIDs(t *testing.T, s file.SourceSettings) []string {
	t.Helper()
	source := open(t, newSource(t, s))
	batch, err := drain(t, source)
	if !errors.Is(err, ergon.ErrExhausted) {
		t.Fatal(err)
	}
	if err := errors.Join(source.Finish(t.Context()), source.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	found := make([]string, len(batch))
	for i, tx := range batch {
		found[i] = tx.ID()
	}
	return found
}

// plain is the settings of a source of name in dir, without a checkpoint.
func plain(dir, name string) file.SourceSettings {
	s := file.SourceSettings{SourceConfig: file.DefaultSourceConfig()}
	s.Dir, s.Path = dir, name
	return s
}

// common is how many ids are in both.
func common(a, b []string) int {
	in, n := map[string]bool{}, 0
	for _, id := range a {
		in[id] = true
	}
	for _, id := range b {
		if in[id] {
			n++
		}
	}
	return n
}

// [I1] An id is name@generation:line-content, of malformed records as well.
func TestIDSaysWhichFileWhichLineAndWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "x.jsonl"), "{\"n\":1}\r\n\nnot json\n")
	got := wholeIDs(t, plain(dir, "x.jsonl"))
	content := func(s string) string {
		return fmt.Sprintf("%08x%08x", crc32.ChecksumIEEE([]byte(s)), crc32.Checksum([]byte(s), crc32.MakeTable(crc32.Castagnoli)))
	}
	form := regexp.MustCompile(`^x\.jsonl@([0-9a-f]{16}):1-` + content(`{"n":1}`) + ` x\.jsonl@([0-9a-f]{16}):3-` + content("not json") + `$`)
	if m := form.FindStringSubmatch(strings.Join(got, " ")); len(m) != 3 || m[1] != m[2] {
		t.Errorf("got %s, want it to match %s, with one generation", got, form)
	}
}

// [I1] Two files never give two pieces of work one id, be it by name, by content, or by what was in the place before.
func TestTwoFilesHaveNoIDInCommon(t *testing.T) {
	dir := t.TempDir()
	for _, city := range []string{"vienna", "graz"} {
		write(t, filepath.Join(dir, city, "orders.jsonl"), numbers(3))
	}
	vienna := wholeIDs(t, plain(filepath.Join(dir, "vienna"), "orders.jsonl"))
	if n := common(vienna, wholeIDs(t, plain(filepath.Join(dir, "graz"), "orders.jsonl"))); n != 0 {
		t.Errorf("files of one name in two folders have %d ids in common, want none", n)
	}
	if n := common(vienna, wholeIDs(t, plain(filepath.Join(dir, "vienna"), "orders.jsonl"))); n != 3 {
		t.Errorf("a file that is read again, untouched, has %d ids in common with itself, want 3", n)
	}
	if n := common(vienna, wholeIDs(t, plain(dir, "vienna/orders.jsonl"))); n != 3 {
		t.Errorf("a file by another dir and path has %d ids in common with itself, want 3", n)
	}
	touch(t, filepath.Join(dir, "vienna", "orders.jsonl"))
	if n := common(vienna, wholeIDs(t, plain(filepath.Join(dir, "vienna"), "orders.jsonl"))); n != 0 {
		t.Errorf("a file that was touched has %d ids in common with what it was, want none", n)
	}
	with := checkpointed(filepath.Join(dir, "graz"), "orders.jsonl")
	if n := common(wholeIDs(t, with), wholeIDs(t, with)); n != 0 {
		t.Errorf("two finished runs with a checkpoint have %d ids in common, want none", n)
	}
}

// [I1] identity: content knows a copy again, whatever its folder and time; an fs.FS goes by path and content.
func TestIdentityByContentKnowsACopyAgain(t *testing.T) {
	dir := t.TempDir()
	for _, folder := range []string{"a", "b"} {
		write(t, filepath.Join(dir, folder, "x.jsonl"), numbers(3))
	}
	touch(t, filepath.Join(dir, "b", "x.jsonl"))
	byContent := func(folder string) []string {
		s := plain(filepath.Join(dir, folder), "x.jsonl")
		s.Identity = file.IdentityContent
		return wholeIDs(t, s)
	}
	first := byContent("a")
	if n := common(first, byContent("b")); n != 3 {
		t.Errorf("a copy has %d ids in common, want 3", n)
	}
	write(t, filepath.Join(dir, "b", "x.jsonl"), numbers(4))
	if n := common(first, byContent("b")); n != 0 {
		t.Errorf("other content has %d ids in common, want none", n)
	}
	inFS := func(path, content string) []string {
		s := file.SourceSettings{SourceConfig: file.DefaultSourceConfig(), FS: fstest.MapFS{path: {Data: []byte(content)}}}
		s.Path = path
		return wholeIDs(t, s)
	}
	one := inFS("a/x.jsonl", numbers(3))
	if same, other, grown := common(one, inFS("a/x.jsonl", numbers(3))), common(one, inFS("b/x.jsonl", numbers(3))),
		common(one, inFS("a/x.jsonl", numbers(4))); same != 3 || other != 0 || grown != 0 {
		t.Errorf("in an fs.FS %d ids are those of the same file, %d of another path, %d of other content; want 3, 0, 0", same, other, grown)
	}
}

// [I1] The generation is in the checkpoint before a record is delivered, and stays while the file only grows.
func TestGenerationIsDurableBeforeTheFirstRecordAndOutlivesACrash(t *testing.T) {
	dir := t.TempDir()
	path, state := filepath.Join(dir, "x.jsonl"), filepath.Join(dir, "state", "checkpoint")
	write(t, path, numbers(5))
	source := open(t, newSource(t, checkpointed(dir, "x.jsonl")))
	if exists(state) {
		t.Error("a source that was only opened has written a checkpoint")
	}
	before := fetch(t, source, 5)
	generation, _, _ := strings.Cut(strings.TrimPrefix(before[0].ID(), "x.jsonl@"), ":")
	wantInCheckpoint(t, state, `"generation":"`+generation+`"`)
	wantInCheckpoint(t, state, `"version":2`)
	crashed := read(t, state) // nothing was acknowledged
	if err := source.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(t, state, crashed)
	write(t, path, numbers(7))
	after := fetch(t, open(t, newSource(t, checkpointed(dir, "x.jsonl"))), 10)
	if len(after) != 7 {
		t.Fatalf("%d records are delivered, want 7", len(after))
	}
	for i := range before {
		if after[i].ID() != before[i].ID() {
			t.Errorf("after a crash %s has the id %s", before[i].ID(), after[i].ID())
		}
	}
	if !strings.HasPrefix(after[6].ID(), "x.jsonl@"+generation+":7-") {
		t.Errorf("what has grown has the id %s, want one of generation %s", after[6].ID(), generation)
	}
}

// halfDone acknowledges 3 of 5 records of a file.
func halfDone(t *testing.T, dir string) (batch []ergon.Transaction) {
	t.Helper()
	write(t, filepath.Join(dir, "x.jsonl"), numbers(5))
	source := open(t, newSource(t, checkpointed(dir, "x.jsonl")))
	batch = fetch(t, source, 5)
	ack(t, source, batch[:3]...)
	if err := source.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return batch
}

// [I1] A file in the place of one that was not done is refused, unless the user says to begin with it.
func TestReplacedFileBeginsWhereThatIsAllowed(t *testing.T) {
	dir := t.TempDir()
	before := halfDone(t, dir)
	write(t, filepath.Join(dir, "x.jsonl"), "6\n7\n8\n9\n10\n")
	refused := newSource(t, checkpointed(dir, "x.jsonl"))
	wantError(t, refused.Open(t.Context()), "which was processed up to line 3 and not to its end", "set on_replaced to begin")
	if err := refused.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := checkpointed(dir, "x.jsonl")
	s.OnReplaced = file.ReplacedBegin
	source := open(t, newSource(t, s))
	after := fetch(t, source, 10)
	if got := ids(after); got != "1 2 3 4 5" || show(after[0].Payload()) != "6" {
		t.Errorf("the new file delivers %s, the first %s; want all of it", got, show(after[0].Payload()))
	}
	if generationOf(after[0]) == generationOf(before[0]) {
		t.Errorf("both files have the generation %s", generationOf(after[0]))
	}
	ack(t, source, after[0])
	if err := source.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rest := fetch(t, open(t, newSource(t, s)), 10); ids(rest) != "2 3 4 5" || generationOf(rest[0]) != generationOf(after[0]) {
		t.Errorf("the next run goes on with %s of %s, want 2 3 4 5 of %s", ids(rest), generationOf(rest[0]), generationOf(after[0]))
	}
}

func generationOf(tx ergon.Transaction) string {
	_, rest, _ := strings.Cut(tx.ID(), "@")
	generation, _, _ := strings.Cut(rest, ":")
	return generation
}

// [I1] What was done to its end leaves nothing, also where the run could not say so at its end.
func TestFileInThePlaceOfOneThatWasDoneIsANewGeneration(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "x.jsonl"), numbers(3))
	source := open(t, newSource(t, checkpointed(dir, "x.jsonl")))
	before := fetch(t, source, 3)
	ack(t, source, before...)
	if err := source.Close(t.Context()); err != nil { // killed before Finish
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "x.jsonl"), "7\n8\n")
	after := fetch(t, open(t, newSource(t, checkpointed(dir, "x.jsonl"))), 3)
	if ids(after) != "1 2" || generationOf(after[0]) == generationOf(before[0]) {
		t.Errorf("got %s of generation %s, want both records of another than %s", ids(after), generationOf(after[0]), generationOf(before[0]))
	}
}

// A file that was rewritten has a size and a modification time that anybody can give it.
func TestFileThatWasRewrittenWithItsSizeAndTimeIsNoticed(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.jsonl")
	write(t, path, numbers(5))
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	source := open(t, newSource(t, checkpointed(dir, "x.jsonl")))
	ack(t, source, fetch(t, source, 3)...)
	if err := source.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(t, path, "9\n2\n3\n4\n5\n")
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	wantError(t, newSource(t, checkpointed(dir, "x.jsonl")).Open(t.Context()), "its content up to there has changed")
}

// [I1] A checkpoint of before is read: it continues where it was, and its records get a generation that lasts.
func TestCheckpointOfVersionOneIsMigrated(t *testing.T) {
	dir := t.TempDir()
	state := filepath.Join(dir, "state", "checkpoint")
	write(t, filepath.Join(dir, "x.jsonl"), numbers(3))
	line := fmt.Sprintf(`{"version":1,"name":"x.jsonl","format":"jsonl","size":6,"position":{"offset":2,"line":2,"begun":0,"sum":%d}}`+"\n",
		crc32.ChecksumIEEE([]byte("1\n")))
	write(t, state, line+fmt.Sprintf("%08x\n", crc32.ChecksumIEEE([]byte(line))))
	source := open(t, newSource(t, checkpointed(dir, "x.jsonl")))
	batch := fetch(t, source, 5)
	if ids(batch) != "2 3" || len(generationOf(batch[0])) != 16 {
		t.Errorf("got %s of generation %q, want 2 3 of a new one", ids(batch), generationOf(batch[0]))
	}
	wantInCheckpoint(t, state, `"version":2`)
	wantInCheckpoint(t, state, `"generation":"`+generationOf(batch[0])+`"`)
	wantInCheckpoint(t, state, `"line":2`)
}

// [I1] A record is found by its whole id, and by name:line; not by the id of another file, or of what was there before.
func TestRecordIsFoundByItsWholeIDOnly(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "x.jsonl"), numbers(3))
	source := open(t, newSource(t, checkpointed(dir, "x.jsonl")))
	second, err := source.FetchTransactionByID(t.Context(), "x.jsonl:2")
	if err != nil {
		t.Fatal(err)
	}
	wantInCheckpoint(t, filepath.Join(dir, "state", "checkpoint"), generationOf(second))
	if tx, err := source.FetchTransactionByID(t.Context(), second.ID()); err != nil || tx.ID() != second.ID() || show(tx.Payload()) != "2" {
		t.Errorf("%s was found as %s, %v", second.ID(), tx.ID(), err)
	}
	for name, id := range map[string]string{
		"generation": strings.Replace(second.ID(), "@", "@0", 1),
		"content":    second.ID()[:len(second.ID())-8] + "00000000",
	} {
		if _, err := source.FetchTransactionByID(t.Context(), id); !errors.Is(err, capability.ErrNotFound) {
			t.Errorf("with another %s: %v, want ErrNotFound", name, err)
		}
	}
	if batch := fetch(t, source, 3); batch[1].ID() != second.ID() {
		t.Errorf("the loop delivers %s, looked up it was %s", batch[1].ID(), second.ID())
	}
}

// A process that dies soon after its start leaves at least half of what it has done.
func TestCheckpointComesEarlyEnoughForACrashLoopToGetOn(t *testing.T) {
	dir := t.TempDir()
	state := filepath.Join(dir, "state", "checkpoint")
	write(t, filepath.Join(dir, "x.jsonl"), numbers(100))
	s := checkpointed(dir, "x.jsonl")
	s.CheckpointEvery, s.CheckpointInterval = 1000, time.Hour
	source := open(t, newSource(t, s))
	batch := fetch(t, source, 100)
	for i, line := range []int{2, 3, 3, 5, 5, 5, 5, 9, 9} { // where the next run would begin, after each acknowledgement
		ack(t, source, batch[i])
		wantInCheckpoint(t, state, fmt.Sprintf(`"line":%d,`, line))
	}
}
