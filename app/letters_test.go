package app_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/app"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/deadletter"
)

// house is a configuration with queues: square can be given its dead letters back, more cannot.
const warehouseConfig = `tasks:
  square:
    task: math.square
    connectors:
      input: {type: shelf, name: numbers}
      other: {type: shelf, name: closed}
      dead_letters: {type: pigeonholes}
    consumer: {loop: {concurrency: {value: 1}}}
  more:
    task: math.square
    connectors:
      input: {type: numbers}
      dead_letters: {type: pigeonholes}
`

// oneStore has only one task with dead letters that can be looked into.
var oneStore = strings.TrimSuffix(warehouseConfig, "{type: pigeonholes}\n") + "{type: drain}\n"

// filled is a warehouse with dead letters, and a settled transaction that one of them is about.
func filled() *warehouse {
	w := &warehouse{}
	numbers := w.shelf("numbers")
	numbers.in[capability.StateSettled] = []ergon.Transaction{number(17), number(2)}
	hop := deadNumber("square", 27, 48)
	hop.Queue = "numbers"
	hop.History = []deadletter.Failure{{
		Category: ergon.CategoryTimeout, Phase: "process", Message: "attempt timeout", FailedAt: hop.FailedAt, RetriedAt: hop.FailedAt,
	}}
	odd := deadNumber("more", 7, 5)
	odd.Category, odd.Phase, odd.Attempts, odd.Message = ergon.CategorySystem, "success", 3, "no \x1b[31mroute\nto host"
	odd.FirstError, odd.HandlerFailed, odd.HandlerError, odd.EnqueuedAt = "refused", true, "no luck either", odd.FailedAt
	lucky := deadNumber("square", 4, 1)
	for _, l := range []deadletter.Letter{deadNumber("square", 17, 72), hop, odd, lucky} {
		w.post(l)
	}
	return w
}

// inventory is what a warehouse holds.
func (w *warehouse) inventory() string {
	var b strings.Builder
	var keys []string
	for _, l := range w.letters {
		keys = append(keys, l.Key)
	}
	fmt.Fprintf(&b, "--- letters: %s\n", strings.Join(keys, " "))
	for _, in := range []struct {
		shelf string
		state capability.QueueState
	}{{"numbers", capability.StateReady}, {"numbers", capability.StateSettled}, {"other", capability.StateReady}} {
		var ids []string
		for _, tx := range w.shelf(in.shelf).in[in.state] {
			ids = append(ids, tx.ID())
		}
		fmt.Fprintf(&b, "--- %s %s: %s\n", in.shelf, in.state, strings.Join(ids, " "))
	}
	return b.String()
}

var (
	dates = regexp.MustCompile(`\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)`)
	newID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)
)

// visit is a call of the program in a house.
type visit struct {
	args, yaml, stdin string
	asked             bool
	columns, code     int
}

// do compares what the program says and what it leaves with a golden file.
func (v visit) do(t *testing.T, name string) {
	t.Helper()
	if v.yaml == "" {
		v.yaml = warehouseConfig
	}
	in(t, v.yaml)
	write(t, "lines.jsonl", "{\"number\":1}\n\n  {\"number\":2}\n{\"number\":3}")
	write(t, "envelopes.jsonl", `{"id":"a","payload":{"number":1}}`+"\n"+`{"id":"b","metadata":{"color":"red"},"payload":2}`+"\n")
	write(t, "damaged.jsonl", "{\"number\":1}\n{\"secret\":")
	write(t, "heavy.jsonl", "1\n\"far too heavy to be put upon a shelf at all\"\n3\n")
	w := filled()
	words := strings.Fields(v.args)
	got := call{
		settings: app.Settings{Registry: w.registry()}, args: append(words, "--log-level", "error"),
		stdin: v.stdin, asked: v.asked, columns: v.columns,
	}.do(t)
	if got.code != v.code {
		t.Errorf("code %d, want %d; stderr %s", got.code, v.code, got.stderr)
	}
	if strings.Contains(got.stderr, "secret") {
		t.Errorf("the payload was shown: %s", got.stderr)
	}
	text := dates.ReplaceAllString(timeless(got.script(words)), "DATE") + w.inventory()
	golden(t, name+".txt", newID.ReplaceAllString(text, "NEW-ID"))
}

