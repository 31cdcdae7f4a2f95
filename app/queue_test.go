package app_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ergon-go/ergon/app"
	"github.com/ergon-go/ergon/capability"
)

// knownLines are two new ones, one that is settled with the same payload, and others with another one.
var knownLines = `{"id":"a","payload":1}
{"id":"number:2","payload":{"number":2}}
{"id":"number:17","payload":18}
{"id":"a","payload":2}
{"id":"b","payload":1}
` + otherLines(12)

func otherLines(n int) (lines string) {
	for i := range n {
		lines += fmt.Sprintf("{\"id\":\"number:2\",\"payload\":%d}\n", i)
	}
	return lines
}

// [I2] What was known is told apart from what was stored.
func TestTransactionsAreEnqueued(t *testing.T) {
	scrolls := strings.Replace(warehouseConfig, "other: {type: shelf, name: closed}", "other: {type: scroll}", 1)
	strict := strings.Replace(warehouseConfig, "numbers}", "numbers, strict: true}", 1)
	narrow := strings.Replace(warehouseConfig, "numbers}", "numbers, max: 2}", 1)
	for name, v := range map[string]visit{
		"one":              {args: `enqueue square --id x --payload-json {"number":12} --metadata color=red --metadata a=b=c`},
		"one-json":         {args: `enqueue square --id x --payload-json 1 --output json`},
		"new-id":           {args: `enqueue square --payload-json {"number":12} --output json`},
		"connector":        {args: `enqueue square/input --id x --payload-json 1`},
		"only-connector":   {args: `enqueue other --id x --payload-json 1`, code: 1},
		"file":             {args: `enqueue square --file lines.jsonl`},
		"stdin":            {args: `enqueue square --file -`, stdin: "1\n2\n"},
		"stdin-empty":      {args: `enqueue square --file -`},
		"stdin-damaged":    {args: `enqueue square --file -`, stdin: "1\n2\n{\"secret\"", code: 1},
		"envelopes":        {args: `enqueue square --envelope --file envelopes.jsonl --metadata color=blue`},
		"known":            {args: `enqueue square --envelope --file -`, stdin: knownLines},
		"known-json":       {args: `enqueue square --envelope --file - --output json`, stdin: knownLines},
		"known-one":        {args: `enqueue square --id number:2 --payload-json {"number":2}`},
		"conflict":         {args: `enqueue square --id number:2 --payload-json 3`},
		"conflict-error":   {args: `enqueue square --id number:2 --payload-json 3`, yaml: strict, code: 1},
		"conflicts-error":  {args: `enqueue square --envelope --file -`, yaml: strict, stdin: knownLines, code: 1},
		"no-envelope":      {args: `enqueue square --envelope --file lines.jsonl`, code: 2},
		"no-payload":       {args: `enqueue square --envelope --file -`, stdin: `{"id":"a"}`, code: 1},
		"damaged":          {args: `enqueue square --file damaged.jsonl`, code: 2},
		"heavy":            {args: `enqueue square --file heavy.jsonl`, code: 1},
		"no-room":          {args: `enqueue square --file lines.jsonl`, yaml: narrow, code: 1},
		"cannot":           {args: `enqueue more --payload-json 1`, code: 2},
		"replaces":         {args: `enqueue square/other --payload-json 1`, yaml: scrolls, code: 2},
		"unknown":          {args: `enqueue sqare --payload-json 1`, code: 2},
		"ambiguous":        {args: `enqueue input --payload-json 1`, code: 2},
		"no-such-file":     {args: `enqueue square --file no.jsonl`, code: 2},
		"folder":           {args: `enqueue square --file .`, code: 2},
		"nothing":          {args: `enqueue square`, code: 2},
		"both":             {args: `enqueue square --payload-json 1 --file lines.jsonl`, code: 2},
		"empty-file-name":  {args: `enqueue square --file=`, code: 2},
		"id-of-many":       {args: `enqueue square --id x --file lines.jsonl`, code: 2},
		"envelope-of-one":  {args: `enqueue square --envelope --payload-json 1`, code: 2},
		"not-json":         {args: `enqueue square --payload-json {secret}`, code: 2},
		"bad-metadata":     {args: `enqueue square --payload-json 1 --metadata color`, code: 2},
		"missing-argument": {args: `enqueue --payload-json 1`, code: 2},
	} {
		t.Run(name, func(t *testing.T) { v.do(t, "enqueue-"+name) })
	}
}

