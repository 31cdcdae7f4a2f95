package app

import (
	"reflect"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/config"
)

// description is what the registry says about a configured task, whose name may be another than the one it is registered
// under: its constructor tells which it is. It is "" where two registered tasks share the code of their constructor and
// neither has the task's name.
func description(reg *config.Registry, task ergon.TaskConfig) string {
	var same []config.RegisteredTask
	for _, registered := range reg.Tasks() {
		if reflect.ValueOf(registered.New).Pointer() != reflect.ValueOf(task.New).Pointer() {
			continue
		}
		if registered.Name == task.Name {
			return registered.Description
		}
		same = append(same, registered)
	}
	if len(same) != 1 {
		return ""
	}
	return same[0].Description
}