func TestDeadLettersAreLookedAt(t *testing.T) {
	for name, v := range map[string]visit{
		"ls":                  {args: "dlq ls", yaml: oneStore},
		"ls-task":             {args: "dlq ls square"},
		"ls-connector":        {args: "dlq ls square/dead_letters --limit 2"},
		"ls-json":             {args: "dlq ls square --limit 1 --output json"},
		"ls-narrow":           {args: "dlq ls square --no-color", columns: 70},
		"ls-category":         {args: "dlq ls square/dead_letters --category SYSTEM --phase success"},
		"ls-age":              {args: "dlq ls square/dead_letters --older-than 6h --newer-than 60h"},
		"ls-days":             {args: "dlq ls square/dead_letters --older-than 2d"},
		"ls-group":            {args: "dlq ls square/dead_letters --fingerprint unlucky-more --task more"},
		"ls-none":             {args: "dlq ls more --key L1"},
		"groups":              {args: "dlq groups square/dead_letters"},
		"groups-json":         {args: "dlq groups more --output json"},
		"show":                {args: "dlq show square L2"},
		"show-payload":        {args: "dlq show more L3 --payload"},
		"show-json":           {args: "dlq show square L2 --payload --output json"},
		"show-two":            {args: "dlq show L4 L1", yaml: oneStore},
		"show-missing":        {args: "dlq show L4 L9 L8", yaml: oneStore, code: 1},
		"show-no-key":         {args: "dlq show square", code: 2},
		"several-stores":      {args: "dlq ls", code: 2},
		"no-store":            {args: "dlq ls", yaml: twoTasks, code: 2},
		"cannot-keep":         {args: "dlq ls square", yaml: twoTasks, code: 2},
		"unknown-task":        {args: "dlq ls sqare", code: 2},
		"unknown-connector":   {args: "dlq ls square/dead_leters", code: 2},
		"ambiguous-connector": {args: "dlq ls dead_letters", code: 2},
		"two-tasks":           {args: "dlq ls square more", code: 2},
		"other-task":          {args: "dlq ls square --task more", code: 2},
		"bad-category":        {args: "dlq ls square --category FATAL", code: 2},
		"bad-age":             {args: "dlq ls square --older-than 5", code: 2},
		"no-window":           {args: "dlq ls square --older-than 2h --newer-than 1h", code: 2},
		"bad-limit":           {args: "dlq ls square --limit 0", code: 2},
		"command":             {args: "dlq"},
		"unknown-command":     {args: "dlq retyr", code: 2},
	} {
		t.Run(name, func(t *testing.T) { v.do(t, "dlq-"+name) })
	}
}

