package configuration

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// CompleteTask completes the name of one task. Without a valid configuration it completes nothing.
func (l *Loader) CompleteTask(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return l.CompleteTasks(nil, args, "")
}

// CompleteTasks completes the names of tasks that are not among the arguments yet.
func (l *Loader) CompleteTasks(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	c, err := l.Load()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []cobra.Completion
	for _, t := range c.Tasks {
		if !slices.Contains(args, t.Name) {
			names = append(names, cobra.CompletionWithDesc(t.Name, c.Description(l.Registry, t)))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// CompletePlace completes the name of a task and, where it is followed by a slash, that of one of its connectors.
func (l *Loader) CompletePlace(c *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	task, _, exact := strings.Cut(begun, "/")
	if !exact || len(args) > 0 {
		return l.CompleteTask(c, args, begun)
	}
	loaded, err := l.Load()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	found, err := loaded.Task(task)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return RefsIn(found), cobra.ShellCompDirectiveNoFileComp
}
