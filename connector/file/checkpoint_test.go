package file_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/file"
	"github.com/ergon-go/ergon/policy"
)

// checkpointed is the settings of a source of name in dir, whose checkpoint is written with every acknowledgement.
func checkpointed(dir, name string) file.SourceSettings {
	s := file.SourceSettings{SourceConfig: file.DefaultSourceConfig()}
	s.Dir, s.Path, s.Checkpoint, s.CheckpointEvery = dir, name, "state/checkpoint", 1
	return s
}

func TestNextRunGoesOnBehindWhatIsAcknowledgedWithoutAGap(t *testing.T) {
	csv := "n\n" + numbers(7)
	for name, content := range map[string]string{
		"x.csv":      csv,
		"x.csv.gz":   zipped(t, csv),
		"x.jsonl":    "\xef\xbb\xbf\n" + numbers(7),
		"x.jsonl.gz": zipped(t, "\n"+numbers(7)),
		"x.json":     "[\n1,2,3,\n4,\n5 ,6,7]",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, name), content)
			first := open(t, newSource(t, checkpointed(dir, name)))
			batch := fetch(t, first, 6)
			ack(t, first, batch[0], batch[1], batch[2], batch[4])
			settle(t, first, capability.Settlement{Action: policy.SettleRequeue}, batch[3])
			if err := first.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			rarely := func(s *file.SourceSettings) { s.CheckpointEvery, s.CheckpointInterval = 100, time.Hour }
			next := open(t, newSource(t, checkpointed(dir, name), rarely))
			if left, err := next.CountTransactions(t.Context()); left != 4 || err != nil {
				t.Errorf("%d records are left, %v, want 4", left, err)
			}
			again := fetch(t, next, 2)
			for i, tx := range again {
				if tx.ID() != batch[3+i].ID() || show(tx.Payload()) != show(batch[3+i].Payload()) {
					t.Errorf("delivered %s %s, want %s %s", tx.ID(), show(tx.Payload()), batch[3+i].ID(), show(batch[3+i].Payload()))
				}
			}
			ack(t, next, again...)
			if rest := all(t, next); len(rest) != 2 || rest[0] != short(batch[5].ID())+" "+show(batch[5].Payload()) {
				t.Errorf("the rest is %s", rest)
			}
			if err := next.Finish(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := next.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			wantEmpty(t, filepath.Join(dir, "state"))
			if anew := all(t, open(t, newSource(t, checkpointed(dir, name)))); len(anew) != 7 {
				t.Errorf("after a finished run, %d records are delivered, want all 7", len(anew))
			}
		})
	}
}

func wantEmpty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left in %s: %v, %v", dir, left, err)
	}
}

func TestFinishKeepsTheCheckpointOfARunThatIsNotThrough(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "x.jsonl"), numbers(3))
	settings := checkpointed(dir, "x.jsonl")
	settings.CheckpointEvery, settings.CheckpointInterval = 100, time.Hour
	source := open(t, newSource(t, settings))
	ack(t, source, fetch(t, source, 2)...)
	if err := source.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantInCheckpoint(t, filepath.Join(dir, "state", "checkpoint"), `"line":3`)
	if batch := fetch(t, source, 2); ids(batch) != "3" { // reads to the end, and leaves the last one unsettled
		t.Fatalf("fetched %s", ids(batch))
	}
	if err := source.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantInCheckpoint(t, filepath.Join(dir, "state", "checkpoint"), `"line":3`)
}

