package config_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// checker checks values against the part of JSON schema that config generates. A keyword that it does not know fails, so
// that nothing is accepted only because it was not looked at.
type checker struct{ root map[string]any }

func (c checker) check(schema map[string]any, value any, at string) error {
	for _, keyword := range slices.Sorted(maps.Keys(schema)) { // so that the first fault is always the same
		if err := c.keyword(schema, keyword, schema[keyword], value, at); err != nil {
			return err
		}
	}
	return nil
}

func (c checker) keyword(schema map[string]any, keyword string, want, value any, at string) error {
	text, isText := value.(string)
	switch keyword {
	case "$schema", "$defs", "title", "description", "default", "properties", "patternProperties":
		return nil
	case "$ref":
		name := strings.TrimPrefix(want.(string), "#/$defs/")
		return c.check(c.root["$defs"].(map[string]any)[name].(map[string]any), value, at)
	case "type":
		if !slices.ContainsFunc(want.([]any), func(t any) bool { return isOf(value, t.(string)) }) {
			return fmt.Errorf("%s: is no %v", at, want.([]any)[0])
		}
	case "const":
		if value != want {
			return fmt.Errorf("%s: is not %v", at, want)
		}
	case "enum":
		if !slices.Contains(want.([]any), value) {
			return fmt.Errorf("%s: is none of %v", at, want)
		}
	case "pattern":
		if isText && !regexp.MustCompile(want.(string)).MatchString(text) {
			return fmt.Errorf("%s: does not match %v", at, want)
		}
	case "anyOf", "oneOf":
		return c.combination(keyword, want.([]any), value, at)
	case "items":
		list, _ := value.([]any)
		for i, element := range list {
			if err := c.check(want.(map[string]any), element, fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
	case "minProperties", "required", "propertyNames", "additionalProperties":
		object, _ := value.(map[string]any)
		return c.object(schema, keyword, want, object, at)
	default:
		return fmt.Errorf("%s: keyword %s is not known to the test", at, keyword)
	}
	return nil
}

func (c checker) combination(keyword string, schemas []any, value any, at string) error {
	matches := 0
	for _, s := range schemas {
		if c.check(s.(map[string]any), value, at) == nil {
			matches++
		}
	}
	switch {
	case keyword == "anyOf" && matches == 0:
		return fmt.Errorf("%s: matches none", at)
	case keyword == "oneOf" && matches != 1:
		return fmt.Errorf("%s: matches %d of %d", at, matches, len(schemas))
	}
	return nil
}

func (c checker) object(schema map[string]any, keyword string, want any, object map[string]any, at string) error {
	switch keyword {
	case "minProperties":
		if object != nil && float64(len(object)) < want.(float64) {
			return fmt.Errorf("%s: fewer than %v", at, want)
		}
	case "required":
		for _, key := range want.([]any) {
			if _, ok := object[key.(string)]; object != nil && !ok {
				return fmt.Errorf("%s: %v is required", at, key)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		value, below := object[key], strings.TrimPrefix(at+"."+key, ".")
		switch keyword {
		case "propertyNames":
			if err := c.check(want.(map[string]any), key, below); err != nil {
				return err
			}
		case "additionalProperties":
			if err := c.property(schema, key, value, below); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c checker) property(schema map[string]any, key string, value any, at string) error {
	properties, _ := schema["properties"].(map[string]any)
	if of, ok := properties[key]; ok {
		return c.check(of.(map[string]any), value, at)
	}
	patterns, _ := schema["patternProperties"].(map[string]any)
	for pattern, of := range patterns {
		if regexp.MustCompile(pattern).MatchString(key) {
			return c.check(of.(map[string]any), value, at)
		}
	}
	if of, ok := schema["additionalProperties"].(map[string]any); ok {
		return c.check(of, value, at)
	}
	return fmt.Errorf("%s is not allowed", at)
}

func isOf(value any, kind string) bool {
	v := reflect.ValueOf(value)
	switch kind {
	case "null":
		return value == nil
	case "object":
		return v.Kind() == reflect.Map
	case "array":
		return v.Kind() == reflect.Slice
	case "number":
		return v.CanInt() || v.CanFloat()
	case "integer":
		return v.CanInt() || v.CanFloat() && v.Float() == math.Trunc(v.Float())
	default:
		return v.Kind().String() == map[string]string{"string": "string", "boolean": "bool"}[kind]
	}
}

// The checker's own test: it refuses what each keyword refuses.
func TestSchemaCheckerRefuses(t *testing.T) {
	for text, value := range map[string]any{
		`{"type": ["integer", "null"]}`:                1.5,
		`{"type": ["object"]}`:                         []any{},
		`{"const": "a"}`:                               "b",
		`{"enum": ["a"]}`:                              "b",
		`{"pattern": "^a$"}`:                           "b",
		`{"anyOf": [{"const": "a"}]}`:                  "b",
		`{"oneOf": [{}, {}]}`:                          "b",
		`{"items": {"type": ["null"]}}`:                []any{1},
		`{"minProperties": 1}`:                         map[string]any{},
		`{"required": ["a"]}`:                          map[string]any{"b": 1},
		`{"propertyNames": {"const": "a"}}`:            map[string]any{"b": 1},
		`{"additionalProperties": false}`:              map[string]any{"b": 1},
		`{"additionalProperties": {"type": ["null"]}}`: map[string]any{"b": 1},
		`{"properties": {"b": {"type": ["null"]}}, "additionalProperties": false}`:         map[string]any{"b": 1},
		`{"patternProperties": {"^b": {"type": ["null"]}}, "additionalProperties": false}`: map[string]any{"b": 1},
		`{"$ref": "#/$defs/a", "$defs": {"a": {"type": ["null"]}}}`:                        1,
		`{"maximum": 5}`: 1,
	} {
		var schema map[string]any
		if err := json.Unmarshal([]byte(text), &schema); err != nil {
			t.Fatal(err)
		}
		if (checker{schema}).check(schema, value, "") == nil {
			t.Errorf("%s accepts %v", text, value)
		}
	}
}
