// Command crash kills a pipeline again and again and then counts what came out of it; see package crashrun. Build it with the
// tag failpoints.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"time"

	"github.com/ergon-go/ergon/connector/sqlite"
	"github.com/ergon-go/ergon/internal/crashrun"
)

func main() {
	code, victim := crashrun.Victim()
	if !victim {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		err := run(ctx, os.Args[1:], os.Stdout)
		stop()
		if err != nil {
			_, _ = os.Stderr.WriteString("internal/crashrun: " + err.Error() + "\n") // where else could one say that this fails
			code = 1
		}
	}
	os.Exit(code) //nolint:forbidigo // the end of the program
}

func run(ctx context.Context, args []string, out io.Writer) error {
	plan := crashrun.Full()
	plan.Seed = uint64(time.Now().UnixNano())
	flags := flag.NewFlagSet("internal/crashrun", flag.ContinueOnError)
	flags.Uint64Var(&plan.Seed, "seed", plan.Seed, "decides the moments; random by default")
	flags.IntVar(&plan.Items, "items", plan.Items, "transactions in the phase of kills")
	flags.IntVar(&plan.Kills, "kills", plan.Kills, "kills at least")
	flags.IntVar(&plan.Drains, "drains", plan.Drains, "drains")
	flags.IntVar(&plan.Deaths, "deaths", plan.Deaths, "deaths at each failpoint")
	durability := flags.String("durability", string(plan.Durability), "of the files: full or normal")
	only := flags.String("only", "", "regular expression: the phases that are run, of kills, failpoints, drains, poison")
	folder := flags.String("folder", "", "an empty one, for the files; unless it is given a temporary one")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return fmt.Errorf("%w; see -h", err)
	}
	plan.Durability = sqlite.Durability(*durability)
	like, err := regexp.Compile(*only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	if *folder == "" {
		if *folder, err = os.MkdirTemp("", "ergon-crash-"); err != nil {
			return fmt.Errorf("make a folder: %w", err)
		}
	}
	if _, err := fmt.Fprintf(out, "seed %d\n", plan.Seed); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return runAll(ctx, plan, like, *folder, out)
}

// runAll runs the phases one after the other, all of them whatever fails, and keeps the files of those that fail.
func runAll(ctx context.Context, plan crashrun.Plan, like *regexp.Regexp, folder string, out io.Writer) error {
	var errs []error
	for _, phase := range crashrun.Phases() {
		if !like.MatchString(phase.Name) {
			continue
		}
		place := filepath.Join(folder, phase.Name)
		if err := os.Mkdir(place, 0o700); err != nil {
			return fmt.Errorf("make a folder: %w", err)
		}
		err := phase.Run(ctx, plan, place, out)
		if err == nil {
			err = os.RemoveAll(place)
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return os.Remove(folder)
}
