// Package transact is the commands process-transaction and process-transaction-by-id.
package transact

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/app/internal/command"
	"github.com/ergon-go/ergon/app/internal/configuration"
	"github.com/ergon-go/ergon/app/internal/flags"
	"github.com/ergon-go/ergon/app/internal/instrument"
	"github.com/ergon-go/ergon/app/internal/output"
	"github.com/ergon-go/ergon/app/internal/usage"
	"github.com/ergon-go/ergon/runner"
)

const notSettled = `

It goes through the whole lifecycle, with the retries and timeouts of the
configuration. Nothing is fetched from the source. If the transaction fails,
it is not dead-lettered; the error is printed and the exit code is 1.`

// Commands are the commands that process one transaction.
type Commands struct {
	Out       *output.Printer
	Configs   *configuration.Loader
	Telemetry *instrument.Setup
}

// ByPayload is the command process-transaction.
func (t *Commands) ByPayload() *cobra.Command {
	var payload flags.PayloadFlags
	var id string
	c := &cobra.Command{
		Use: "process-transaction <task>", Short: "Run one transaction with a given payload through a task", GroupID: command.GroupRun,
		Long: "Run one transaction with a given payload through a task, and print its result as JSON." + notSettled,
		Args: usage.Arguments("the name of a task"), ValidArgsFunction: t.Configs.CompleteTask,
		RunE: func(c *cobra.Command, args []string) error {
			data, err := payload.Read(c, t.Out.Process.Stdin)
			if err != nil {
				return err
			}
			return t.processOne(c.Context(), args[0], func(ctx context.Context, m *runner.Manager) (runner.TransactionResult, error) {
				return m.ProcessTransaction(ctx, args[0], ergon.NewTransaction(id, data))
			})
		},
	}
	payload.Add(c)
	c.Flags().StringVar(&id, "id", "", "`id` of the transaction (default: a new one)")
	return c
}

// ByID is the command process-transaction-by-id.
func (t *Commands) ByID() *cobra.Command {
	return &cobra.Command{
		Use: "process-transaction-by-id <task> <id>", GroupID: command.GroupRun,
		Short: "Run one transaction that the source of a task finds by its id",
		Long:  "Run one transaction, which the source of the task finds by its id, and print its result as JSON." + notSettled,
		Args:  usage.Arguments("the name of a task", "the id of a transaction"), ValidArgsFunction: t.Configs.CompleteTask,
		RunE: func(c *cobra.Command, args []string) error {
			return t.processOne(c.Context(), args[0], func(ctx context.Context, m *runner.Manager) (runner.TransactionResult, error) {
				return m.ProcessTransactionByID(ctx, args[0], args[1])
			})
		},
	}
}

// processOne processes one transaction and prints its result.
func (t *Commands) processOne(
	ctx context.Context, task string, process func(context.Context, *runner.Manager) (runner.TransactionResult, error),
) error {
	c, err := t.Configs.Load()
	if err != nil {
		return err
	}
	ctx, force, stop := t.Out.Process.Signals(ctx)
	defer stop()
	observed, err := t.Telemetry.Start(ctx, instrument.BesideProgram(t.Telemetry.Config(c)), t.Out.Process.Stderr, []string{task})
	if err != nil {
		return err
	}
	defer observed.End(ctx)
	manager, err := c.Manager(observed.RunnerSettings(force), 0)
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
