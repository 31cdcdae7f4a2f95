package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/ergon-go/ergon"
)

// schema is the part of JSON schema that describes a configuration.
//
//nolint:tagliatelle // the names are JSON schema's
type schema struct {
	Schema               string             `json:"$schema,omitempty"`
	Title                string             `json:"title,omitempty"`
	Description          string             `json:"description,omitempty"`
	Ref                  string             `json:"$ref,omitempty"`
	Type                 []string           `json:"type,omitempty"`
	Const                string             `json:"const,omitempty"`
	Enum                 []string           `json:"enum,omitempty"`
	Pattern              string             `json:"pattern,omitempty"`
	Default              any                `json:"default,omitempty"`
	Items                *schema            `json:"items,omitempty"`
	Required             []string           `json:"required,omitempty"`
	MinProperties        int                `json:"minProperties,omitempty"`
	Properties           map[string]*schema `json:"properties,omitempty"`
	PatternProperties    map[string]*schema `json:"patternProperties,omitempty"`
	PropertyNames        *schema            `json:"propertyNames,omitempty"`
	AdditionalProperties any                `json:"additionalProperties,omitempty"` // false or a *schema
	AnyOf                []*schema          `json:"anyOf,omitempty"`
	OneOf                []*schema          `json:"oneOf,omitempty"`
	Defs                 map[string]*schema `json:"$defs,omitempty"`
}

// Schema returns a JSON schema (draft 2020-12) of the configurations that reg defines, for editors. It accepts every
// configuration that [Parse] accepts, if the editor resolves merge keys and no type is a reference. Only Parse checks what a
// schema cannot express, such as values that exclude each other.
func Schema(reg *Registry) ([]byte, error) {
	if err := reg.Err(); err != nil {
		return nil, err
	}
	tasks := named("task", "The tasks, by name.")
	tasks.Type, tasks.MinProperties = []string{object}, 1
	top := &schema{
		Schema:               "https://json-schema.org/draft/2020-12/schema",
		Title:                "Ergon configuration",
		Type:                 []string{object},
		Required:             []string{tasksKey},
		Properties:           map[string]*schema{tasksKey: tasks},
		PatternProperties:    map[string]*schema{"^x-": {Description: "Left alone: a home for anchors."}},
		AdditionalProperties: false,
		Defs:                 map[string]*schema{"task": taskSchema(reg)},
	}
	for _, s := range reg.sections {
		of := valueSchema(reflect.ValueOf(s.Defaults), public)
		of.Description = s.Description
		top.Properties[s.Key] = of
	}
	top.define("connector", reg.connectors)
	top.define("service", reg.services)
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(top); err != nil {
		return nil, fmt.Errorf("generate schema: %w", err)
	}
	return text.Bytes(), nil
}

func taskSchema(reg *Registry) *schema {
	task := oneOf(taskNames(reg.tasks))
	task.Description = "Which registered task it is. Default: the task's own name."
	identity := valueSchema(reflect.ValueOf(""), public)
	identity.Description = "Replaces the names of the task and its source in the ids of its outputs. Default: <task>/<source>."
	defaults := ergon.NewTaskConfig("", nil)
	properties := map[string]*schema{
		"task":       task,
		identityKey:  identity,
		"connectors": named("connector", "What transactions flow through, by name."),
		"services":   named("service", "Other services that the task uses, by name."),
		"consumer":   valueSchema(reflect.ValueOf(defaults.Consumer), public),
		producer:     valueSchema(reflect.ValueOf(defaults.Producer), public),
		"workers":    valueSchema(reflect.ValueOf(defaults.Workers), public),
		"shutdown":   valueSchema(reflect.ValueOf(defaults.Shutdown), public),
	}
	if settings := settingsSchema(reg.tasks); settings != nil {
		properties[settingsKey] = settings
	}
	return mappingSchema(properties)
}

// define adds the definition of what, a connector or a service: one of its types.
func (s *schema) define(what string, types []RegisteredType) {
	all := &schema{Type: []string{object}, Required: []string{"type"}}
	if len(types) == 0 {
		all.AdditionalProperties = false
	}
	for _, t := range types {
		component := valueSchema(reflect.ValueOf(t.Defaults), public)
		component.Description = t.Description
		component.Type = []string{object}
		component.Properties["type"] = &schema{Const: t.Name}
		s.Defs[what+"."+t.Name] = component
		all.OneOf = append(all.OneOf, &schema{Ref: "#/$defs/" + what + "." + t.Name})
	}
	s.Defs[what] = all
}

func named(definition, description string) *schema {
	return &schema{
		Description:          description,
		Type:                 []string{object, null},
		PropertyNames:        &schema{Pattern: identifierPattern},
		AdditionalProperties: &schema{Ref: "#/$defs/" + definition},
	}
}

func mappingSchema(properties map[string]*schema) *schema {
	return &schema{Type: []string{object, null}, Properties: properties, AdditionalProperties: false}
}
