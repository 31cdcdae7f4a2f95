package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/internal/humanize"
)

// maxPayloadBytes is against mistakes: a file that was not meant.
const maxPayloadBytes = 64 << 20

// payloadFlags are where a command gets a payload from.
type payloadFlags struct{ json, file string }

func (f *payloadFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.json, "payload-json", "", "payload, as `JSON`")
	c.Flags().StringVar(&f.file, "payload-file", "", "`file` that holds the payload; - is standard input")
}

// read reads the payload that the flags give. Messages do not show it.
func (f *payloadFlags) read(c *cobra.Command, stdin io.Reader) ([]byte, error) {
	switch inline, file := c.Flags().Changed("payload-json"), c.Flags().Changed("payload-file"); {
	case inline && file:
		return nil, usagef("there are two payloads; give either --payload-json or --payload-file")
	case inline:
		return []byte(f.json), validJSON(f.json)
	case file:
		payload, err := readPayload(f.file, stdin)
		if err != nil {
			return nil, &usageError{err: fmt.Errorf("--payload-file: %w", err)}
		}
		return payload, nil
	}
	return nil, usagef("the payload is missing; give it by --payload-json or --payload-file")
}

// givenIn reports whether a payload is given.
func (*payloadFlags) givenIn(c *cobra.Command) bool {
	return c.Flags().Changed("payload-json") || c.Flags().Changed("payload-file")
}

func validJSON(text string) error {
	var ignored any
	err := json.Unmarshal([]byte(text), &ignored)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return usagef("--payload-json is not JSON: %w, at byte %d of %d; mind the shell's quotes", err, syntax.Offset, len(text))
	}
	if err != nil {
		return usagef("--payload-json is not JSON: %w", err)
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
	payload, err := io.ReadAll(io.LimitReader(r, maxPayloadBytes+1))
	if err == nil && len(payload) > maxPayloadBytes {
		err = fmt.Errorf("it is larger than %s bytes", humanize.Count(maxPayloadBytes))
	}
	return payload, err
}
