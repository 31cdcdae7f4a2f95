// Package output writes what a command prints: results to standard output, as text or as JSON, and messages to standard
// error.
package output

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/ergon-go/ergon/app/internal/flags"
	"github.com/ergon-go/ergon/app/internal/process"
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/internal/humanize"
)

// Formats of standard output.
const (
	FormatText = "text"
	FormatJSON = "json"
)

// Printer writes a command's result to standard output and its messages to standard error.
type Printer struct {
	Program string // its name, for messages
	Process process.Process
	Format  flags.Choice // --output
	NoColor bool         // --no-color
}

// New makes a printer for the program of that name.
func New(program string, of process.Process) *Printer {
	return &Printer{Program: program, Process: of, Format: flags.OneOf(FormatText, FormatText, FormatJSON)}
}

// JSON reports whether standard output is one JSON document.
func (p *Printer) JSON() bool { return p.Format.Value == FormatJSON }

// Print writes text to standard output at once.
func (p *Printer) Print(text string) error {
	_, err := io.WriteString(p.Process.Stdout, text)
	return Error("write to", err)
}

// PrintJSON writes an indented document.
func (p *Printer) PrintJSON(document any) error {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(document); err != nil {
		return fmt.Errorf("write as JSON: %w", err)
	}
	return p.Print(text.String())
}

// Error is the error of writing to standard output; did says what was done. A closed pipe, as head leaves behind, is not
// reported: the user closed it.
func Error(did string, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%s standard output: %w", did, err)
	if errors.Is(err, syscall.EPIPE) {
		return &ReportedError{Err: err}
	}
	return err
}

// Messagef writes to standard error. Nobody could be told if that fails.
func (p *Printer) Messagef(format string, args ...any) {
	_, _ = fmt.Fprintf(p.Process.Stderr, format, args...)
}

// ReportError writes an error to standard error. Each fault of a configuration gets a line of its own, which editors can find.
func (p *Printer) ReportError(err error) {
	if faults, ok := errors.AsType[config.Faults](err); ok {
		p.Messagef("%v\n%s: the configuration has %s\n", faults, p.Program, humanize.Plural(len(faults), "fault"))
		return
	}
	p.Messagef("%s: %v\n", p.Program, err)
}

// ReportedError is an error that the user has read already. It still sets the exit code.
type ReportedError struct{ Err error }

func (e *ReportedError) Error() string { return e.Err.Error() }
func (e *ReportedError) Unwrap() error { return e.Err }
