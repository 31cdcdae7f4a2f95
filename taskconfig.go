package ergon

import "github.com/ergon-go/ergon/policy"

// TaskConfig has everything that is needed to run a task. Package config makes it from YAML. In Go, make it with [NewTaskConfig]
// and change it.
type TaskConfig struct {
	// Name is the task's name in spans, metrics, logs and on the command line.
	Name string
	// Identity replaces the names of the task and of its source in the ids of the task's outputs; see [TaskConfig.OutputIdentity].
	// Default "": these names.
	Identity string
	// New makes the task. A run calls it once per worker, after the connectors and services of that worker were opened. If a worker
	// of a streaming task starts again, it makes everything again. [TaskConfig.Kind] calls New with nothing connected, and drops
	// the result.
	New func(*Dependencies) Task
	// Connectors and Services are by name. Every worker makes its own.
	Connectors map[string]Component
	Services   map[string]Component
	// Consumer is the policy of the consuming loop.
	Consumer policy.Consumer
	// Producer is the policy of everything that is produced, by a producing loop or by a hybrid task.
	Producer policy.Producer
	// Workers says how many workers run the task, and whether each has its own process.
	Workers policy.Workers
	// Shutdown says how long a stop waits for transactions in progress.
	Shutdown policy.Shutdown
}

// Component makes a connector or a service.
type Component struct {
	// Type is its name in configuration. It is only shown to people.
	Type string
	// New makes one. It must not do I/O: an [Opener] is opened later.
	New func() (any, error)
}

// NewTaskConfig returns a configuration with default policies and nothing connected.
func NewTaskConfig(name string, task func(*Dependencies) Task) TaskConfig {
	return TaskConfig{
		Name:       name,
		New:        task,
		Connectors: map[string]Component{},
		Services:   map[string]Component{},
		Consumer:   policy.DefaultConsumer(),
		Producer:   policy.DefaultProducer(),
		Workers:    policy.DefaultWorkers(),
		Shutdown:   policy.DefaultShutdown(),
	}
}
