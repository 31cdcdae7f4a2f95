package describe

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/ergon-go/ergon/app/internal/capabilities"
	"github.com/ergon-go/ergon/app/internal/table"
)

// configuredConnector is a connector of a task as it is configured.
type configuredConnector struct {
	Task string `json:"task"`
	Name string `json:"name"`
	Type string `json:"type"`

	Can      []string                `json:"can"`
	Declares capabilities.Properties `json:"declares"`
}

// configured makes every connector of the configuration, without opening it, and asks for its declaration. It returns those that
// can be made, and the faults of the others.
func (d *Commands) configured() ([]configuredConnector, error) {
	c, err := d.Configs.Load()
	if err != nil {
		return nil, err
	}
	all := []configuredConnector{}
	var faults []error
	for _, task := range c.Tasks {
		for _, name := range slices.Sorted(maps.Keys(task.Connectors)) {
			one := task.Connectors[name]
			made, err := one.New()
			if err != nil {
				faults = append(faults, err) // it names the place
				continue
			}
			can, declares, err := capabilities.DeclaredBy(made)
			if err != nil {
				faults = append(faults, fmt.Errorf("connector %s/%s (%s): %w", task.Name, name, one.Type, err))
				continue
			}
			all = append(all, configuredConnector{task.Name, name, one.Type, can, declares})
		}
	}
	return all, errors.Join(faults...)
}

func (d *Commands) configuredTable(all []configuredConnector) string {
	rows := [][]table.Cell{d.Out.Heading("CONFIGURED", "TYPE", "CAN", "DECLARES")}
	for _, c := range all {
		rows = append(rows, table.Row(c.Task+"/"+c.Name, c.Type, capabilities.Join(c.Can), c.Declares.String()))
	}
	return table.Format("", rows)
}
