package app

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/runner"
)

const notSettled = `

It goes through the whole lifecycle, with the retries and timeouts of the
configuration. Nothing is taken from the source, and a failed transaction is
not dead-lettered but reported, with exit code 1.`

// transactCommands are the commands that process one transaction.
type transactCommands struct {
	out       *printer
	configs   *loader
	telemetry *telemetrySetup
}

func (t *transactCommands) command() *cobra.Command {
	var flags payloadFlags
	var id string
	c := &cobra.Command{
		Use: "process-transaction <task>", Short: "Run one transaction with a given payload through a task", GroupID: groupRun,
		Long: "Run one transaction with a given payload through a task, and print its result as JSON." + notSettled,
		Args: arguments("the name of a task"), ValidArgsFunction: t.configs.completeTask,
		RunE: func(c *cobra.Command, args []string) error {
			payload, err := flags.read(c, t.out.process.Stdin)
			if err != nil {
				return err
			}
			return t.processOne(c.Context(), args[0], func(ctx context.Context, m *runner.Manager) (runner.Result, error) {
				return m.ProcessTransaction(ctx, args[0], ergon.NewTransaction(id, payload))
			})
		},
	}
	flags.add(c)
	c.Flags().StringVar(&id, "id", "", "`id` of the transaction (default: a new one)")
	return c
}

func (t *transactCommands) commandByID() *cobra.Command {
	return &cobra.Command{
		Use: "process-transaction-by-id <task> <id>", Short: "Run one transaction that the task's source finds by its id", GroupID: groupRun,
		Long: "Run one transaction that the task's source finds by its id through the task, and print its result as JSON." + notSettled,
		Args: arguments("the name of a task", "the id of a transaction"), ValidArgsFunction: t.configs.completeTask,
		RunE: func(c *cobra.Command, args []string) error {
			return t.processOne(c.Context(), args[0], func(ctx context.Context, m *runner.Manager) (runner.Result, error) {
				return m.ProcessTransactionByID(ctx, args[0], args[1])
			})
		},
	}
}

// processOne prints what one transaction comes to.
func (t *transactCommands) processOne(
	ctx context.Context, task string, process func(context.Context, *runner.Manager) (runner.Result, error),
) error {
	c, err := t.configs.load()
	if err != nil {
		return err
	}
	ctx, force, stop := t.out.process.Signals(ctx)
	defer stop()
	observed, err := t.telemetry.start(ctx, aside(t.telemetry.config(c)), t.out.process.Stderr, []string{task})
	if err != nil {
		return err
	}
	defer observed.end(ctx)
	manager, err := c.manager(observed.runnerSettings(force), 0)
	if err != nil {
		return err
	}
	result, err := process(ctx, manager)
	failure, failed := errors.AsType[*ergon.TransactionError](result.Err)
	switch {
	case failed:
		return t.printFailure(task, result.Transaction.ID(), failure, besides(err, failure))
	case result.Outcome == runner.Succeeded:
		return errors.Join(t.printResult(task, result), err)
	default:
		return err
	}
}
