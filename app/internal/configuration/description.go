package configuration

import (
	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/config"
)

// Description is what the registry says about a configured task, whose name may be another than the one it is registered
// under.
func (c Config) Description(reg *config.Registry, task ergon.TaskConfig) string {
	name := c.Registered(task.Name)
	for _, registered := range reg.Tasks() {
		if registered.Name == name {
			return registered.Description
		}
	}
	return ""
}
