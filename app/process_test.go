package app_test

import (
	"os"
	"strings"
	"testing"
)

// [E5] [E4] One transaction, given or found by its id: its result on standard output, or why it failed, with code 1.
func TestOneTransactionIsProcessed(t *testing.T) {
	for name, c := range map[string]struct {
		args, stdin string
		code        int
	}{
		"result":          {args: `process-transaction square --id one --payload-json {"number":12}`},
		"result-json":     {args: `process-transaction square --id one --payload-json {"number":12} --output json`},
		"file":            {args: `process-transaction square --id one --payload-file payload.json`},
		"stdin":           {args: `process-transaction square --id one --payload-file -`, stdin: `{"number":5}`},
		"by-id":           {args: `process-transaction-by-id square number:9`},
		"failed":          {args: `process-transaction square --id one --payload-json {"number":17}`, code: 1},
		"failed-json":     {args: `process-transaction square --id one --payload-json {"number":17} --output json`, code: 1},
		"failed-decode":   {args: `process-transaction square --id one --payload-json {"number":"x"}`, code: 1},
		"failed-by-id":    {args: `process-transaction-by-id square number:7`, code: 1},
		"not-found":       {args: `process-transaction-by-id square number:99`, code: 1},
		"unknown-task":    {args: `process-transaction sqare --payload-json {}`, code: 2},
		"no-payload":      {args: `process-transaction square`, code: 2},
		"two-payloads":    {args: `process-transaction square --payload-json {} --payload-file payload.json`, code: 2},
		"not-json":        {args: `process-transaction square --payload-json {"number":secret}`, code: 2},
		"empty-json":      {args: `process-transaction square --payload-json=`, code: 2},
		"no-file":         {args: `process-transaction square --payload-file no-such.json`, code: 2},
		"folder":          {args: `process-transaction square --payload-file .`, code: 2},
		"missing-task":    {args: `process-transaction`, code: 2},
		"missing-id":      {args: `process-transaction-by-id square`, code: 2},
		"file-no-json":    {args: `process-transaction square --id one --payload-file ergon.yaml`, code: 1},
		"unknown-by-id":   {args: `process-transaction-by-id sqare number:1`, code: 2},
		"too-many-by-id":  {args: `process-transaction-by-id square number:1 number:2`, code: 2},
		"no-config-by-id": {args: `process-transaction-by-id square number:1 --config no.yaml`, code: 2},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, twoTasks)
			write(t, "payload.json", `{"number":3}`)
			words := strings.Fields(c.args)
			got := call{args: append(words, "--log-level", "error"), stdin: c.stdin}.do(t)
			if got.code != c.code {
				t.Errorf("code %d, want %d", got.code, c.code)
			}
			if strings.Contains(got.stderr, "secret") {
				t.Errorf("the payload was shown: %s", got.stderr)
			}
			golden(t, "process-"+name+".txt", got.script(words))
		})
	}
}

func TestTransactionWithoutAnIDGetsOne(t *testing.T) {
	in(t, twoTasks)
	got := call{args: strings.Fields(`process-transaction square --payload-json {"number":2} --output json`)}.do(t)
	if !strings.Contains(got.stdout, `"transaction_id": "0`) {
		t.Errorf("no id in %s%s", got.stdout, got.stderr)
	}
}

func TestPayloadThatCannotBeReadIsReported(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may read everything")
	}
	in(t, twoTasks)
	write(t, "payload.json", `{}`)
	if err := os.Chmod("payload.json", 0); err != nil {
		t.Fatal(err)
	}
	got := call{args: strings.Fields(`process-transaction square --payload-file payload.json`)}.do(t)
	if got.code != 2 || !strings.Contains(got.stderr, "permission denied") {
		t.Errorf("code %d, stderr %q", got.code, got.stderr)
	}
}

func TestPayloadThatIsFarTooLargeIsRefused(t *testing.T) {
	in(t, twoTasks)
	write(t, "payload.json", "{}")
	if err := os.Truncate("payload.json", 64<<20+1); err != nil {
		t.Fatal(err)
	}
	got := call{args: strings.Fields(`process-transaction square --payload-file payload.json`)}.do(t)
	if got.code != 2 || got.stderr != "reckon: --payload-file: it is larger than 67,108,864 bytes\n" {
		t.Errorf("code %d, stderr %q", got.code, got.stderr)
	}
}