func TestCheckpointIsWrittenAfterSoManyAcknowledgementsOrSoLong(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "x.jsonl"), numbers(100))
	path := filepath.Join(dir, "state", "checkpoint")
	synctest.Test(t, func(t *testing.T) {
		settings := checkpointed(dir, "x.jsonl")
		settings.CheckpointEvery, settings.CheckpointInterval = 10, 200*time.Millisecond
		source := open(t, newSource(t, settings))
		batch := fetch(t, source, 100)
		ack(t, source, batch[1:20]...)
		time.Sleep(time.Hour)
		wantInCheckpoint(t, path, `"line":1,`) // the generation is there, and the first record is not settled
		ack(t, source, batch[0])
		wantInCheckpoint(t, path, `"line":21`)
		ack(t, source, batch[20:29]...)
		time.Sleep(199 * time.Millisecond)
		wantInCheckpoint(t, path, `"line":21`)
		time.Sleep(time.Millisecond)
		synctest.Wait()
		wantInCheckpoint(t, path, `"line":30`)
		ack(t, source, batch[29:39]...)
		wantInCheckpoint(t, path, `"line":40`)
		if err := source.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

func wantInCheckpoint(t *testing.T, path, want string) {
	t.Helper()
	if got := read(t, path); !strings.Contains(got, want) {
		t.Errorf("the checkpoint lacks %s: %s", want, got)
	}
}

func TestCheckpointThatCannotBeWrittenFailsTheNextSettlementUntilItCan(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "x.jsonl"), numbers(3))
	source := open(t, newSource(t, checkpointed(dir, "x.jsonl")))
	batch := fetch(t, source, 3)
	obstacle := filepath.Join(dir, "state", "checkpoint.tmp")
	if err := os.Mkdir(obstacle, 0o755); err != nil {
		t.Fatal(err)
	}
	ack(t, source, batch[0])
	for range 2 {
		err := source.SettleTransactions(t.Context(), []capability.Settlement{{Transaction: batch[1]}})
		wantError(t, err, "state/checkpoint: cannot be written, so a restart would repeat work that is done: is a directory")
		if _, partly := errors.AsType[*ergon.BatchError](err); partly {
			t.Errorf("a BatchError says that some were settled: %v", err)
		}
	}
	if err := os.Remove(obstacle); err != nil {
		t.Fatal(err)
	}
	ack(t, source, batch[1])
	wantInCheckpoint(t, filepath.Join(dir, "state", "checkpoint"), `"line":3`)
}

func TestCheckpointThatDoesNotFitIsRefusedWithTheCure(t *testing.T) {
	dir := t.TempDir()
	content := numbers(50)
	path, state := filepath.Join(dir, "x.jsonl"), filepath.Join(dir, "state", "checkpoint")
	write(t, path, content)
	source := open(t, newSource(t, checkpointed(dir, "x.jsonl")))
	ack(t, source, fetch(t, source, 20)...)
	if err := source.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	good := read(t, state)
	for name, test := range map[string]struct {
		checkpoint, content string
		change              func(*file.SourceSettings)
		want                string
	}{
		"torn":  {checkpoint: good[:len(good)-20], want: "it is damaged, its checksum does not match; delete it to process"},
		"empty": {checkpoint: " ", want: "it is damaged, its checksum does not match; delete it"},
		"bit flipped": {
			checkpoint: strings.Replace(good, `"line":21`, `"line":22`, 1),
			want:       "it is damaged, its checksum does not match; delete it",
		},
		"other name": {
			change: func(s *file.SourceSettings) { s.Name = "other" },
			want:   `it is of the source "x.jsonl", this one is "other"; give each source its own checkpoint, or delete this one`,
		},
		"other format": {
			change: func(s *file.SourceSettings) { s.Format = file.FormatCSV },
			want:   "it is of a file read as jsonl, this one is read as csv",
		},
		"changed before": {
			content: "0" + content[1:],
			want: "x.jsonl is not the file that it was made for, which was processed up to line 20 and not to its end: " +
				"its content up to there has changed; put that file back",
		},
		"cut before":   {content: content[:20], want: "it ends at line 10 (EOF)"},
		"lines joined": {content: strings.Replace(content, "\n", " ", 1), want: "its content up to there has changed"},
	} {
		t.Run(name, func(t *testing.T) {
			write(t, state, good)
			write(t, path, content)
			if test.checkpoint != "" {
				write(t, state, test.checkpoint)
			}
			if test.content != "" {
				write(t, path, test.content)
				touch(t, path)
			}
			settings := checkpointed(dir, "x.jsonl")
			if test.change != nil {
				test.change(&settings)
			}
			before := read(t, state)
			source := newSource(t, settings)
			wantError(t, source.Open(t.Context()), "file source: checkpoint "+state+": ", test.want, "delete")
			if err := source.Close(t.Context()); err != nil {
				t.Error(err)
			}
			if read(t, state) != before {
				t.Error("the checkpoint was changed")
			}
		})
	}
}

// touch gives a file another modification time, whatever the resolution of the file system.
func touch(t *testing.T, path string) {
	t.Helper()
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(path, later, later); err != nil {
		t.Fatal(err)
	}
}

