package flags

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/app/internal/usage"
	"github.com/ergon-go/ergon/internal/humanize"
)

// MaxPayloadBytes guards against the wrong file.
const MaxPayloadBytes = 64 << 20

// PayloadFlags are the flags for a payload.
type PayloadFlags struct{ json, file string }

// Add adds the flags.
func (f *PayloadFlags) Add(c *cobra.Command) {
	c.Flags().StringVar(&f.json, "payload-json", "", "payload as `JSON`")
	c.Flags().StringVar(&f.file, "payload-file", "", "`file` with the payload; - is standard input")
}

// Read reads the payload that the flags give. Messages do not show it.
func (f *PayloadFlags) Read(c *cobra.Command, stdin io.Reader) ([]byte, error) {
	switch inline, file := c.Flags().Changed("payload-json"), c.Flags().Changed("payload-file"); {
	case inline && file:
		return nil, usage.Errorf("two payloads; use either --payload-json or --payload-file")
	case inline:
		return []byte(f.json), ValidJSON(f.json)
	case file:
		payload, err := readPayload(f.file, stdin)
		if err != nil {
			return nil, &usage.Error{Err: fmt.Errorf("--payload-file: %w", err)}
		}
		return payload, nil
	}
	return nil, usage.Errorf("the payload is missing; use --payload-json or --payload-file")
}

// GivenIn reports whether a payload is given.
func (*PayloadFlags) GivenIn(c *cobra.Command) bool {
	return c.Flags().Changed("payload-json") || c.Flags().Changed("payload-file")
}

// ValidJSON checks the value of --payload-json. The error does not show it.
func ValidJSON(text string) error {
	var ignored any
	err := json.Unmarshal([]byte(text), &ignored)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return usage.Errorf("--payload-json is not JSON: %w, at byte %d of %d; check the quotes of the shell", err, syntax.Offset, len(text))
	}
	if err != nil {
		return usage.Errorf("--payload-json is not JSON: %w", err)
	}
	return nil
}

func readPayload(path string, stdin io.Reader) ([]byte, error) {
	if path == "-" {
		return limited(stdin)
	}
	file, err := os.Open(path) //nolint:gosec // the user says which
	if err != nil {
		return nil, err
	}
	payload, err := limited(file)
	return payload, errors.Join(err, file.Close())
}

func limited(r io.Reader) ([]byte, error) {
	payload, err := io.ReadAll(io.LimitReader(r, MaxPayloadBytes+1))
	if err == nil && len(payload) > MaxPayloadBytes {
		err = fmt.Errorf("it is larger than %s bytes", humanize.Count(MaxPayloadBytes))
	}
	return payload, err
}
