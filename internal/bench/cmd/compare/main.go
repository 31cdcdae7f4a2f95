// Command compare measures the engine beside its peers, by turns and in one process, and prints the tables of
// docs/performance.md. What it prints depends on the machine and on what else runs on it; ratios less so.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err == nil {
		return
	}
	_, _ = os.Stderr.WriteString("compare: " + err.Error() + "\n") // where else could one say that this fails
	code := 1
	if errors.Is(err, errUsage) {
		code = 2
	}
	os.Exit(code) //nolint:forbidigo // the end of the program
}

var errUsage = errors.New("wrong usage")

// settings are how much is measured.
type settings struct {
	rounds int
	length time.Duration
	chosen []section
	help   string
}

func run(ctx context.Context, args []string, out io.Writer) error {
	s, err := parse(args)
	if err != nil {
		return err
	}
	text := s.help
	if text == "" {
		text = fmt.Sprintf("%s, %s/%s, GOMAXPROCS %d, rounds: %d, each measurement: %s\n",
			runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), s.rounds, s.length)
	}
	if _, err := io.WriteString(out, text); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	for _, section := range s.chosen {
		rows, err := section.measure(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", section.name, err)
		}
		if _, err := fmt.Fprintf(out, "\n%s (%s)\n\n%s", section.title, section.name, rows); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	return nil
}

func parse(args []string) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("compare", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.IntVar(&s.rounds, "rounds", 7, "how often each contestant is measured")
	flags.DurationVar(&s.length, "length", 300*time.Millisecond, "about how long one measurement takes")
	only := flags.String("only", "", "regular expression: measure what is named like this only, of "+strings.Join(names(), ", "))
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		var help strings.Builder
		flags.SetOutput(&help)
		flags.PrintDefaults()
		s.help = help.String()
		return s, nil
	case err != nil:
		return s, fmt.Errorf("%w: %w; see -h", errUsage, err)
	case flags.NArg() > 0:
		return s, fmt.Errorf("%w: unexpected argument %q; see -h", errUsage, flags.Arg(0))
	case s.rounds < 1 || s.length <= 0:
		return s, fmt.Errorf("%w: -rounds must be 1 at least, -length longer than nothing", errUsage)
	}
	like, err := regexp.Compile(*only)
	if err != nil {
		return s, fmt.Errorf("%w: -only: %w", errUsage, err)
	}
	for _, section := range sections() {
		if like.MatchString(section.name) {
			s.chosen = append(s.chosen, section)
		}
	}
	if len(s.chosen) == 0 {
		return s, fmt.Errorf("%w: -only: nothing is named like %q; there are %s", errUsage, like, strings.Join(names(), ", "))
	}
	return s, nil
}

func names() []string {
	var all []string
	for _, section := range sections() {
		all = append(all, section.name)
	}
	return all
}
