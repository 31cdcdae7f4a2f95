package app

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/humanize"
)

// enqueueFlags are what is put into a queue.
type enqueueFlags struct {
	json, file, id string
	envelope       bool
	metadata       []string
}

// enqueueCommands are the command enqueue.
type enqueueCommands struct {
	out      *printer
	configs  *loader
	sessions *sessions
}

func (e *enqueueCommands) command() *cobra.Command {
	var flags enqueueFlags
	c := &cobra.Command{
		Use: "enqueue <task|task/connector>", Short: "Put transactions into the source of a task, or another connector", GroupID: groupQueue,
		Long: `Put transactions into the source of a task, or another of its connectors; the task may be running meanwhile, or not.

A file holds JSON Lines: each line is the payload of a transaction of its own. With --envelope each line is an object with
a payload and, where wanted, an id and metadata, as dlq export writes them: {"id": "7", "metadata": {"k": "v"}, "payload": {}}.
A file is checked before anything of it is enqueued; standard input is enqueued as it comes. A line of dlq export is another
arrival of its transaction, and may have been edited. What the connector knows already is counted apart.`,
		Args: arguments("a task, or task/connector,"), ValidArgsFunction: e.configs.completePlace,
		RunE: func(c *cobra.Command, args []string) error { return e.enqueue(c, args[0], flags) },
	}
	c.Flags().StringVar(&flags.json, "payload-json", "", "payload of one transaction, as `JSON`")
	c.Flags().StringVar(&flags.file, "file", "", "`file` of JSON Lines; - is standard input")
	c.Flags().BoolVar(&flags.envelope, "envelope", false, "each line is an object with id, metadata and payload")
	c.Flags().StringVar(&flags.id, "id", "", "`id` of the one transaction (default: a new one); a queue may take one of each id only")
	c.Flags().StringArrayVar(&flags.metadata, "metadata", nil, "metadata of each transaction, `key=value`; may be given several times")
	_ = c.MarkFlagFilename("file")
	return c
}

func (e *enqueueCommands) enqueue(c *cobra.Command, name string, flags enqueueFlags) error {
	metadata, err := flags.check(c)
	if err != nil {
		return err
	}
	return e.sessions.run(c.Context(), func(ctx context.Context, s *session) error {
		at, err := s.config.at(name, source)
		if err != nil {
			return err
		}
		if err := s.takesWork(at); err != nil {
			return err
		}
		if flags.file != "" {
			return e.enqueueFile(ctx, s, at, flags, metadata)
		}
		tx := withMetadata(ergon.NewTransaction(flags.id, []byte(flags.json)), metadata)
		var heard tally
		if err := within(ctx, s, at, func(ctx context.Context, to ergon.Dispatcher) error {
			return to.DispatchTransactions(heard.listen(ctx), []ergon.Transaction{tx})
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
		return nil, usagef("there are two payloads; give either --payload-json or --file")
	case !inline && !file:
		return nil, usagef("what to enqueue is missing; give it by --payload-json or --file")
	case file && f.file == "":
		return nil, usagef("--file is empty; name a file, or - for standard input")
	case file && f.id != "":
		return nil, usagef("--id is for one transaction; those of a file have theirs in their lines, with --envelope")
	case inline && f.envelope:
		return nil, usagef("--envelope is for the lines of a --file; one transaction has --id and --metadata")
	case inline:
		if err := validJSON(f.json); err != nil {
			return nil, err
		}
	}
	metadata := map[string]string{}
	for _, pair := range f.metadata {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, usagef("--metadata %q is no key=value", pair)
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
func (e *enqueueCommands) printEnqueued(at place, n int, heard *tally, id string) error {
	e.tellConflicts(heard.conflict)
	n -= heard.known + len(heard.conflict)
	if e.out.json() {
		document := map[string]any{
			"connector": at.String(), "enqueued": n, "known": heard.known, "conflicts": len(heard.conflict),
		}
		if id != "" {
			document["id"] = id
		}
		return e.out.printJSON(document)
	}
	text := heard.enqueued(n) + " in " + at.String()
	if id != "" {
		text += ": " + id
	}
	return e.out.print(text + "\n")
}

// maxConflicts is how many conflicts are told one by one.
const maxConflicts = 10

func (e *enqueueCommands) tellConflicts(all []ergon.Transaction) {
	for i, tx := range all {
		if i == maxConflicts {
			e.out.messagef("%s: and %s more\n", e.out.program, humanize.Count(len(all)-i))
			return
		}
		e.out.messagef("%s: transaction %s is known with other content: the first one stands, this one was not enqueued\n",
			e.out.program, tx.ID())
	}
}