// Nothing is done to all of them by accident. [S2]
func TestDeadLettersAreGivenBackOrDropped(t *testing.T) {
	chutes := strings.Replace(warehouseConfig, "{type: shelf, name: numbers}", "{type: chute, name: other}", 1)
	mutes := strings.Replace(warehouseConfig, "{type: shelf, name: numbers}", "{type: mute, name: other}", 1)
	for name, v := range map[string]visit{
		"retry":                  {args: "dlq retry square --all", yaml: chutes},
		"retry-json":             {args: "dlq retry square --all --output json", yaml: chutes},
		"retry-key":              {args: "dlq retry square L4", yaml: chutes},
		"retry-remembered":       {args: "dlq retry square --all"},
		"retry-untold":           {args: "dlq retry square L4", yaml: mutes, code: 1},
		"retry-none":             {args: "dlq retry square --category TIMEOUT"},
		"retry-no-source":        {args: "dlq retry square/dead_letters --all", code: 1},
		"retry-left-json":        {args: "dlq retry more L3 --output json", code: 1},
		"retry-missing":          {args: "dlq retry square L4 L9", code: 1},
		"retry-of-another":       {args: "dlq retry more L4", code: 1},
		"retry-unsaid":           {args: "dlq retry square", code: 2},
		"retry-both":             {args: "dlq retry square L1 --all", code: 2},
		"retry-typing":           {args: "dlq retry sqare --all", yaml: oneStore, code: 2},
		"retry-asked":            {args: "dlq retry square --all", yaml: chutes, asked: true, stdin: "y\n"},
		"retry-edited":           {args: `dlq retry square L4 --payload-json {"number":6}`, yaml: chutes},
		"retry-edited-no-key":    {args: "dlq retry square --all --payload-json 1", code: 2},
		"retry-edited-no-json":   {args: "dlq retry square L4 --payload-file damaged.jsonl", code: 2},
		"retry-edited-missing":   {args: "dlq retry square L9 --payload-json 1", code: 1},
		"retry-edited-no-file":   {args: "dlq retry square L4 --payload-file no.json", code: 2},
		"retry-edited-no-source": {args: `dlq retry more L3 --payload-json {"number":6}`, code: 1},
		"drop":                   {args: "dlq drop L1", yaml: oneStore},
		"drop-json":              {args: "dlq drop square --newer-than 2d --output json"},
		"drop-asked":             {args: "dlq drop square/dead_letters --all", asked: true, stdin: "YES\n"},
		"drop-declined":          {args: "dlq drop square --all", asked: true, stdin: "\n", code: 1},
		"drop-one":               {args: "dlq drop square L1", asked: true, stdin: "no\n"},
		"drop-yes":               {args: "dlq drop square --all --yes", asked: true, stdin: "no\n"},
		"drop-unsaid":            {args: "dlq drop square/dead_letters", code: 2},
	} {
		t.Run(name, func(t *testing.T) { v.do(t, "dlq-"+name) })
	}
}

func TestTasksAreRunOnTheirDeadLetters(t *testing.T) {
	scrolls := strings.Replace(warehouseConfig, "other: {type: shelf, name: closed}", "other: {type: scroll}", 1)
	open := strings.Replace(warehouseConfig, "name: closed", "name: open", 1)
	for name, v := range map[string]visit{
		"all":             {args: "replay square --all", yaml: open, code: 1},
		"one":             {args: "replay square L4", yaml: open},
		"json":            {args: "replay square L4 --output json", yaml: open},
		"none":            {args: "replay square --category TIMEOUT"},
		"none-json":       {args: "replay square --category TIMEOUT --output json"},
		"edited":          {args: `replay square L1 --payload-json {"number":12}`, yaml: open},
		"edited-settled":  {args: `replay square --settled --all --payload-json 1`, code: 2},
		"fails":           {args: "replay square L4", code: 1},
		"declined":        {args: "replay square --all", asked: true, stdin: "n\n", code: 1},
		"missing":         {args: "replay square L9", code: 1},
		"unsaid":          {args: "replay square", code: 2},
		"no-task":         {args: "replay --all", code: 2},
		"connector":       {args: "replay square/input --all", code: 2},
		"replaces":        {args: "replay square --all", yaml: scrolls, code: 2},
		"cannot-keep":     {args: "replay square --all", yaml: twoTasks, code: 2},
		"settled":         {args: "replay square --settled --all"},
		"settled-asked":   {args: "replay square --settled --all", asked: true, stdin: "no\n", code: 1},
		"settled-id":      {args: "replay square --settled number:2 --output json", asked: true},
		"settled-since":   {args: "replay square --settled --newer-than 30m"},
		"settled-until":   {args: "replay square/input --settled --older-than 30m"},
		"settled-unsaid":  {args: "replay square --settled", code: 2},
		"settled-letters": {args: "replay square --settled --category SYSTEM", code: 2},
		"settled-cannot":  {args: "replay more --settled --all", code: 2},
	} {
		t.Run(name, func(t *testing.T) { v.do(t, "replay-"+name) })
	}
}

