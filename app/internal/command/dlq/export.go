package dlq

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/app/internal/deadletters"
	"github.com/ergon-go/ergon/app/internal/output"
	"github.com/ergon-go/ergon/app/internal/selection"
	"github.com/ergon-go/ergon/app/internal/session"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/internal/humanize"
)

func (d *Command) exportCommand() *cobra.Command {
	var flags selection.Flags
	var path string
	c := &cobra.Command{
		Use: "export [task|task/connector]", Short: "Write dead letters as JSON Lines, with payloads",
		Long: "Write dead letters as JSON Lines, with payloads, latest first. " + d.Out.Program +
			" enqueue --envelope reads them." + storeHelp,
		Args: cobra.ArbitraryArgs, ValidArgsFunction: d.Configs.CompletePlace,
		RunE: func(c *cobra.Command, args []string) error {
			return d.inStore(c, args, &flags, noMore,
				func(ctx context.Context, _ *session.Session, _ selection.Scope, store deadletter.Store, filter deadletter.Filter) error {
					return d.export(ctx, store, filter, path)
				})
		},
	}
	flags.Add(d.Configs, c)
	c.Flags().StringVar(&path, "file", "-", "`file` to write; it is replaced when the export is complete; - is standard output")
	_ = c.MarkFlagFilename("file")
	return c
}

func (d *Command) export(ctx context.Context, store deadletter.Store, filter deadletter.Filter, path string) error {
	if path == "-" {
		_, err := writeLines(ctx, d.Out.Process.Stdout, store, filter)
		return output.Error("export to", err)
	}
	n, err := exportTo(ctx, path, store, filter)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	if d.Out.JSON() {
		return d.Out.PrintJSON(map[string]any{"exported": n, "file": path})
	}
	return d.Out.Print(fmt.Sprintf("%s exported to %s\n", humanize.Plural(n, "dead letter"), path))
}

// exportTo writes a temporary file beside path and renames it when it is complete.
func exportTo(ctx context.Context, path string, store deadletter.Store, filter deadletter.Filter) (int, error) {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.partial")
	if err != nil {
		return 0, err
	}
	n, err := writeLines(ctx, file, store, filter)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return n, errors.Join(err, os.Remove(file.Name()))
	}
	return n, nil
}

// writeLines writes a line for each dead letter. One page is in memory at a time.
func writeLines(ctx context.Context, w io.Writer, store deadletter.Store, filter deadletter.Filter) (n int, err error) {
	buffered := bufio.NewWriter(w)
	encoder := json.NewEncoder(buffered)
	encoder.SetEscapeHTML(false)
	pages := &deadletters.Pages{Store: store, Filter: filter}
	for letters, err := range pages.All(ctx) {
		if err != nil {
			return n, err
		}
		for i := range letters {
			line, err := deadletters.EnvelopeOf(letters[i])
			if err == nil {
				err = encoder.Encode(line)
			}
			if err != nil {
				return n, err
			}
			n++
		}
	}
	return n, buffered.Flush()
}
