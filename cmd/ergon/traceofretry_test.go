package main_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// sender is the context that somebody elsewhere has sent a transaction with.
const (
	senderTrace = "0af7651916cd43dd8448eb211c80319c"
	senderSpan  = "b7ad6b7169203331"
)

// traced fails while the file broken is there. Its program writes what it is told about the trace, and its spans go to the
// console.
const traced = `
telemetry: {propagation: PROPAGATION, traces: {exporters: [console]}}
tasks:
  sort:
    task: exec
    settings: {argv: [sh, -c, 'cat > got; echo "$TRACEPARENT" > told; if test -e broken; then exit 65; fi; echo 1']}
    connectors:
      input: {type: queue, path: in.db, max_wait: 10ms}
      output: {type: queue, path: in.db, queue: out}
      dead_letters: {type: dead-letters, path: LETTERS}
    consumer:
      loop: {streaming: false}
`

// What follows are spans as the console exporter writes them, with the names of their fields.

type spanID struct{ TraceID, SpanID string }

type spanLink struct{ SpanContext spanID }

type consoleSpan struct {
	Name                string
	SpanContext, Parent spanID
	Links               []spanLink
}

// processSpan runs the task and returns the span of its one transaction, of the run, and what its program was told.
func (s sandbox) processSpan() (process, run consoleSpan, told spanID) {
	s.Helper()
	s.sh(0, `sort-out run > summary.txt 2> spans.json`)
	text := readFile(s.T, s.folder+"/spans.json")
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, `{"Name"`) {
			continue // of the log
		}
		var span consoleSpan
		if err := json.Unmarshal([]byte(line), &span); err != nil { //nolint:musttag // the exporter has no tags either
			s.Fatal(err)
		}
		switch span.Name {
		case "process sort":
			process = span
		case "task.run":
			run = span
		}
	}
	if process.SpanContext.TraceID == "" || run.SpanContext.TraceID == "" {
		s.Fatalf("got no span of the transaction or of the run:\n%s", text)
	}
	return process, run, contextOf(s.T, readFile(s.T, s.folder+"/told"))
}

func contextOf(t *testing.T, traceparent string) spanID {
	t.Helper()
	parts := strings.Split(strings.TrimSpace(traceparent), "-")
	if len(parts) != 4 {
		t.Fatalf("%q is no traceparent", traceparent)
	}
	return spanID{parts[1], parts[2]}
}

// carried is the context in the metadata of the only transaction that a command shows.
func (s sandbox) carried(command string) spanID {
	s.Helper()
	text := s.sh(0, command)
	_, after, found := strings.Cut(text, "traceparent=")
	if !found || len(after) < 55 {
		s.Fatalf("%s\nsaid\n%swant a traceparent in it", command, text)
	}
	return contextOf(s.T, after[:55])
}

// wantFrom wants the span of a transaction to come from another one: linked to it in a trace of its own, or below it.
func (s sandbox) wantFrom(what string, process, run consoleSpan, from spanID, continues bool) {
	s.Helper()
	var linked, toRun bool
	for _, link := range process.Links {
		linked, toRun = linked || link.SpanContext == from, toRun || link.SpanContext == run.SpanContext
	}
	below := process.Parent == from && process.SpanContext.TraceID == from.TraceID
	if below != continues || linked == continues || !toRun {
		s.Errorf("%s: below %v: %t, linked to it: %t, linked to the run: %t", what, from, below, linked, toRun)
	}
	if !continues && (process.SpanContext.TraceID == from.TraceID || process.SpanContext.TraceID == run.SpanContext.TraceID) {
		s.Errorf("%s: it is in the trace of its sender, or of the run", what)
	}
}

// [O1] A dead letter carries the context of the transaction that failed. Retried, the next run of it is linked to that, in a trace
// of its own, or continues with it where the configuration says so; so is the first, to whoever sent it. What its program is told
// and what goes out is of this hop.
func TestRetriedDeadLetterLeadsBackToWhereItFailed(t *testing.T) {
	for _, propagation := range []string{"link", "continue"} {
		for _, store := range []string{"in.db", "letters.db"} {
			t.Run(propagation+" "+store, func(t *testing.T) {
				continues := propagation == "continue"
				s := newSandbox(t, "sort-out", strings.NewReplacer("PROPAGATION", propagation, "LETTERS", store).Replace(traced))
				s.sh(0, `touch broken; sort-out enqueue sort --id a --payload-json 1 --metadata traceparent=00-`+
					senderTrace+`-`+senderSpan+`-01`)
				failed, run, told := s.processSpan()
				s.wantFrom("the first delivery", failed, run, spanID{senderTrace, senderSpan}, continues)
				if told.TraceID != failed.SpanContext.TraceID || told == failed.SpanContext {
					t.Errorf("the program was told %v, want an attempt below %v", told, failed.SpanContext)
				}
				if letter := s.carried(`sort-out dlq show sort 1`); letter != failed.SpanContext {
					t.Errorf("the letter carries %v, want %v", letter, failed.SpanContext)
				}
				s.want(`rm broken; sort-out dlq retry sort --all`, "1 dead letter requeued")
				if waits := s.carried(`sort-out queue peek sort/input`); waits != failed.SpanContext {
					t.Errorf("what was retried carries %v, want %v", waits, failed.SpanContext)
				}
				again, run, told := s.processSpan()
				s.wantFrom("the retry", again, run, failed.SpanContext, continues)
				if out := s.carried(`sort-out queue peek sort/output`); out.TraceID != again.SpanContext.TraceID || told.TraceID != out.TraceID {
					t.Errorf("the output carries %v and the program was told %v, want the trace %s", out, told, again.SpanContext.TraceID)
				}
			})
		}
	}
}

// [O1] Transactions of one finite run have a trace each, and so has what comes out of them.
func TestOutputsOfOneRunAreInTracesOfTheirOwn(t *testing.T) {
	s := newSandbox(t, "sort-out", strings.NewReplacer("PROPAGATION", "link", "LETTERS", "in.db").Replace(traced))
	s.sh(0, `for id in with without invalid; do
	case $id in with) from=00-`+senderTrace+`-`+senderSpan+`-01;; invalid) from=garbage;; *) from=;; esac
	sort-out enqueue sort --id $id --payload-json 1 ${from:+--metadata traceparent=$from}
done; sort-out run > summary.txt 2> spans.json`)
	traces := map[string]bool{senderTrace: true}
	for part := range strings.SplitSeq(s.sh(0, `sort-out queue peek sort/output`), "traceparent=") {
		if strings.HasPrefix(part, "00-") {
			traces[contextOf(t, part[:55]).TraceID] = true
		}
	}
	if len(traces) != 4 {
		t.Errorf("got %v, want three traces besides the sender's", traces)
	}
}