// [I3] What was exported arrives once, edited or not.
func TestDeadLettersAreExportedAndEnqueuedAgain(t *testing.T) {
	in(t, strings.Replace(warehouseConfig, "name: closed", "name: open", 1))
	w := filled()
	for i := range 1000 {
		w.post(deadNumber("square", 100+i, 1))
	}
	settings := app.Settings{Registry: w.registry()}
	got := call{settings: settings, args: strings.Fields("dlq export square --file letters.jsonl")}.do(t)
	if got.code != 0 || got.stdout != "1,003 dead letters exported to letters.jsonl\n" {
		t.Fatalf("code %d, stdout %s, stderr %s", got.code, got.stdout, got.stderr)
	}
	text, err := os.ReadFile("letters.jsonl")
	if err != nil || strings.Count(string(text), "\n") != 1003 || strings.Count(string(text), `"key":"L500"`) != 1 {
		t.Errorf("%v, got %d lines, want 1003 and each letter once", err, strings.Count(string(text), "\n"))
	}
	piped := call{settings: settings, args: strings.Fields("dlq export square")}.do(t)
	if piped.stdout != string(text) {
		t.Error("standard output got something else than the file")
	}
	got = call{settings: settings, args: strings.Fields("enqueue square --envelope --file letters.jsonl --output json")}.do(t)
	document := "{\n  \"conflicts\": 0,\n  \"connector\": \"square/input\",\n  \"enqueued\": 1003,\n  \"known\": 0\n}\n"
	if got.code != 0 || got.stdout != document {
		t.Errorf("code %d, stdout %s, stderr %s", got.code, got.stdout, got.stderr)
	}
	ready := w.shelf("numbers").in[capability.StateReady]
	i := slices.IndexFunc(ready, func(tx ergon.Transaction) bool { return tx.ID() == "number:4" })
	if color, _ := ready[i].Metadata("color"); color != "red" || len(ready) != 1003 {
		t.Errorf("got %d transactions, want 1003 and their metadata", len(ready))
	}
	if tx := ready[i]; tx.Generation() != 0 || !strings.HasPrefix(tx.Arrival(), "1-") {
		t.Errorf("got generation %d, arrival %q, want the first retry of generation 0", tx.Generation(), tx.Arrival())
	}
	got = call{settings: settings, args: strings.Fields("enqueue square --envelope --file letters.jsonl")}.do(t)
	if want := "0 enqueued, 1,003 known already in square/input\n"; got.code != 0 || got.stdout != want {
		t.Errorf("a second time: code %d, stdout %s, stderr %s, want %s", got.code, got.stdout, got.stderr, want)
	}
	fixed := strings.Replace(string(text), `{"number":17}`, `{"number":12}`, 1)
	write(t, "fixed.jsonl", fixed)
	got = call{settings: settings, args: strings.Fields("enqueue square/other --envelope --file fixed.jsonl")}.do(t)
	i = slices.IndexFunc(w.shelf("open").in[capability.StateReady], func(tx ergon.Transaction) bool { return tx.Generation() == 1 })
	if got.code != 0 || i < 0 || string(w.shelf("open").in[capability.StateReady][i].Payload().([]byte)) != `{"number":12}` {
		t.Errorf("code %d, %s%s, want what was edited as another generation", got.code, got.stdout, got.stderr)
	}
}

func TestExportThatFailsLeavesTheFileThatWasThere(t *testing.T) {
	in(t, warehouseConfig)
	write(t, "letters.jsonl", "old")
	w := filled()
	w.letters[0].Payload = make(chan int)
	got := call{settings: app.Settings{Registry: w.registry()}, args: strings.Fields("dlq export square --file letters.jsonl")}.do(t)
	entries, _ := os.ReadDir(".")
	text, _ := os.ReadFile("letters.jsonl")
	if got.code != 1 || string(text) != "old" || len(entries) != 2 {
		t.Errorf("code %d, %q in one of %d files, stderr %s; want 1, the old text, 2 files", got.code, text, len(entries), got.stderr)
	}
	got = call{settings: app.Settings{Registry: w.registry()}, args: strings.Fields("dlq export square --file no/such/folder")}.do(t)
	if got.code != 1 || !strings.Contains(got.stderr, "no such file or directory") {
		t.Errorf("code %d, stderr %s", got.code, got.stderr)
	}
}

