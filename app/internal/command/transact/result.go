package transact

import (
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"unicode/utf8"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/app/internal/output"
	"github.com/ergon-go/ergon/app/internal/table"
	"github.com/ergon-go/ergon/internal/humanize"
	"github.com/ergon-go/ergon/runner"
)

type resultDocument struct {
	Task          string           `json:"task"`
	TransactionID string           `json:"transaction_id"`
	Outcome       string           `json:"outcome"` // succeeded or failed
	Result        json.RawMessage  `json:"result,omitempty"`
	Error         *failureDocument `json:"error,omitempty"`
}

type failureDocument struct {
	Category string `json:"category"`
	Phase    string `json:"phase"`
	Attempts int    `json:"attempts"`
	Message  string `json:"message"`
}

func (t *Commands) printResult(task string, r runner.TransactionResult) error {
	value, unfit := shown(r.Value)
	if unfit != nil {
		t.Out.Messagef("%s: transaction %s succeeded, but its result cannot be written as JSON: %v\n", t.Out.Program, r.Transaction.ID(), unfit)
	}
	switch {
	case t.Out.JSON():
		return t.Out.PrintJSON(resultDocument{Task: task, TransactionID: r.Transaction.ID(), Outcome: "succeeded", Result: value})
	case unfit == nil:
		return t.Out.PrintJSON(value)
	}
	return nil
}

// shown is a value as JSON. Bytes that are JSON stay as they are. The result of a hybrid task is its outbound transactions.
func shown(value any) (json.RawMessage, error) {
	switch v := value.(type) {
	case []byte:
		if json.Valid(v) {
			return v, nil
		}
	case []ergon.Transaction:
		return shownOutbound(v)
	}
	return json.Marshal(value)
}

type outboundDocument struct {
	ID       string            `json:"id"`
	Payload  json.RawMessage   `json:"payload"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

func shownOutbound(outbound []ergon.Transaction) (json.RawMessage, error) {
	documents := make([]outboundDocument, len(outbound))
	for i, tx := range outbound {
		body := tx.Payload()
		if text, ok := body.([]byte); ok && utf8.Valid(text) && !json.Valid(text) {
			body = string(text)
		}
		payload, err := shown(body)
		if err != nil {
			return nil, err
		}
		documents[i] = outboundDocument{ID: tx.ID(), Payload: payload, Metadata: maps.Collect(tx.AllMetadata())}
	}
	return json.Marshal(documents)
}

var errFailed = errors.New("the transaction failed")

// printFailure prints the error of a failed transaction, and other errors of the call. The exit code is 1, whatever the causes
// set.
func (t *Commands) printFailure(task, id string, e *ergon.TransactionError, others []error) error {
	failure := failureDocument{e.Category.String(), string(e.Phase), e.Attempts, e.Err.Error()}
	if t.Out.JSON() {
		if err := t.Out.PrintJSON(resultDocument{Task: task, TransactionID: id, Outcome: "failed", Error: &failure}); err != nil {
			return err
		}
	} else {
		t.Out.Messagef("%s: transaction %s failed\n%s", t.Out.Program, id, table.Format("  ", [][]table.Cell{
			table.Row("task", task), table.Row("category", failure.Category), table.Row("phase", failure.Phase),
			table.Row("attempts", humanize.Count(failure.Attempts)),
			table.Row("message", strings.ReplaceAll(failure.Message, "\n", "\n            ")),
		}))
	}
	for _, other := range others {
		t.Out.ReportError(other)
	}
	return &output.ReportedError{Err: errFailed}
}

// besides are the errors joined in err, except known.
func besides(err, known error) []error {
	if !errors.Is(err, known) {
		return []error{err}
	}
	var others []error
	switch e := err.(type) { //nolint:errorlint // the tree is walked here
	case interface{ Unwrap() []error }:
		if err == known { //nolint:errorlint // itself: what it joins are its causes
			return nil
		}
		for _, part := range e.Unwrap() {
			others = append(others, besides(part, known)...)
		}
	case interface{ Unwrap() error }:
		return besides(e.Unwrap(), known)
	}
	return others
}
