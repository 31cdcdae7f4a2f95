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

// enqueueFlags are what is put into a queue.
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
		Short: "Put transactions into the source of a task, or another connector",
		Long: `Put transactions into the source of a task, or another of its connectors; the task may be running meanwhile, or not.

A file holds JSON Lines: each line is the payload of a transaction of its own. With --envelope each line is an object with
a payload and, where wanted, an id and metadata, as dlq export writes them: {"id": "7", "metadata": {"k": "v"}, "payload": {}}.
A file is checked before anything of it is enqueued; standard input is enqueued as it comes. A line of dlq export is another
arrival of its transaction, and may have been edited. What the connector knows already is counted apart.`,
		Args: usage.Arguments("a task, or task/connector,"), ValidArgsFunction: e.Configs.CompletePlace,
		RunE: func(c *cobra.Command, args []string) error { return e.enqueue(c, args[0], given) },
	}
	c.Flags().StringVar(&given.json, "payload-json", "", "payload of one transaction, as `JSON`")
	c.Flags().StringVar(&given.file, "file", "", "`file` of JSON Lines; - is standard input")
	c.Flags().BoolVar(&given.envelope, "envelope", false, "each line is an object with id, metadata and payload")
	c.Flags().StringVar(&given.id, "id", "", "`id` of the one transaction (default: a new one); a queue may take one of each id only")
	c.Flags().StringArrayVar(&given.metadata, "metadata", nil, "metadata of each transaction, `key=value`; may be given several times")
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

// check reports what contradicts itself, and returns the metadata.
func (f *enqueueFlags) check(c *cobra.Command) (map[string]string, error) {
	inline, file := c.Flags().Changed("payload-json"), c.Flags().Changed("file")
	switch {
	case inline && file:
		return nil, usage.Errorf("there are two payloads; give either --payload-json or --file")
	case !inline && !file:
		return nil, usage.Errorf("what to enqueue is missing; give it by --payload-json or --file")
	case file && f.file == "":
		return nil, usage.Errorf("--file is empty; name a file, or - for standard input")
	case file && f.id != "":
		return nil, usage.Errorf("--id is for one transaction; those of a file have theirs in their lines, with --envelope")
	case inline && f.envelope:
		return nil, usage.Errorf("--envelope is for the lines of a --file; one transaction has --id and --metadata")
	case inline:
		if err := flags.ValidJSON(f.json); err != nil {
			return nil, err
		}
	}
	metadata := map[string]string{}
	for _, pair := range f.metadata {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, usage.Errorf("--metadata %q is no key=value", pair)
		}
		metadata[key] = value
	}
	return metadata, nil
}

// withMetadata adds what tx does not have.
func withMetadata(tx ergon.Transaction, metadata map[string]string) ergon.Transaction {
	for key, value := range metadata {
		if _, ok := tx.Metadata(key); !ok {
			tx = tx.WithMetadata(key, value)
		}
	}
	return tx
}

// printEnqueued tells what became of n transactions, and the id where there is only one.
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

// maxConflicts is how many conflicts are told one by one.
const maxConflicts = 10

func (e *Command) tellConflicts(all []ergon.Transaction) {
	for i, tx := range all {
		if i == maxConflicts {
			e.Out.Messagef("%s: and %s more\n", e.Out.Program, humanize.Count(len(all)-i))
			return
		}
		e.Out.Messagef("%s: transaction %s is known with other content: the first one stands, this one was not enqueued\n",
			e.Out.Program, tx.ID())
	}
}
