package app

import (
	"slices"

	"github.com/spf13/cobra"
)

// completeTask completes the name of one task; where there is no configuration, or a wrong one, nothing.
func (p *program) completeTask(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return p.completeTasks(nil, args, "")
}

// completeTasks completes the names of tasks that are not written yet.
func (p *program) completeTasks(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	c, err := p.load()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []cobra.Completion
	for _, t := range c.Tasks {
		if !slices.Contains(args, t.Name) {
			names = append(names, cobra.CompletionWithDesc(t.Name, c.description(p.settings.Registry, t)))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
