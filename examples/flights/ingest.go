package main

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"

	"github.com/ergon-go/ergon"
)

// Ingest puts the records of a file into a queue. It is a producer: PrepareTransaction says where its transactions go, and the
// configuration sets their rate and concurrency.
type Ingest struct {
	Flights ergon.Dispatcher
	Files   fs.FS
}

var _ ergon.ProducerTask[json.RawMessage] = (*Ingest)(nil)

// NewIngest makes the task with the connector "flights" of the configuration.
func NewIngest(d *ergon.Dependencies) ergon.Task {
	return ergon.Produce(&Ingest{Flights: ergon.UseConnector[ergon.Dispatcher](d, "flights"), Files: data})
}

const flightsFile = "data/flights-20k.json.gz"

// Transactions yields the elements of the array in the file, with one in memory at a time. The id is the position in the file. If
// a run is repeated, it produces the same ids, and the queue keeps one transaction for each.
func (i *Ingest) Transactions(context.Context) iter.Seq2[ergon.Transaction, error] {
	return func(yield func(ergon.Transaction, error) bool) {
		file, err := i.Files.Open(flightsFile)
		if err != nil {
			yield(ergon.Transaction{}, err)
			return
		}
		defer file.Close() //nolint:errcheck // it was only read
		n := 0
		for record, err := range elements(file) {
			n++
			if err != nil {
				err = fmt.Errorf("%s: element %d: %w", flightsFile, n, err)
			}
			if !yield(ergon.NewTransaction(fmt.Sprintf("flight-%05d", n), record), err) || err != nil {
				return
			}
		}
	}
}

// elements yields the elements of a compressed array.
func elements(file fs.File) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		text, err := gzip.NewReader(file)
		if err != nil {
			yield(nil, err)
			return
		}
		decoder := json.NewDecoder(text)
		if begin, err := decoder.Token(); err != nil || begin != json.Delim('[') {
			yield(nil, errors.Join(err, errors.New("it does not begin as an array")))
			return
		}
		for decoder.More() {
			var record json.RawMessage
			err := decoder.Decode(&record)
			if !yield(record, err) || err != nil {
				return
			}
		}
		if _, err := decoder.Token(); err != nil {
			yield(nil, err)
		}
	}
}

// PrepareTransaction sends one record. The engine joins concurrent dispatches into batches.
func (i *Ingest) PrepareTransaction(ctx context.Context, flight ergon.TransactionOf[json.RawMessage]) error {
	return i.Flights.DispatchTransactions(ctx, []ergon.Transaction{flight.Transaction})
}
