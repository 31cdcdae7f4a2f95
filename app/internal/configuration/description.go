package configuration

import (
	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/config"
)

// Description is the registry's description of a configured task. Its name may differ from the one in the registry.
func (c Config) Description(reg *config.Registry, task ergon.TaskConfig) string {
	name := c.Registered(task.Name)
	for _, registered := range reg.Tasks() {
		if registered.Name == name {
			return registered.Description
		}
	}
	return ""
}
