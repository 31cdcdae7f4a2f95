// Package enqueue is the command enqueue.
package enqueue

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/app/internal/command"
	"github.com/ergon-go/ergon/app/internal/configuration"
	"github.com/ergon-go/ergon/app/internal/dispatched"
	"github.com/ergon-go/ergon/app/internal/flags"
	"github.com/ergon-go/ergon/app/internal/output"
	"github.com/ergon-go/ergon/app/internal/session"
	"github.com/ergon-go/ergon/app/internal/usage"
	"github.com/ergon-go/ergon/internal/foreign"
	"github.com/ergon-go/ergon/internal/humanize"
)

// enqueueFlags are the flags.
type enqueueFlags struct {
	json, file, id string
	envelope       bool
	metadata       []string
}

// Command are the command enqueue.
type Command struct {
	Out      *output.Printer
	Configs  *configuration.Loader
	Sessions *session.Opener
}

// Cobra is the command.
func (e *Command) Cobra() *cobra.Command {
	var given enqueueFlags
	c := &cobra.Command{
		Use: "enqueue <task|task/connector>", GroupID: command.GroupQueue,
		Short: "Enqueue transactions in the source of a task or in another connector",
		Long: `Enqueue transactions in the source of a task or in another of its connectors. The task may run at the same time.

A file holds JSON Lines: each line is the payload of one transaction. With --envelope each line is an object with a payload
and, optionally, an id and metadata, as dlq export writes them: {"id": "7", "metadata": {"k": "v"}, "payload": {}}.
A file is checked completely before its first line is enqueued; standard input is enqueued line by line. A line of dlq export
is a new delivery of its transaction; you may edit it first. Duplicates are counted separately.`,
		Args: usage.Arguments("the task or task/connector"), ValidArgsFunction: e.Configs.CompletePlace,
		RunE: func(c *cobra.Command, args []string) error { return e.enqueue(c, args[0], given) },
	}
	c.Flags().StringVar(&given.json, "payload-json", "", "payload of one transaction, as `JSON`")
	c.Flags().StringVar(&given.file, "file", "", "`file` of JSON Lines; - is standard input")
	c.Flags().BoolVar(&given.envelope, "envelope", false, "each line is an object with id, metadata and payload")
	c.Flags().StringVar(&given.id, "id", "", "`id` of the one transaction (default: a new one); queues may ignore an id that they know")
	c.Flags().StringArrayVar(&given.metadata, "metadata", nil, "metadata of each transaction, `key=value`; repeatable")
	_ = c.MarkFlagFilename("file")
	return c
}

func (e *Command) enqueue(c *cobra.Command, name string, given enqueueFlags) error {
	metadata, err := given.check(c)
	if err != nil {
		return err
	}
	return e.Sessions.Run(c.Context(), func(ctx context.Context, s *session.Session) error {
		at, err := s.Config.Find(name, configuration.Source)
		if err != nil {
			return err
		}
		if err := s.TakesWork(at); err != nil {
			return err
		}
		if given.file != "" {
			return e.enqueueFile(ctx, s, at, given, metadata)
		}
		tx := withMetadata(ergon.NewTransaction(given.id, []byte(given.json)), metadata)
		var heard dispatched.Report
		if err := session.With(ctx, s, at, func(ctx context.Context, to ergon.Dispatcher) error {
			return foreign.CheckBatch(to.DispatchTransactions(heard.Listen(ctx), []ergon.Transaction{tx}), 1)
		}); err != nil {
			if failed, ok := errors.AsType[*ergon.BatchError](err); ok && failed.Failures[0] != nil {
				err = failed.Failures[0]
			}
			return fmt.Errorf("enqueue transaction %s in %s: %w", tx.ID(), at, err)
		}
		return e.printEnqueued(at, 1, &heard, tx.ID())
	})
}

// check refuses contradictory flags and returns the metadata.
func (f *enqueueFlags) check(c *cobra.Command) (map[string]string, error) {
	inline, file := c.Flags().Changed("payload-json"), c.Flags().Changed("file")
	switch {
	case inline && file:
		return nil, usage.Errorf("two payloads; use either --payload-json or --file")
	case !inline && !file:
		return nil, usage.Errorf("the payload is missing; use --payload-json or --file")
	case file && f.file == "":
		return nil, usage.Errorf("--file is empty; give the path of a file, or - for standard input")
	case file && f.id != "":
		return nil, usage.Errorf("--id is for one transaction; a file has ids in its lines, with --envelope")
	case inline && f.envelope:
		return nil, usage.Errorf("--envelope is for --file; for one transaction use --id and --metadata")
	case inline:
		if err := flags.ValidJSON(f.json); err != nil {
			return nil, err
		}
	}
	metadata := map[string]string{}
	for _, pair := range f.metadata {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, usage.Errorf("--metadata is %q, must be key=value", pair)
		}
		metadata[key] = value
	}
	return metadata, nil
}

// withMetadata adds the keys that tx does not have.
func withMetadata(tx ergon.Transaction, metadata map[string]string) ergon.Transaction {
	for key, value := range metadata {
		if _, ok := tx.Metadata(key); !ok {
			tx = tx.WithMetadata(key, value)
		}
	}
	return tx
}

// printEnqueued prints the result for n transactions, with the id if there is only one.
func (e *Command) printEnqueued(at configuration.ConnectorRef, n int, heard *dispatched.Report, id string) error {
	e.tellConflicts(heard.Conflicts)
	n -= heard.Duplicates + len(heard.Conflicts)
	if e.Out.JSON() {
		document := map[string]any{
			"connector": at.String(), "enqueued": n, "known": heard.Duplicates, "conflicts": len(heard.Conflicts),
		}
		if id != "" {
			document["id"] = id
		}
		return e.Out.PrintJSON(document)
	}
	text := heard.Enqueued(n) + " in " + at.String()
	if id != "" {
		text += ": " + id
	}
	return e.Out.Print(text + "\n")
}

// maxConflicts is how many conflicts are printed one by one.
const maxConflicts = 10

func (e *Command) tellConflicts(all []ergon.Transaction) {
	for i, tx := range all {
		if i == maxConflicts {
			e.Out.Messagef("%s: and %s more\n", e.Out.Program, humanize.Count(len(all)-i))
			return
		}
		e.Out.Messagef("%s: transaction %s has the id of another transaction with other content: it was not enqueued\n",
			e.Out.Program, tx.ID())
	}
}
