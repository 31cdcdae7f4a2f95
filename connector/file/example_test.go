package file_test

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/file"
	"github.com/ergon-go/ergon/policy"
)

//go:embed testdata/airports.csv
var airports embed.FS

// A loop does this for you: fetch, work, settle, until the source is exhausted.
func ExampleSource() {
	settings := file.SourceSettings{SourceConfig: file.DefaultSourceConfig(), FS: airports}
	settings.Path, settings.Numbers = "testdata/airports.csv", []string{"elevation"}
	source, err := file.NewSource(settings)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	defer source.Close(ctx)
	if err := source.Open(ctx); err != nil {
		fmt.Println(err)
		return
	}
	for {
		batch, err := source.FetchTransactions(ctx, 100)
		if errors.Is(err, ergon.ErrExhausted) {
			return
		}
		var done []capability.Settlement
		for _, tx := range batch {
			fmt.Printf("%s\n%s\n", tx.ID(), tx.Payload())
			done = append(done, capability.Settlement{Transaction: tx, Action: policy.SettleAck})
		}
		if err := errors.Join(err, source.SettleTransactions(ctx, done)); err != nil {
			fmt.Println(err)
			return
		}
	}
	// Output:
	// airports.csv@f48e878b635fe67a:2-87dd6bebdccc39a6
	// {"code":"CDG","name":"Paris, Charles de Gaulle","elevation":119,"open":"true","note":"\"Roissy\""}
	// airports.csv@f48e878b635fe67a:3-84feeae322907d5c
	// {"code":"LEJ","name":"Leipzig/Halle","elevation":143,"open":"true","note":"first line\nsecond line"}
	// airports.csv@f48e878b635fe67a:5-ba8eb46fc2af0c85
	// {"code":"DEN","name":"Denver","elevation":1656,"open":"","note":""}
	// airports.csv@f48e878b635fe67a:6-917a5117f98568ab
	// {"code":"ATL","name":"Atlanta","elevation":null,"open":"false","note":"busy"}
}

// The file appears, or is replaced, when Finish says that the work came to its end.
func ExampleSink() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	settings := file.SinkSettings{SinkConfig: file.DefaultSinkConfig()}
	settings.Dir, settings.Path, settings.Mode, settings.Envelope = dir, "tickets.jsonl", file.ModeReplace, true
	sink, err := file.NewSink(settings)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	err = errors.Join(
		sink.Open(ctx),
		sink.DispatchTransactions(ctx, []ergon.Transaction{ergon.NewTransaction("airports.csv:2", map[string]string{"severity": "major"})}),
		sink.Finish(ctx),
		sink.Close(ctx),
	)
	written, reading := os.ReadFile(filepath.Join(dir, "tickets.jsonl"))
	fmt.Print(string(written), errors.Join(err, reading))
	// Output:
	// {"id":"airports.csv:2","payload":{"severity":"major"}}
	// <nil>
}