// Letters are dropped while the list is gone through, and none is passed over or taken twice.
func TestManyDeadLettersAreEachGivenBackOnce(t *testing.T) {
	for args, where := range map[string]capability.QueueState{"dlq retry square --all": capability.StateReady, "replay square --all": ""} {
		open := strings.NewReplacer("type: shelf, name: numbers", "type: chute, name: numbers", "name: closed", "name: open")
		in(t, open.Replace(warehouseConfig))
		w := &warehouse{}
		for i := range 1001 {
			w.post(deadNumber("square", 10*i, 1))
		}
		got := call{settings: app.Settings{Registry: w.registry()}, args: strings.Fields(args + " --log-level error")}.do(t)
		if got.code != 0 || len(w.letters) != 0 {
			t.Errorf("%s: code %d, %d letters left, want none; %s%s", args, got.code, len(w.letters), got.stdout, got.stderr)
		}
		if n := len(w.shelf("numbers").in[where]); where != "" && n != 1001 {
			t.Errorf("%s: %d transactions, want 1001", args, n)
		}
		if where == "" && !strings.Contains(got.stdout, "\n1,001 dead letters processed and dropped, 0 remain\n") {
			t.Errorf("%s: got\n%s", args, got.stdout)
		}
	}
}

// What fails while the command runs may be a letter that it has just requeued: it would continue for ever.
func TestDeadLettersThatFailLaterAreLeftAlone(t *testing.T) {
	in(t, warehouseConfig)
	w := &warehouse{}
	w.post(deadNumber("square", 1, 1))
	w.post(deadNumber("square", 2, -1))
	got := call{settings: app.Settings{Registry: w.registry()}, args: strings.Fields("dlq drop square --all")}.do(t)
	if got.stdout != "1 dead letter dropped\n" || len(w.letters) != 1 {
		t.Errorf("got %s%s and %d letters, want 1 of 2 dropped", got.stdout, got.stderr, len(w.letters))
	}
}

// [I3] An edit arrives in the source of its task as another generation, and is known by what it says from then on.
func TestEditedDeadLetterIsSentToTheSourceOfItsTask(t *testing.T) {
	in(t, warehouseConfig)
	w := filled()
	settings := app.Settings{Registry: w.registry()}
	write(t, "fixed.json", `{"number": 6}`)
	before := slices.Clone(w.letters)
	for _, want := range []string{
		"1 dead letter requeued: 0 in their store, 1 to the source of their task\n", "0 dead letters requeued\n",
	} {
		got := call{settings: settings, args: strings.Fields("dlq retry square L1 --payload-file fixed.json")}.do(t)
		if got.stdout != want {
			t.Fatalf("code %d, %s%s, want %s", got.code, got.stdout, got.stderr, want)
		}
		tx := w.shelf("numbers").in[capability.StateReady][0]
		if string(tx.Payload().([]byte)) != `{"number": 6}` || tx.ID() != "number:17" || tx.Generation() != 1 || tx.Arrival() == "" {
			t.Errorf("got %s of generation %d, arrival %q", tx.ID(), tx.Generation(), tx.Arrival())
		}
		write(t, "fixed.json", `{"number": 8}`)
		w.letters = slices.Clone(before) // as after a crash before it was dropped, and with another idea
	}
	if n := len(w.shelf("numbers").in[capability.StateReady]); n != 1 || len(w.letters) != len(before) {
		t.Errorf("got %d transactions and %d letters, want 1 and all letters", n, len(w.letters))
	}
}

// [I3] A retry that was cut short before the letter was dropped is not another arrival; the letter goes.
func TestRetryThatIsRepeatedArrivesOnce(t *testing.T) {
	in(t, warehouseConfig)
	w := filled()
	before := slices.Clone(w.letters)
	for range 2 {
		w.letters = slices.Clone(before)
		got := call{settings: app.Settings{Registry: w.registry()}, args: strings.Fields("dlq retry square L1 L4")}.do(t)
		if got.code != 0 || len(w.letters) != 2 {
			t.Fatalf("code %d, %s%s, %d letters left, want 2", got.code, got.stdout, got.stderr, len(w.letters))
		}
	}
	if n := len(w.shelf("numbers").in[capability.StateReady]); n != 2 {
		t.Errorf("got %d transactions, want each once", n)
	}
}
