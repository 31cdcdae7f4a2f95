package app

import (
	"github.com/spf13/cobra"
)

func (d *describeCommands) connectorsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "connectors", Short: "List the types of connectors and services, and what they can do", GroupID: groupLook,
		Args: arguments(),
		RunE: func(*cobra.Command, []string) error { return d.connectors() },
	}
}

type listedType struct {
	Type         string   `json:"type"`
	Capabilities []string `json:"capabilities,omitempty"`
	Description  string   `json:"description"`
}

func (d *describeCommands) connectors() error {
	connectors, services := []listedType{}, []listedType{}
	first := [][]cell{d.out.heading("CONNECTOR", "CAN", "DESCRIPTION")}
	for _, t := range d.configs.registry.Connectors() {
		connectors = append(connectors, listedType{t.Name, capabilities(t), t.Description})
		first = append(first, cells(t.Name, sentence(capabilities(t)), t.Description))
	}
	second := [][]cell{d.out.heading("SERVICE", "DESCRIPTION")}
	for _, t := range d.configs.registry.Services() {
		services = append(services, listedType{Type: t.Name, Description: t.Description})
		second = append(second, cells(t.Name, t.Description))
	}
	if d.out.json() {
		return d.out.printJSON(map[string]any{"connectors": connectors, "services": services})
	}
	text := table("", first)
	if len(services) > 0 {
		text += "\n" + table("", second)
	}
	return d.out.print(text)
}
