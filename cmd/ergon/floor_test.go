package main_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// checkpointLine is the line at which the next run would begin.
func (s sandbox) checkpointLine(name string) (line int) {
	s.Helper()
	_, after, found := strings.Cut(readFile(s.T, s.folder+"/"+name), `"line":`)
	if _, err := fmt.Sscanf(after, "%d", &line); err != nil || !found {
		s.Fatalf("the checkpoint has no line: %v", err)
	}
	return line
}

// [S2] A file with a checkpoint remembers a floor only. A letter that is refused in one run after the other holds it: each run ends
// with 1 and names it, the checkpoint does not pass it, and its neighbours are not there twice. Once it is taken all is done.
func TestRefusedLetterHoldsTheFloorOfAFileOverSeveralRuns(t *testing.T) {
	s := newSorting(t, "type: file, path: twenty.jsonl, checkpoint: done.cp, checkpoint_every: 1", "type: queue, path: out.db",
		"type: refusing-letters, path: letters.db, refuses: [':11-']", false)
	s.write("twenty.jsonl", lettersInLines())
	for run := range 4 {
		s.sh(1, `sort-out run > said.txt 2>&1`)
		said := readFile(t, s.folder+"/said.txt")
		for _, want := range []string{"dead letters could not be written", ":11-", "the row breaks a rule of this store"} {
			if !strings.Contains(said, want) {
				t.Errorf("run %d said\n%swant %q in it", run, said, want)
			}
		}
		if at := s.checkpointLine("done.cp"); at > 11 {
			t.Fatalf("after run %d the checkpoint is at line %d, beyond the one that is refused", run, at)
		}
	}
	s.write("ergon.yaml", strings.Replace(readFile(t, s.folder+"/ergon.yaml"), "':11-'", "", 1))
	s.sh(0, `sort-out run`)
	if got := s.letterIDs(); len(got) != 4 {
		t.Errorf("got letters about %v, want four", got)
	}
	if got := s.queueCounts("output"); got.Ready != 16 {
		t.Errorf("the output has %d, want 16", got.Ready)
	}
}

// [S2] [S3] Records that are requeued again and again within a run hold the floor of a file as well, and come out once.
func TestRequeuedRecordsHoldTheFloorOfAFile(t *testing.T) {
	s := newSorting(t, "type: file, path: twenty.jsonl, checkpoint: done.cp, checkpoint_every: 1, max_wait: 10ms",
		"type: queue, path: out.db", "type: dead-letters, path: letters.db", false)
	s.write("twenty.jsonl", lettersInLines())
	s.write("task.sh", `read line; case "$line" in *broken*) ;; *) echo 1; exit;; esac
id=${line#*broken }; id=${id%?}
n=$(cat "tries.$id" 2>/dev/null || echo 0); n=$((n+1)); echo $n > "tries.$id"
cp done.cp "at.$id.$n"; [ $n -gt 3 ] || exit 65; echo 1
`)
	text := strings.Replace(readFile(t, s.folder+"/ergon.yaml"), sortingProgram, "task: exec\n    settings: {argv: [sh, task.sh]}", 1)
	s.write("ergon.yaml", strings.Replace(text, "loop: {", "settle: {requeue_delay: 10ms}\n      loop: {on_exception: requeue, ", 1))
	s.sh(0, `sort-out run`)
	if got := s.queueCounts("output"); got.Ready != 20 {
		t.Errorf("the output has %d, want 20", got.Ready)
	}
	if _, err := os.Stat(s.folder + "/done.cp"); !os.IsNotExist(err) {
		t.Errorf("the checkpoint is there after all is done: %v", err)
	}
	for n := 1; n <= 4; n++ {
		for _, broken := range []int{0, 5, 10, 15} {
			if at := s.checkpointLine(fmt.Sprintf("at.%02d.%d", broken, n)); at > broken+1 {
				t.Errorf("with delivery %d of line %d the checkpoint is at line %d", n, broken+1, at)
			}
		}
	}
}