func TestCheckpointHoldsForAFileThatChangedBehindItOnly(t *testing.T) {
	for _, name := range []string{"x.jsonl", "x.jsonl.gz"} {
		pack := func(content string) string {
			if strings.HasSuffix(name, ".gz") {
				return zipped(t, content)
			}
			return content
		}
		dir := t.TempDir()
		path := filepath.Join(dir, name)
		write(t, path, pack(numbers(5)))
		source := open(t, newSource(t, checkpointed(dir, name)))
		ack(t, source, fetch(t, source, 3)...)
		if err := source.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		write(t, path, pack("1\n2\n3\nfour\n5\n6\n"))
		touch(t, path)
		got := all(t, open(t, newSource(t, checkpointed(dir, name))))
		if len(got) != 3 || !strings.HasPrefix(got[0], name+":4 malformed") || got[2] != name+":6 6" {
			t.Errorf("got %s", got)
		}
	}
}

func TestFileThatBecameShorterWithoutItsTimeChangingIsNoticed(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.jsonl")
	write(t, path, numbers(5))
	touch(t, path)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	source := open(t, newSource(t, checkpointed(dir, "x.jsonl")))
	ack(t, source, fetch(t, source, 3)...)
	if err := source.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(t, path, numbers(2))
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	wantError(t, newSource(t, checkpointed(dir, "x.jsonl")).Open(t.Context()),
		"which was processed up to line 3 and not to its end: it ends at line 3 (EOF)")
}

func TestRepairedArrayIsReadOnWhereItWasBroken(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.json")
	write(t, path, "[1,\n2,\n{\"a\":],\n4]")
	source := open(t, newSource(t, checkpointed(dir, "x.json")))
	batch, err := drain(t, source)
	wantError(t, err, "x.json:3: has a closing bracket that does not match")
	if len(batch) != 3 {
		t.Errorf("%d records before, want two and a malformed one", len(batch))
	}
	if err := source.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(t, path, "[1,\n2,\n{\"a\":3},\n4]")
	touch(t, path)
	wantLines(t, all(t, open(t, newSource(t, checkpointed(dir, "x.json")))), []string{`x.json:3 {"a":3}`, "x.json:4 4"})
}

func TestCheckpointIsForOneRunAtATime(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "x.jsonl"), numbers(3))
	first := open(t, newSource(t, checkpointed(dir, "x.jsonl")))
	second := newSource(t, checkpointed(dir, "x.jsonl"))
	wantError(t, second.Open(t.Context()), "state/checkpoint: in use: another run uses it; wait for its end, or give this run its own")
	if err := first.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	open(t, newSource(t, checkpointed(dir, "x.jsonl")))
}

func TestCheckpointCannotLeaveItsDirectory(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "in", "x.jsonl"), numbers(3))
	if err := os.Symlink(dir, filepath.Join(dir, "in", "state")); err != nil {
		t.Fatal(err)
	}
	source := newSource(t, checkpointed(filepath.Join(dir, "in"), "x.jsonl"))
	wantError(t, source.Open(t.Context()), "checkpoint "+dir, "path escapes from parent")
}

const killedDir = "ERGON_FILE_TEST_KILLED_IN"

// TestKilledRun is the process that TestRunThatIsKilledGoesOn kills. It acknowledges 30 of 100 records in a mixed order,
// prints how far it is, and waits.
func TestKilledRun(t *testing.T) {
	dir := os.Getenv(killedDir)
	if dir == "" {
		t.Skip("only runs to be killed")
	}
	source := open(t, newSource(t, checkpointed(dir, "x.csv.gz")))
	batch := fetch(t, source, 40)
	for i := 29; i >= 0; i-- {
		ack(t, source, batch[i^1])
	}
	fmt.Println("acknowledged")
	<-t.Context().Done()
}

func TestRunThatIsKilledGoesOn(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "x.csv.gz"), zipped(t, "n\n"+numbers(100)))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestKilledRun$")
	cmd.Env = append(os.Environ(), killedDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "acknowledged\n" {
		t.Fatalf("the process said %q, %v", line, err)
	}
	wantError(t, newSource(t, checkpointed(dir, "x.csv.gz")).Open(t.Context()), "in use")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the process ended well, want it killed")
	}
	rest := all(t, open(t, newSource(t, checkpointed(dir, "x.csv.gz"))))
	if len(rest) != 70 || rest[0] != `x.csv.gz:32 {"n":"31"}` {
		t.Errorf("%d records were left, the first %s, want 70 from the 31st", len(rest), rest[0])
	}
}
