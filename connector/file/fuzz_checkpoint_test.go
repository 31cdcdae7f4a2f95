package file_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/file"
	"github.com/ergon-go/ergon/policy"
)

// Whatever is settled in whatever order, and wherever a run is cut short: in the end every record was acknowledged, and
// none that the checkpoint leaves out was missing an acknowledgement.
func FuzzCheckpointPrefix(f *testing.F) {
	f.Add(uint8(0), uint8(1), []byte{5, 0, 1, 255, 7, 200, 3, 90})
	f.Add(uint8(1), uint8(3), []byte{64, 128, 192, 255, 255, 1, 2, 3})
	f.Add(uint8(6), uint8(9), []byte{9, 250, 9, 251, 9, 252, 9})
	f.Add(uint8(3), uint8(2), []byte("any bytes do"))
	f.Fuzz(func(t *testing.T, kind, every uint8, script []byte) {
		const records = 40
		name, content := prefixInput(t, kind, records)
		modified := time.Time{} // not known: what is done is compared
		if kind&4 == 0 {
			modified = time.Unix(1, 0)
		}
		run := prefixRun{t: t, name: name, content: content, every: int(every%16) + 1, modified: modified, acked: map[string]bool{}}
		run.start("")
		for _, op := range script[:min(len(script), 200)] {
			run.step(op)
		}
		run.end(records)
	})
}

func prefixInput(t *testing.T, kind uint8, records int) (name, content string) {
	t.Helper()
	var csv, array strings.Builder
	csv.WriteString("\xef\xbb\xbfid,text\r\n")
	array.WriteString("\n [")
	for i := range records {
		switch i % 4 {
		case 0:
			fmt.Fprintf(&csv, "%d,plain\r\n\r\n", i)
			fmt.Fprintf(&array, "%d, ", i)
		case 1:
			fmt.Fprintf(&csv, "%d,\"two\nlines\"\n", i)
			fmt.Fprintf(&array, "{\"a\":\n%d},\n\n", i)
		case 2:
			fmt.Fprintf(&csv, "%d,mal\"formed\n", i)
			fmt.Fprintf(&array, "tru%d,,", i)
		default:
			fmt.Fprintf(&csv, "%d,%s\n", i, strings.Repeat("long", 40))
			fmt.Fprintf(&array, "\"%s\",", strings.Repeat("long", 40))
		}
	}
	switch kind % 4 {
	case 0:
		return "x.csv", csv.String()
	case 1:
		return "x.csv.gz", zipped(t, csv.String())
	case 2:
		return "x.json", strings.TrimSuffix(array.String(), ",") + "]"
	default:
		return "x.jsonl", csv.String()
	}
}

type prefixRun struct {
	t             *testing.T
	name, content string
	modified      time.Time
	every         int
	source        *file.Source
	state         string
	flying        []ergon.Transaction
	acked         map[string]bool
	all           []string
}

func (r *prefixRun) settings(dir string) file.SourceSettings {
	s := checkpointed(dir, r.name)
	s.Checkpoint, s.CheckpointEvery, s.CheckpointInterval = "checkpoint", r.every, time.Hour
	s.MaxWait, s.MaxRecordBytes = time.Nanosecond, 100
	s.FS = fstest.MapFS{r.name: {Data: []byte(r.content), ModTime: r.modified}}
	return s
}

// start begins with the file and a checkpoint as a crash would leave them.
func (r *prefixRun) start(checkpoint string) {
	dir := r.t.TempDir()
	if checkpoint != "" {
		write(r.t, filepath.Join(dir, "checkpoint"), checkpoint)
	}
	if r.all == nil {
		s := r.settings(dir)
		s.Checkpoint = ""
		batch, _ := drain(r.t, open(r.t, newSource(r.t, s)))
		for _, tx := range batch {
			r.all = append(r.all, short(tx.ID())+" "+show(tx.Payload()))
		}
	}
	r.state = filepath.Join(dir, "checkpoint")
	r.source = open(r.t, newSource(r.t, r.settings(dir)))
	r.flying = nil
}

func (r *prefixRun) step(op byte) {
	pick := 0
	if len(r.flying) > 0 {
		pick = int(op) % len(r.flying)
	}
	switch {
	case op < 60 || len(r.flying) == 0 && op < 240:
		batch, _ := r.source.FetchTransactions(r.t.Context(), int(op)%6+1)
		r.flying = append(r.flying, batch...)
	case op < 200:
		r.ack(pick)
	case op < 240:
		settle(r.t, r.source, capability.Settlement{Action: policy.SettleRequeue, Interrupted: op%2 == 0}, r.flying[pick])
		r.flying = append(r.flying[:pick], r.flying[pick+1:]...)
	case op < 250: // stopped
		if err := r.source.Close(r.t.Context()); err != nil {
			r.t.Fatal(err)
		}
		r.restart()
	default: // killed: nothing is written that is not there
		r.restart()
	}
}

func (r *prefixRun) ack(i int) {
	ack(r.t, r.source, r.flying[i])
	r.acked[short(r.flying[i].ID())+" "+show(r.flying[i].Payload())] = true
	r.flying = append(r.flying[:i], r.flying[i+1:]...)
}

func (r *prefixRun) restart() {
	checkpoint := ""
	if exists(r.state) {
		checkpoint = read(r.t, r.state)
	}
	r.start(checkpoint)
	left, err := r.source.CountTransactions(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	for _, done := range r.all[:len(r.all)-int(left)] {
		if !r.acked[done] {
			r.t.Fatalf("the checkpoint leaves out %s, which was never acknowledged", strconv.Quote(done))
		}
	}
}

func (r *prefixRun) end(records int) {
	for len(r.flying) > 0 {
		r.ack(0)
	}
	rest, err := drain(r.t, r.source)
	if !errors.Is(err, ergon.ErrExhausted) {
		r.t.Fatal(err)
	}
	for _, tx := range rest {
		r.acked[short(tx.ID())+" "+show(tx.Payload())] = true
	}
	for _, want := range r.all {
		if !r.acked[want] {
			r.t.Fatalf("%s was never acknowledged", want)
		}
	}
	if len(r.acked) != len(r.all) || len(r.all) < records {
		r.t.Errorf("%d records were acknowledged, want %d", len(r.acked), len(r.all))
	}
}
