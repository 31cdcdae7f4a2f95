package app

import (
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon"
)

func (d *describeCommands) describeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "describe <task>", Short: "Describe a task: its connectors, its services and the policy in force", GroupID: groupLook,
		Args: arguments("the name of a task"), ValidArgsFunction: d.configs.completeTask,
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

func (d *describeCommands) describe(name string) error {
	c, err := d.configs.load()
	if err != nil {
		return err
	}
	task, err := c.task(name)
	if err != nil {
		return err
	}
	described := d.described(c, task)
	described.Telemetry = map[string]string{}
	for _, destination := range d.telemetry.config(c).Destinations() {
		described.Telemetry[destination.Signal] = destination.To
	}
	if d.out.json() {
		return d.out.printJSON(described)
	}
	only := *c.Config
	only.Tasks = []ergon.TaskConfig{task}
	shown, err := (&only).ShowTasks()
	if err != nil {
		return err
	}
	return d.out.print(d.descriptionOf(described) + "\n" + table("", [][]cell{d.out.heading("IN FORCE")}) + indented(string(shown)))
}

func (d *describeCommands) described(c configuration, task ergon.TaskConfig) describedTask {
	described := describedTask{
		listedTask: listedTask{task.Name, task.Kind(), c.description(d.configs.registry, task)},
		Connectors: []describedConnector{}, Services: []describedService{},
		Policy: map[string]any{
			"consumer": byKeys(task.Consumer), "producer": byKeys(task.Producer),
			"workers": byKeys(task.Workers), "shutdown": byKeys(task.Shutdown),
		},
	}
	types := d.configs.registry.Connectors()
	for _, name := range slices.Sorted(maps.Keys(task.Connectors)) {
		typ := task.Connectors[name].Type
		described.Connectors = append(described.Connectors, describedConnector{name, typ, capabilities(typeNamed(types, typ))})
	}
	for _, name := range slices.Sorted(maps.Keys(task.Services)) {
		described.Services = append(described.Services, describedService{name, task.Services[name].Type})
	}
	return described
}

func (d *describeCommands) descriptionOf(t describedTask) string {
	text := d.out.colors().bold(t.Name)
	if t.Description != "" {
		text += ": " + t.Description
	}
	connectors := [][]cell{d.out.heading("CONNECTOR", "TYPE", "CAN")}
	for _, c := range t.Connectors {
		connectors = append(connectors, cells(c.Name, c.Type, sentence(c.Capabilities)))
	}
	if t.Kind != "" {
		text += "\nkind: " + t.Kind
	}
	text += "\n\n" + table("", connectors)
	services := [][]cell{d.out.heading("SERVICE", "TYPE")}
	for _, s := range t.Services {
		services = append(services, cells(s.Name, s.Type))
	}
	if len(services) > 1 {
		text += "\n" + table("", services)
	}
	signals := [][]cell{d.out.heading("TELEMETRY", "GOES TO")}
	for _, signal := range []string{"traces", "metrics", "logs"} {
		signals = append(signals, cells(signal, t.Telemetry[signal]))
	}
	return text + "\n" + table("", signals)
}

func indented(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ") + "\n"
}
