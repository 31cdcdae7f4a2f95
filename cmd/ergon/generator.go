package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/policy"
)

// number is what stands for the number of a transaction in its payload.
const number = "{n}"

// GeneratorConfig is what a user says about transactions that are made up.
type GeneratorConfig struct {
	// Count is how many there are. Default 10.
	Count int64 `yaml:"count"`
	// Payload is the payload of each; {n} in it stands for its number, from 0 on. Default {"number": {n}}.
	Payload string `yaml:"payload"`
}

// DefaultGeneratorConfig makes up ten.
func DefaultGeneratorConfig() GeneratorConfig {
	return GeneratorConfig{Count: 10, Payload: `{"number": ` + number + `}`}
}

// Validate reports what is wrong with c.
func (c GeneratorConfig) Validate() error {
	if c.Count < 1 {
		return &policy.Fault{Path: "count", Problem: fmt.Sprintf("is %d, must be at least 1", c.Count)}
	}
	return nil
}

func newGenerator(c GeneratorConfig) (*memory.Generator, error) {
	return memory.NewGenerator(c.Count, func(i int64) any {
		return []byte(strings.ReplaceAll(c.Payload, number, strconv.FormatInt(i, 10)))
	}), nil
}