// Batches have a bound, so memory has.
func TestManyTransactionsAreEnqueuedInBatches(t *testing.T) {
	in(t, strings.Replace(warehouseConfig, "numbers}", "numbers, max: 1000}", 1))
	var lines strings.Builder
	for i := range 2500 {
		fmt.Fprintf(&lines, "%d\n", i)
	}
	w := &warehouse{}
	got := call{settings: app.Settings{Registry: w.registry()}, args: strings.Fields("enqueue square --file -"), stdin: lines.String()}.do(t)
	if n := len(w.shelf("numbers").in[capability.StateReady]); got.code != 0 || n != 2500 {
		t.Errorf("code %d, %d enqueued, want 2500; %s", got.code, n, got.stderr)
	}
}

// A connector that reports a failure of an item that it was not given has failed for all of them.
func TestFailureOfAnItemThatWasNotGivenIsNoSuccess(t *testing.T) {
	in(t, warehouseConfig)
	w := &warehouse{}
	const want = "the connector reported a failure for item "
	settings := app.Settings{Registry: w.registry()}
	got := call{settings: settings, args: strings.Fields("enqueue square --file -"), stdin: "1\n\"outside\"\n"}.do(t)
	if got.code != 1 || !strings.Contains(got.stderr, "lines 1 to 2: "+want+"9 of 2: lost") {
		t.Errorf("from a file: code %d, %s%s, want %q", got.code, got.stdout, got.stderr, want)
	}
	got = call{settings: app.Settings{Registry: w.registry()}, args: strings.Fields(`enqueue square --payload-json "outside"`)}.do(t)
	if got.code != 1 || !strings.Contains(got.stderr, want+"8 of 1: lost") {
		t.Errorf("one: code %d, %s%s, want %q", got.code, got.stdout, got.stderr, want)
	}
	in(t, warehouseConfig)
	w = filled()
	letters := len(w.letters)
	write(t, "fixed.json", `"outside"`)
	got = call{settings: app.Settings{Registry: w.registry()}, args: strings.Fields("dlq retry square L1 --payload-file fixed.json")}.do(t)
	if got.code != 1 || !strings.Contains(got.stderr, want+"8 of 1: lost") || len(w.letters) != letters {
		t.Errorf("a dead letter: code %d, %s%s, %d letters left of %d, want %q and all left", got.code, got.stdout, got.stderr,
			len(w.letters), letters, want)
	}
}

func TestQueuesAreLookedInto(t *testing.T) {
	for name, v := range map[string]visit{
		"stats":           {args: "queue stats"},
		"stats-json":      {args: "queue stats square --output json"},
		"stats-broken":    {args: "queue stats square other", code: 1},
		"stats-cannot":    {args: "queue stats more", code: 2},
		"stats-none":      {args: "queue stats", yaml: twoTasks, code: 2},
		"stats-unknown":   {args: "queue stats sqare", code: 2},
		"peek":            {args: "queue peek square --state settled --limit 1"},
		"peek-payload":    {args: "queue peek square --state settled --payload"},
		"peek-json":       {args: "queue peek square/input --state settled --limit 1 --payload --output json"},
		"peek-none":       {args: "queue peek square"},
		"peek-none-json":  {args: "queue peek square --output json"},
		"peek-bad-state":  {args: "queue peek square --state done", code: 2},
		"peek-bad-limit":  {args: "queue peek square --limit -1", code: 2},
		"peek-cannot":     {args: "queue peek more", code: 2},
		"peek-missing":    {args: "queue peek", code: 2},
		"command":         {args: "queue"},
		"unknown-command": {args: "queue stat", code: 2},
	} {
		t.Run(name, func(t *testing.T) { v.do(t, "queue-"+name) })
	}
}

// Waiting stays waiting: the oldest is told, without a claim.
func TestOldestOfAQueueIsTold(t *testing.T) {
	in(t, warehouseConfig)
	w := &warehouse{}
	settings := app.Settings{Registry: w.registry()}
	call{settings: settings, args: strings.Fields("enqueue square --payload-json 1")}.do(t)
	got := call{settings: settings, args: strings.Fields("queue stats square")}.do(t)
	want := "QUEUE         READY  DELAYED  CLAIMED  SETTLED  OLDEST\nsquare/input      1        0        0        0   1m30s\n"
	if got.stdout != want {
		t.Errorf("got\n%s\nwant\n%s", got.stdout, want)
	}
}
