package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/internal/humanize"
)

// Formats of standard output.
const (
	formatText = "text"
	formatJSON = "json"
)

// printer writes a command's result to standard output and its messages to standard error.
type printer struct {
	program string // its name, for messages
	process process
	format  choice // --output
	noColor bool   // --no-color
}

func newPrinter(program string, of process) *printer {
	return &printer{program: program, process: of, format: oneOf(formatText, formatText, formatJSON)}
}

// json reports whether standard output is one JSON document.
func (p *printer) json() bool { return p.format.value == formatJSON }

// print writes text to standard output at once.
func (p *printer) print(text string) error {
	_, err := io.WriteString(p.process.Stdout, text)
	return outputError("write to", err)
}

// printJSON writes an indented document.
func (p *printer) printJSON(document any) error {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(document); err != nil {
		return fmt.Errorf("write as JSON: %w", err)
	}
	return p.print(text.String())
}

// outputError is the error of writing to standard output; did says what was done. A closed pipe, as head leaves behind, is not
// reported: the user closed it.
func outputError(did string, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%s standard output: %w", did, err)
	if errors.Is(err, syscall.EPIPE) {
		return &reportedError{err: err}
	}
	return err
}

// messagef writes to standard error. Nobody could be told if that fails.
func (p *printer) messagef(format string, args ...any) {
	_, _ = fmt.Fprintf(p.process.Stderr, format, args...)
}

// reportError writes an error to standard error. Each fault of a configuration gets a line of its own, which editors can find.
func (p *printer) reportError(err error) {
	if faults, ok := errors.AsType[config.Faults](err); ok {
		p.messagef("%v\n%s: the configuration has %s\n", faults, p.program, humanize.Plural(len(faults), "fault"))
		return
	}
	p.messagef("%s: %v\n", p.program, err)
}

// reportedError is an error that the user has read already. It still sets the exit code.
type reportedError struct{ err error }

func (e *reportedError) Error() string { return e.err.Error() }
func (e *reportedError) Unwrap() error { return e.err }
