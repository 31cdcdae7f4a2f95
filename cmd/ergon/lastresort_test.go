package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

const sortingProgram = `task: exec
    settings: {argv: [sh, -c, 'if grep -q broken; then exit 65; fi; echo "\"fine\""']}`

// sorting fails for what is broken; INPUT, OUTPUT and LETTERS are its connectors.
const sorting = `
tasks:
  sort:
    ` + sortingProgram + `
    connectors:
      input: {INPUT}
      output: {OUTPUT}
      dead_letters: {LETTERS}
    consumer:
      loop: {streaming: STREAMING}
`

func newSorting(t *testing.T, input, output, letters string, streaming bool) sandbox {
	t.Helper()
	return newSandbox(t, "sort-out", strings.NewReplacer("INPUT", input, "OUTPUT", output, "LETTERS", letters,
		"STREAMING", fmt.Sprint(streaming)).Replace(sorting))
}

// twenty has the transactions 00 to 19, of which every fifth is broken.
const twenty = `i=0; while [ $i -lt 20 ]; do
	id=$(printf %02d $i); word=sound; [ $((i % 5)) -ne 0 ] || word=broken
	echo "{\"id\":\"$id\",\"payload\":\"$word $id\"}"; i=$((i+1))
done > twenty.jsonl; sort-out enqueue sort --envelope --file twenty.jsonl`

// letterIDs are the ids of all letters, sorted.
func (s sandbox) letterIDs() (ids []string) {
	s.Helper()
	var read struct {
		Letters []struct {
			ID string `json:"id"`
		} `json:"dead_letters"`
	}
	if err := json.Unmarshal([]byte(s.sh(0, `sort-out dlq ls sort --output json`)), &read); err != nil {
		s.Fatal(err)
	}
	for _, l := range read.Letters {
		ids = append(ids, l.ID)
	}
	slices.Sort(ids)
	return ids
}

func (s sandbox) wantLetterIDs(want ...string) {
	s.Helper()
	if got := s.letterIDs(); !slices.Equal(got, want) {
		s.Errorf("got letters about %v, want %v", got, want)
	}
}

// counts are those of a queue.
type counts struct {
	Ready   int64 `json:"ready"`
	Delayed int64 `json:"delayed"`
	Claimed int64 `json:"claimed"`
}

// queueCounts are those of a queue of the task.
func (s sandbox) queueCounts(connector string) counts {
	s.Helper()
	text := s.sh(0, `sort-out queue stats sort/`+connector+` --output json`)
	var read struct {
		Queues []counts `json:"queues"`
	}
	if err := json.Unmarshal([]byte(text), &read); err != nil || len(read.Queues) != 1 {
		s.Fatalf("%s: %v", text, err)
	}
	return read.Queues[0]
}

// [S2] [E4] A letter that its store refuses is not written: its transaction stays with its source, which comes back to it
// later, its neighbours continue, and the run ends with 1 and names it. So it is where letters are dispatched, and where letters or
// outputs become durable together with the acknowledgement.
func TestRunThatLeavesALetterBehindEndsWithOne(t *testing.T) {
	for name, at := range map[string]struct{ input, output, letters string }{
		"dispatched": {
			"type: queue, path: in.db, max_wait: 10ms", "type: queue, path: out.db",
			"type: refusing-letters, path: letters.db, refuses: ['10']",
		},
		"by hop": {
			"type: refusing-queue, path: in.db, max_wait: 10ms, refuses: ['10']", "type: queue, path: in.db, queue: out",
			"type: dead-letters, path: in.db",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSorting(t, at.input, at.output, at.letters, false)
			s.sh(0, twenty)
			s.sh(1, `sort-out run > said.txt 2>&1`)
			said := readFile(t, s.folder+"/said.txt")
			for _, want := range []string{"dead letters could not be written", "transaction 10", "the row breaks a rule of this store"} {
				if !strings.Contains(said, want) {
					t.Errorf("the run said\n%swant %q in it", said, want)
				}
			}
			s.wantLetterIDs("00", "05", "15")
			if got := s.queueCounts("output"); got.Ready != 16 {
				t.Errorf("the output has %d, want 16", got.Ready)
			}
			if got := s.queueCounts("input"); got.Delayed != 1 || got.Ready+got.Claimed != 0 {
				t.Errorf("the input has %+v, want one that comes back later", got)
			}
		})
	}
}

