package describe

import (
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/app/internal/capabilities"
	"github.com/ergon-go/ergon/app/internal/command"
	"github.com/ergon-go/ergon/app/internal/configuration"
	"github.com/ergon-go/ergon/app/internal/table"
	"github.com/ergon-go/ergon/app/internal/usage"
)

func (d *Commands) describeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "describe <task>", Short: "Show a task: its connectors, services and policies in force", GroupID: command.GroupLook,
		Args: usage.Arguments("the name of the task"), ValidArgsFunction: d.Configs.CompleteTask,
		RunE: func(_ *cobra.Command, args []string) error { return d.describe(args[0]) },
	}
}

type describedTask struct {
	listedTask

	Connectors []describedConnector `json:"connectors"`
	Services   []describedService   `json:"services"`
	Policy     map[string]any       `json:"policy"`
	Telemetry  map[string]string    `json:"telemetry"` // where each signal goes, in words
}

type describedConnector struct {
	Name         string   `json:"name"`
	Type         string   `json:"type"`
	Capabilities []string `json:"capabilities"`
}

type describedService struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

func (d *Commands) describe(name string) error {
	c, err := d.Configs.Load()
	if err != nil {
		return err
	}
	task, err := c.Task(name)
	if err != nil {
		return err
	}
	described := d.described(c, task)
	described.Telemetry = map[string]string{}
	for _, destination := range d.Telemetry.Config(c).Destinations() {
		described.Telemetry[destination.Signal] = destination.To
	}
	if d.Out.JSON() {
		return d.Out.PrintJSON(described)
	}
	only := *c.Config
	only.Tasks = []ergon.TaskConfig{task}
	shown, err := (&only).ShowTasks()
	if err != nil {
		return err
	}
	policies := table.Format("", [][]table.Cell{d.Out.Heading("IN FORCE")}) + indented(string(shown))
	return d.Out.Print(d.descriptionOf(described) + "\n" + policies)
}

func (d *Commands) described(c configuration.Config, task ergon.TaskConfig) describedTask {
	described := describedTask{
		listedTask: listedTask{task.Name, task.Kind(), c.Description(d.Configs.Registry, task)},
		Connectors: []describedConnector{}, Services: []describedService{},
		Policy: map[string]any{
			"consumer": byKeys(task.Consumer), "producer": byKeys(task.Producer),
			"workers": byKeys(task.Workers), "shutdown": byKeys(task.Shutdown),
		},
	}
	types := d.Configs.Registry.Connectors()
	for _, name := range slices.Sorted(maps.Keys(task.Connectors)) {
		typ := task.Connectors[name].Type
		described.Connectors = append(described.Connectors, describedConnector{name, typ, capabilities.Of(capabilities.TypeNamed(types, typ))})
	}
	for _, name := range slices.Sorted(maps.Keys(task.Services)) {
		described.Services = append(described.Services, describedService{name, task.Services[name].Type})
	}
	return described
}

func (d *Commands) descriptionOf(t describedTask) string {
	text := d.Out.Colors().Bold(t.Name)
	if t.Description != "" {
		text += ": " + t.Description
	}
	connectors := [][]table.Cell{d.Out.Heading("CONNECTOR", "TYPE", "CAN")}
	for _, c := range t.Connectors {
		connectors = append(connectors, table.Row(c.Name, c.Type, capabilities.Join(c.Capabilities)))
	}
	if t.Kind != "" {
		text += "\nkind: " + t.Kind
	}
	text += "\n\n" + table.Format("", connectors)
	services := [][]table.Cell{d.Out.Heading("SERVICE", "TYPE")}
	for _, s := range t.Services {
		services = append(services, table.Row(s.Name, s.Type))
	}
	if len(services) > 1 {
		text += "\n" + table.Format("", services)
	}
	signals := [][]table.Cell{d.Out.Heading("TELEMETRY", "GOES TO")}
	for _, signal := range []string{"traces", "metrics", "logs"} {
		signals = append(signals, table.Row(signal, t.Telemetry[signal]))
	}
	return text + "\n" + table.Format("", signals)
}

func indented(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ") + "\n"
}
