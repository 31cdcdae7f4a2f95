package app

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/app/internal/process"
	"github.com/ergon-go/ergon/config"
)

// Execute is one call of the command line.
func Execute(ctx context.Context, s Settings, p process.Process) int { return execute(ctx, s, p) }

// CommandsThatTakeTasks are the commands that complete the names of tasks.
func CommandsThatTakeTasks() []string {
	reg := config.NewRegistry()
	root, err := newProgram(Settings{Registry: reg, Name: "p"}.withDefaults(), process.This()).root()
	if err != nil {
		return []string{err.Error()}
	}
	var names []string
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if c.ValidArgsFunction != nil && c.Name() != "help" && c.Parent().Name() != "completion" {
			names = append(names, strings.TrimPrefix(c.CommandPath(), "p "))
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(root)
	return names
}
