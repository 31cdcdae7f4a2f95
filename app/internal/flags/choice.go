// Package flags has the values of flags that several commands share.
package flags

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ergon-go/ergon/app/internal/text"
	"github.com/ergon-go/ergon/internal/suggest"
)

// Choice is the value of a flag that must be one of a few words.
type Choice struct {
	Value string
	from  []string
}

var _ pflag.Value = (*Choice)(nil)

// OneOf is a choice from words, with its default.
func OneOf(byDefault string, words ...string) Choice { return Choice{Value: byDefault, from: words} }

func (c *Choice) String() string { return c.Value }

// Type is the name of the value in the help.
func (c *Choice) Type() string { return strings.Join(c.from, "|") }

// Set refuses a value that is not one of the words.
func (c *Choice) Set(value string) error {
	if !slices.Contains(c.from, value) {
		meant := suggest.One(value, c.from)
		if meant != "" {
			meant = fmt.Sprintf("; did you mean %q?", meant)
		}
		return errors.New("must be " + text.List(c.from, "or") + meant)
	}
	c.Value = value
	return nil
}

// Complete completes the words.
func (c *Choice) Complete(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return c.from, cobra.ShellCompDirectiveNoFileComp
}
