package app

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// completeTask completes the name of one task; where there is no configuration, or a wrong one, nothing.
func (l *loader) completeTask(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return l.completeTasks(nil, args, "")
}

// completeTasks completes the names of tasks that are not written yet.
func (l *loader) completeTasks(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	c, err := l.load()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []cobra.Completion
	for _, t := range c.Tasks {
		if !slices.Contains(args, t.Name) {
			names = append(names, cobra.CompletionWithDesc(t.Name, c.description(l.registry, t)))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completePlace completes the name of a task and, where it is followed by a slash, that of one of its connectors.
func (l *loader) completePlace(c *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	task, _, exact := strings.Cut(begun, "/")
	if !exact || len(args) > 0 {
		return l.completeTask(c, args, begun)
	}
	loaded, err := l.load()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	found, err := loaded.task(task)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return placesIn(found), cobra.ShellCompDirectiveNoFileComp
}
