package ergon

import "github.com/ergon-go/ergon/policy"

// TaskConfig is everything that is needed to run a task. Package config makes it from YAML; in Go it is written with
// [NewTaskConfig] and changed from there.
type TaskConfig struct {
	// Name is the task's name in spans, metrics, logs and on the command line.
	Name string
	// Identity stands in ids of the task's outputs for its name and that of its source; see [TaskConfig.OutputIdentity].
	// "" (default): these names themselves.
	Identity string
	// New makes the task. A run calls it once per worker, after that worker's connectors and services were opened; a worker of a
	// streaming task that starts again makes everything anew. [TaskConfig.Kind] calls it with nothing connected, and drops what it
	// makes.
	New func(*Dependencies) Task
	// Connectors and Services are made anew for every worker, by name.
	Connectors map[string]Component
	Services   map[string]Component
	// Consumer is the policy of the consuming loop.
	Consumer policy.Consumer
	// Producer is the policy of what is produced: by a producing loop, or by a hybrid task.
	Producer policy.Producer
	// Workers is how many workers run the task.
	Workers policy.Workers
	// Shutdown is how a stop goes.
	Shutdown policy.Shutdown
}

// Component is a connector or service that can be made.
type Component struct {
	// Type is what it is called in configuration, for people to read.
	Type string
	// New makes one; it is opened afterwards, where it is an Opener. It must not do I/O.
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
