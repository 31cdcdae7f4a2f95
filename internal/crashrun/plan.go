package crashrun

import (
	"github.com/ergon-go/ergon/connector/sqlite"
)

// Plan is how much harm is done.
type Plan struct {
	// Seed decides when. The same seed makes the same decisions, though the machine does not meet them at the same point.
	Seed uint64
	// Items go through the pipeline in the phase of kills, where there are at least so many Kills.
	Items, Kills int
	// Drains is how often the pipeline is asked to end.
	Drains int
	// Deaths is the number of processes that each failpoint kills.
	Deaths int
	// Durability is that of the files.
	Durability sqlite.Durability
}

// Full is the plan of make crash.
func Full() Plan {
	return Plan{Items: 100_000, Kills: 100, Drains: 200, Deaths: 2, Durability: sqlite.DurabilityFull}
}

// Short is a plan for every day.
func Short() Plan {
	return Plan{Items: 2_000, Kills: 10, Drains: 10, Deaths: 1, Durability: sqlite.DurabilityNormal}
}

// Phases are all kinds of harm.
func Phases() []Phase { return []Phase{Kills(), Failpoints(), Drains(), Poison()} }
