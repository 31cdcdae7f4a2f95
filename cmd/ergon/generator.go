package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/policy"
)

// number is what stands for the number of a transaction in its payload.
const number = "{n}"

// GeneratorConfig is the configuration of a generator of test transactions.
type GeneratorConfig struct {
	// Count is how many there are. Default 10.
	Count int64 `yaml:"count"`
	// Payload is the payload of each; {n} in it stands for its number, from 0 on. Default {"number": {n}}.
	Payload string `yaml:"payload"`
	// Name is the first part of each id, name@seed:number; at most 64 printable characters. Two generators with the same name
	// and seed make the same ids. Default: task/connector, the names of where it belongs.
	Name string `yaml:"name"`
	// Seed is the second part of each id: with another seed the same transactions are new ones. Default 0.
	Seed uint64 `yaml:"seed"`
}

// maxName leaves room for what is added to an id.
const maxName = 64

// DefaultGeneratorConfig returns the configuration of a generator of ten transactions.
func DefaultGeneratorConfig() GeneratorConfig {
	return GeneratorConfig{Count: 10, Payload: `{"number": ` + number + `}`}
}

// Validate reports every fault of c.
func (c GeneratorConfig) Validate() error {
	var faults []error
	if c.Count < 1 {
		faults = append(faults, &policy.Fault{Path: "count", Problem: fmt.Sprintf("is %d, must be at least 1", c.Count)})
	}
	unprintable := func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }
	if n := utf8.RuneCountInString(c.Name); n > maxName || strings.ContainsFunc(c.Name, unprintable) {
		faults = append(faults, &policy.Fault{
			Path: "name", Problem: fmt.Sprintf("is %q, must be at most %d printable characters, such as orders", c.Name, maxName),
		})
	}
	return errors.Join(faults...)
}

func newGenerator(c GeneratorConfig) (*memory.Generator, error) {
	return memory.NewGenerator(c.Count, func(i int64) any {
		return []byte(strings.ReplaceAll(c.Payload, number, strconv.FormatInt(i, 10)))
	}).Named(c.Name, c.Seed), nil
}
