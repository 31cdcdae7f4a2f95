package pairs

import "strings"

// The axes of the matrix, in the order of a row.
const (
	axisSource = iota
	axisSink
	axisLetters
	axisWorkers
	axisIsolation
	axisExecution
	axisMode
	axisKey
	axisScenario
	axisCount
)

// Row is one combination: a value of each axis.
type Row [axisCount]string

// String is the name of the row's test.
func (r Row) String() string { return strings.Join(r[:], "/") }

// Axes returns the values of each axis.
func Axes() [axisCount][]string {
	return [axisCount][]string{
		axisSource:    namesOf(sources()),
		axisSink:      namesOf(sinks()),
		axisLetters:   namesOf(letterStores()),
		axisWorkers:   {"1", "3"},
		axisIsolation: {"goroutine", "process"},
		axisExecution: {"async", "sync"},
		axisMode:      {"continuous", "batch"},
		axisKey:       {"none", "key"},
		axisScenario:  namesOf(scenarios()),
	}
}

// named is a value of an axis that is more than its name.
type named interface{ Name() string }

func namesOf[T named](all []T) []string {
	names := make([]string, len(all))
	for i, one := range all {
		names[i] = one.Name()
	}
	return names
}

// find returns the value with that name; the names of a row come from the axes, so there is one.
func find[T named](all []T, name string) T {
	for _, one := range all {
		if one.Name() == name {
			return one
		}
	}
	panic("no value is called " + name)
}
