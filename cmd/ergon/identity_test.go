package main_test

import (
	"os"
	"strings"
	"testing"
)

// triage fails for what is broken, and keeps everything in one file. It processes one transaction after the other, so
// that the keys of its dead letters are in the order of their ids.
const triage = `
tasks:
  triage:
    task: exec
    settings: {argv: [sh, -c, 'if grep -q broken; then exit 65; fi; echo "\"first opinion\""']}
    connectors:
      input: {type: queue, path: triage.db, queue: strikes, retain_settled: 24h}
      output: {type: queue, path: triage.db, queue: triaged}
      dead_letters: {type: dead-letters, path: triage.db}
    consumer: {loop: {concurrency: {value: 1}}}
`

// sandboxWithLetters has the dead letters 1, 2 and 3, and one transaction that succeeded.
func sandboxWithLetters(t *testing.T) sandbox {
	t.Helper()
	s := newSandbox(t, "triage", triage)
	s.sh(0, `for id in a b c; do triage enqueue triage --id $id --payload-json "\"broken $id\""; done
		triage enqueue triage --id d --payload-json '"sound"'
		triage run`)
	return s
}

// Every recipe of the page is run, each on letters of its own.
func TestRecipesForDeadLettersWork(t *testing.T) {
	page, err := os.ReadFile("../../docs/dead-letters.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(page), "```sh\n")[1:]
	if len(blocks) < 3 {
		t.Fatalf("the page has %d recipes, want some", len(blocks))
	}
	for _, block := range blocks {
		recipe, _, _ := strings.Cut(block, "```")
		t.Run(strings.TrimSpace(strings.Split(recipe, "\n")[0]), func(t *testing.T) { sandboxWithLetters(t).sh(0, recipe) })
	}
}

// [I3] A letter that is edited arrives, within the dedup window too, and is done.
func TestEditedDeadLetterIsDone(t *testing.T) {
	s := sandboxWithLetters(t)
	s.write("fixed.json", `"sound now"`)
	s.want(`triage dlq retry triage 1 --payload-file fixed.json`, "1 dead letter requeued")
	s.want(`triage queue peek triage --payload`, `"sound now"`)
	s.want(`triage run`, "fetched", "succeeded")
	s.want(`triage queue stats triage/output`, "2 ")
	s.want(`triage dlq ls --output json`, `"id": "b"`)
	if said := s.sh(0, `triage dlq ls --output json`); strings.Contains(said, `"id": "a"`) {
		t.Errorf("its letter is still there: %s", said)
	}
}

// [I3] So is what was exported, edited elsewhere and enqueued; done twice it arrives once.
func TestExportedAndEditedDeadLettersAreDone(t *testing.T) {
	s := sandboxWithLetters(t)
	s.sh(0, `triage dlq export triage --file letters.jsonl; sed 's/"broken/"sound/' letters.jsonl > fixed.jsonl`)
	s.want(`triage enqueue triage --envelope --file fixed.jsonl`, "3 transactions enqueued")
	s.want(`triage enqueue triage --envelope --file fixed.jsonl`, "0 enqueued, 3 known already")
	s.sh(0, `triage dlq drop triage --all --yes; triage run`)
	s.want(`triage queue stats triage/output`, "4 ")
	s.want(`triage enqueue triage --id a --payload-json '"broken a"'`, "0 enqueued, 1 known already")
	s.want(`triage enqueue triage --id a --payload-json '"something else"'`, "0 enqueued, 1 conflict")
}

// [I3] [B3] What comes out of a replay is new, although the ids of before are known.
func TestReplayAfterACorrectionHasItsNewResult(t *testing.T) {
	s := sandboxWithLetters(t)
	s.write("ergon.yaml", strings.Replace(triage, "first opinion", "second opinion", 1))
	s.sh(0, `triage replay triage --settled d; triage run`)
	s.want(`triage queue peek triage/output --payload`, `"first opinion"`, `"second opinion"`)
}

// [I3] A retry in the other store of its task: the file is not that of the queue.
func TestDeadLettersOfAnotherStoreAreSentBackOnce(t *testing.T) {
	s := newSandbox(t, "triage", strings.Replace(triage, "dead-letters, path: triage.db", "dead-letters, path: letters.db", 1))
	s.sh(0, `triage enqueue triage --id a --payload-json '"broken"'; triage run; cp letters.db kept.db`)
	s.want(`triage dlq retry triage --all`, "0 in their store, 1 to the source of their task")
	s.sh(0, `rm letters.db*; cp kept.db letters.db`) // as after a crash before the letter was dropped
	s.want(`triage dlq retry triage --all`, "0 in their store, 1 to the source of their task")
	s.want(`triage queue stats triage --output json`, `"ready": 1`)
	s.sh(0, `rm letters.db*; cp kept.db letters.db`)
	s.sh(1, `triage dlq retry triage 1 --payload-json '"sound"'`) // that arrival is there with other content
	s.want(`triage dlq ls triage --output json`, `"id": "a"`)
}
