package app

import (
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon"
)

func (p *program) describeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "describe <task>", Short: "Describe a task: its connectors, its services and the policy in force", GroupID: groupLook,
		Args: arguments("the name of a task"), ValidArgsFunction: p.completeTask,
		RunE: func(_ *cobra.Command, args []string) error { return p.describe(args[0]) },
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

func (p *program) describe(name string) error {
	c, err := p.load()
	if err != nil {
		return err
	}
	task, err := c.task(name)
	if err != nil {
		return err
	}
	described := p.described(c, task)
	described.Telemetry = map[string]string{}
	for _, d := range c.telemetry(p.options).Destinations() {
		described.Telemetry[d.Signal] = d.To
	}
	if p.json() {
		return p.printJSON(described)
	}
	only := *c.Config
	only.Tasks = []ergon.TaskConfig{task}
	shown, err := (&only).ShowTasks()
	if err != nil {
		return err
	}
	return p.print(p.descriptionOf(described) + "\n" + table("", [][]cell{p.heading("IN FORCE")}) + indented(string(shown)))
}

func (p *program) described(c configuration, task ergon.TaskConfig) describedTask {
	d := describedTask{
		listedTask: listedTask{task.Name, task.Kind(), c.description(p.settings.Registry, task)},
		Connectors: []describedConnector{}, Services: []describedService{},
		Policy: map[string]any{
			"consumer": byKeys(task.Consumer), "producer": byKeys(task.Producer),
			"workers": byKeys(task.Workers), "shutdown": byKeys(task.Shutdown),
		},
	}
	types := p.settings.Registry.Connectors()
	for _, name := range slices.Sorted(maps.Keys(task.Connectors)) {
		typ := task.Connectors[name].Type
		d.Connectors = append(d.Connectors, describedConnector{name, typ, capabilities(typeNamed(types, typ))})
	}
	for _, name := range slices.Sorted(maps.Keys(task.Services)) {
		d.Services = append(d.Services, describedService{name, task.Services[name].Type})
	}
	return d
}

func (p *program) descriptionOf(d describedTask) string {
	text := p.colorsFor(p.process.Stdout).bold(d.Name)
	if d.Description != "" {
		text += ": " + d.Description
	}
	connectors := [][]cell{p.heading("CONNECTOR", "TYPE", "CAN")}
	for _, c := range d.Connectors {
		connectors = append(connectors, cells(c.Name, c.Type, sentence(c.Capabilities)))
	}
	if d.Kind != "" {
		text += "\nkind: " + d.Kind
	}
	text += "\n\n" + table("", connectors)
	services := [][]cell{p.heading("SERVICE", "TYPE")}
	for _, s := range d.Services {
		services = append(services, cells(s.Name, s.Type))
	}
	if len(services) > 1 {
		text += "\n" + table("", services)
	}
	signals := [][]cell{p.heading("TELEMETRY", "GOES TO")}
	for _, signal := range []string{"traces", "metrics", "logs"} {
		signals = append(signals, cells(signal, d.Telemetry[signal]))
	}
	return text + "\n" + table("", signals)
}

func indented(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ") + "\n"
}
