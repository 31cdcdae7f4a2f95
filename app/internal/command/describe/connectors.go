package describe

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/app/internal/capabilities"
	"github.com/ergon-go/ergon/app/internal/command"
	"github.com/ergon-go/ergon/app/internal/table"
	"github.com/ergon-go/ergon/app/internal/usage"
)

func (d *Commands) connectorsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "connectors", Short: "List connectors and services: what they can do, and what they declare", GroupID: command.GroupLook,
		Args: usage.Arguments(),
		RunE: func(*cobra.Command, []string) error { return d.connectors() },
	}
}

type listedType struct {
	Type         string   `json:"type"`
	Capabilities []string `json:"capabilities,omitempty"`
	Description  string   `json:"description"`
}

func (d *Commands) connectors() error {
	connectors, services := []listedType{}, []listedType{}
	first := [][]table.Cell{d.Out.Heading("CONNECTOR", "CAN", "DESCRIPTION")}
	for _, t := range d.Configs.Registry.Connectors() {
		connectors = append(connectors, listedType{t.Name, capabilities.Of(t), t.Description})
		first = append(first, table.Row(t.Name, capabilities.Join(capabilities.Of(t)), t.Description))
	}
	second := [][]table.Cell{d.Out.Heading("SERVICE", "DESCRIPTION")}
	for _, t := range d.Configs.Registry.Services() {
		services = append(services, listedType{Type: t.Name, Description: t.Description})
		second = append(second, table.Row(t.Name, t.Description))
	}
	var configured []configuredConnector
	var fault error
	if d.Configs.Exists() {
		configured, fault = d.configured()
	}
	if d.Out.JSON() {
		document := map[string]any{"connectors": connectors, "services": services}
		if configured != nil {
			document["configured"] = configured
		}
		return errors.Join(fault, d.Out.PrintJSON(document))
	}
	text := table.Format("", first)
	if len(services) > 0 {
		text += "\n" + table.Format("", second)
	}
	if len(configured) > 0 {
		text += "\n" + d.configuredTable(configured)
	}
	return errors.Join(fault, d.Out.Print(text))
}