// [S2] [B3] Outputs that the store of a hop refuses fail their transaction and no other: its letter is written and names the
// refusal, and that is no failure of the run.
func TestOutputThatIsRefusedForAHopIsOneDeadLetter(t *testing.T) {
	s := newSorting(t, "type: refusing-queue, path: in.db, max_wait: 10ms, refuses: [07/sort/default/0]",
		"type: queue, path: in.db, queue: out", "type: dead-letters, path: in.db", false)
	s.write("ergon.yaml", strings.Replace(readFile(t, s.folder+"/ergon.yaml"), sortingProgram, "task: sorter", 1))
	s.sh(0, twenty)
	s.sh(0, `sort-out run`)
	s.wantLetterIDs("00", "05", "07", "10", "15")
	s.want(`sort-out dlq ls sort --phase prepare`, "07", "the row breaks a rule of this store")
	if got := s.queueCounts("output"); got.Ready != 15 {
		t.Errorf("the output has %d, want 15", got.Ready)
	}
	if got := s.queueCounts("input"); got.Delayed+got.Ready+got.Claimed != 0 {
		t.Errorf("the input has %+v, want nothing", got)
	}
}

// [S1] [S2] The process is killed when a letter is durable and its source has not been told. The next delivers it again: each
// letter is there once, each result once, and nothing is left.
func TestKilledBetweenLetterAndSourceNothingIsLostOrThereTwice(t *testing.T) {
	for name, at := range map[string]struct{ input, output string }{
		"queue":     {"type: queue, path: in.db, max_wait: 10ms, lease: 2s, finite: true", "type: queue, path: out.db"},
		"queue hop": {"type: queue, path: in.db, max_wait: 10ms, lease: 2s, finite: true", "type: queue, path: in.db, queue: out"},
		"file":      {"type: file, path: twenty.jsonl, checkpoint: done.cp", "type: queue, path: out.db"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSorting(t, at.input, at.output, "type: deadly-letters, path: letters.db, killed: killed", true)
			if name == "file" {
				s.write("twenty.jsonl", lettersInLines())
			} else {
				s.sh(0, twenty)
			}
			s.sh(0, `code=0; sort-out run > first.txt 2>&1 || code=$?; test $code = 137 || { cat first.txt; exit 1; }`)
			if _, err := os.Stat(s.folder + "/killed"); err != nil {
				t.Fatal(err)
			}
			before := s.letterIDs()
			if len(before) == 0 {
				t.Fatal("no letter is durable")
			}
			if name != "file" && s.queueCounts("input").Claimed == 0 {
				t.Fatal("the source was told")
			}
			s.sh(0, `sort-out run`)
			after := s.letterIDs()
			if len(after) != 4 || len(slices.Compact(slices.Clone(after))) != 4 {
				t.Errorf("got letters about %v, before it was %v, want four", after, before)
			}
			if got := s.queueCounts("output"); got.Ready != 16 {
				t.Errorf("the output has %d, want 16", got.Ready)
			}
			if name != "file" {
				if got := s.queueCounts("input"); got.Delayed+got.Ready+got.Claimed != 0 {
					t.Errorf("the input has %+v, want nothing", got)
				}
			}
		})
	}
}

func lettersInLines() string {
	var b strings.Builder
	for i := range 20 {
		word := "sound"
		if i%5 == 0 {
			word = "broken"
		}
		fmt.Fprintf(&b, "\"%s %02d\"\n", word, i)
	}
	return b.String()
}

// [S5] [C2] An attempt may take an hour under a lease of seconds: the configuration is taken as it is, and what a killed process
// had is free after one lease.
func TestShortLeaseUnderLongWorkCostsOneLease(t *testing.T) {
	s := newSorting(t, "type: queue, path: in.db, max_wait: 10ms, lease: 2s, finite: true", "type: queue, path: out.db",
		"type: dead-letters, path: in.db", true)
	text := strings.Replace(readFile(t, s.folder+"/ergon.yaml"), sortingProgram, `task: exec
    settings: {argv: [sh, -c, 'cat > /dev/null; if mkdir begun; then kill -9 $PPID; kill -9 "$(cat pid)"; fi; echo 1']}`, 1)
	s.write("ergon.yaml", strings.Replace(text, "consumer:\n", "consumer:\n      process: {retry: {timeout: 1h}}\n", 1))
	s.write("ergon.yaml", strings.Replace(readFile(t, s.folder+"/ergon.yaml"), "loop: {", "loop: {transaction_timeout: 2h, ", 1))
	s.want(`sort-out lint`, "ok")
	s.sh(0, `sort-out enqueue sort --id a --payload-json 1
code=0; sh -c 'echo $$ > pid; exec sort-out run' > first.txt 2>&1 || code=$?; test $code = 137 || { cat first.txt; exit 1; }`)
	if got := s.queueCounts("input"); got.Claimed != 1 {
		t.Fatalf("the input has %+v, want it with the process that was killed", got)
	}
	s.sh(0, `sort-out run`)
	if got := s.queueCounts("output"); got.Ready != 1 {
		t.Errorf("the output has %d, want 1", got.Ready)
	}
}
