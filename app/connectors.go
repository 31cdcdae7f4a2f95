package app

import (
	"github.com/spf13/cobra"
)

func (p *program) connectorsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "connectors", Short: "List the types of connectors and services, and what they can do", GroupID: groupLook,
		Args: arguments(),
		RunE: func(*cobra.Command, []string) error { return p.connectors() },
	}
}

type listedType struct {
	Type         string   `json:"type"`
	Capabilities []string `json:"capabilities,omitempty"`
	Description  string   `json:"description"`
}

func (p *program) connectors() error {
	connectors, services := []listedType{}, []listedType{}
	first := [][]cell{p.heading("CONNECTOR", "CAN", "DESCRIPTION")}
	for _, t := range p.settings.Registry.Connectors() {
		connectors = append(connectors, listedType{t.Name, capabilities(t), t.Description})
		first = append(first, cells(t.Name, sentence(capabilities(t)), t.Description))
	}
	second := [][]cell{p.heading("SERVICE", "DESCRIPTION")}
	for _, t := range p.settings.Registry.Services() {
		services = append(services, listedType{Type: t.Name, Description: t.Description})
		second = append(second, cells(t.Name, t.Description))
	}
	if p.json() {
		return p.printJSON(map[string]any{"connectors": connectors, "services": services})
	}
	text := table("", first)
	if len(services) > 0 {
		text += "\n" + table("", second)
	}
	return p.print(text)
}
