package file_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/file"
	"github.com/ergon-go/ergon/ergontest/connectortest"
)

// recordsOf writes what a file is to hold, each a line of JSON.
func recordsOf(t *testing.T, path string, holds []ergon.Transaction) {
	t.Helper()
	var lines bytes.Buffer
	for _, tx := range holds {
		lines.Write(tx.Payload().([]byte))
		lines.WriteByte('\n')
	}
	if len(holds) == 0 {
		lines.WriteString("\n") // an empty file is refused when it is opened
	}
	write(t, path, lines.String())
}

// Its records are held by a window and its checkpoint by a position: what is acknowledged in order is not delivered again.
func TestSourceKeepsTheRulesOfConnectors(t *testing.T) {
	for name, checkpoint := range map[string]string{"without a checkpoint": "", "with a checkpoint": "x.checkpoint"} {
		t.Run(name, func(t *testing.T) {
			connectortest.Run(t, connectortest.Harness{
				New: func(t *testing.T, holds []ergon.Transaction) connectortest.Store {
					t.Helper()
					dir := t.TempDir()
					recordsOf(t, filepath.Join(dir, "x.jsonl"), holds)
					connect := func() any {
						s := file.SourceSettings{SourceConfig: file.DefaultSourceConfig()}
						s.Dir, s.Path, s.Checkpoint = dir, "x.jsonl", checkpoint
						s.MaxWait = 20 * time.Millisecond
						source, err := file.NewSource(s)
						if err != nil {
							t.Fatal(err)
						}
						return source
					}
					store := connectortest.Store{Connector: connect()}
					if checkpoint != "" {
						store.Another = connect
					}
					return store
				},
				Finite: true, OwnIDs: true, NoMetadata: true, NoReject: true, ReadOnly: true,
			})
		})
	}
}

func TestSinkKeepsTheRulesOfConnectors(t *testing.T) {
	for _, mode := range []file.Mode{file.ModeAppend, file.ModeReplace} {
		t.Run(string(mode), func(t *testing.T) {
			connectortest.Run(t, connectortest.Harness{
				New: func(t *testing.T, _ []ergon.Transaction) connectortest.Store {
					t.Helper()
					path := filepath.Join(t.TempDir(), "x.jsonl")
					s := file.SinkSettings{SinkConfig: file.DefaultSinkConfig()}
					s.Path, s.Mode, s.Envelope = path, mode, true
					sink, err := file.NewSink(s)
					if err != nil {
						t.Fatal(err)
					}
					if mode == file.ModeReplace {
						path += ".partial"
					}
					return connectortest.Store{
						Connector: sink,
						Written:   func() ([]ergon.Transaction, error) { return written(path) },
						Refused:   func() ergon.Transaction { return ergon.NewTransaction("function", func() {}) },
					}
				},
			})
		})
	}
}

// written reads the envelopes that are in a file.
func written(path string) ([]ergon.Transaction, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []ergon.Transaction
	for lines := bufio.NewScanner(bytes.NewReader(content)); lines.Scan(); {
		var envelope struct {
			ID      string          `json:"id"`
			Payload json.RawMessage `json:"payload"`
		}
		if err := json.Unmarshal(lines.Bytes(), &envelope); err != nil {
			return nil, err
		}
		all = append(all, ergon.NewTransaction(envelope.ID, []byte(envelope.Payload)))
	}
	return all, nil
}
