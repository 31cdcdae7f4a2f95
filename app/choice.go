package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ergon-go/ergon/internal/suggest"
)

// choice is the value of a flag that is one of a few words.
type choice struct {
	value string
	from  []string
}

var _ pflag.Value = (*choice)(nil)

// oneOf is a choice from words, with its default.
func oneOf(byDefault string, words ...string) choice { return choice{value: byDefault, from: words} }

func (c *choice) String() string { return c.value }

// Type is what help calls the value.
func (c *choice) Type() string { return strings.Join(c.from, "|") }

func (c *choice) Set(value string) error {
	if !slices.Contains(c.from, value) {
		meant := suggest.One(value, c.from)
		if meant != "" {
			meant = fmt.Sprintf("; did you mean %q?", meant)
		}
		return errors.New("must be " + listed(c.from, "or") + meant)
	}
	c.value = value
	return nil
}

func (c *choice) complete(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return c.from, cobra.ShellCompDirectiveNoFileComp
}
