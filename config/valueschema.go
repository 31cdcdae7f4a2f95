package config

import (
	"encoding/json"
	"reflect"

	"github.com/ergon-go/ergon/policy"
)

const (
	object = "object"
	null   = "null"
	text   = "string"

	identifierPattern = `^[A-Za-z][A-Za-z0-9_.-]{0,63}$`
	referencePattern  = `\$\{`
	durationPattern   = `^[-+]?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$`
)

// valueSchema describes what decoder.value accepts in place of v, its default. A pattern constrains only text: a number
// that has to be text is a reference.
func valueSchema(v reflect.Value, s sensitivity) *schema {
	of := typeSchema(v, s)
	of.Default = defaultOf(v, s)
	return of
}

func typeSchema(v reflect.Value, s sensitivity) *schema {
	t := v.Type()
	switch {
	case isDuration(t):
		return &schema{Type: []string{text, null}, Pattern: "(" + durationPattern + ")|" + referencePattern}
	case isText(t):
		return &schema{Type: []string{text, "number", "boolean", null}}
	case enumOf(t) != nil:
		return oneOf(enumOf(t))
	}
	switch t.Kind() {
	case reflect.Struct:
		return structSchema(v, s)
	case reflect.Pointer:
		if v.IsNil() {
			return elementSchema(t, s)
		}
		return typeSchema(v.Elem(), s)
	case reflect.Interface:
		return &schema{}
	case reflect.Slice:
		return &schema{Type: []string{"array", null}, Items: elementSchema(t, s)}
	case reflect.Map:
		return &schema{Type: []string{object, null}, AdditionalProperties: elementSchema(t, s)}
	case reflect.String:
		return &schema{Type: []string{text, "number", "boolean", null}}
	case reflect.Bool:
		return &schema{Type: []string{"boolean", text, null}, Pattern: referencePattern}
	case reflect.Float32, reflect.Float64:
		return &schema{Type: []string{"number", text, null}, Pattern: referencePattern}
	default:
		return &schema{Type: []string{"integer", text, null}, Pattern: referencePattern}
	}
}

func structSchema(v reflect.Value, s sensitivity) *schema {
	properties := map[string]*schema{}
	for _, f := range fieldsOf(v.Type()) {
		property := valueSchema(v.FieldByIndex(f.index), f.under(s))
		property.Description = describePolicy(v.Type(), f.key)
		properties[f.key] = property
	}
	return mappingSchema(properties)
}

// elementSchema is that of what is in a list, mapping or pointer. It has no default.
func elementSchema(t reflect.Type, s sensitivity) *schema {
	return typeSchema(reflect.Zero(t.Elem()), s)
}

func oneOf(values []string) *schema {
	return &schema{Type: []string{text, null}, AnyOf: []*schema{{Enum: values}, {Pattern: referencePattern}}}
}

// defaultOf is a scalar as JSON; nil for what has no default that can be told.
func defaultOf(v reflect.Value, s sensitivity) any {
	node, err := showValue(v, &place{sensitivity: s})
	if err != nil || node.Value == redacted {
		return nil
	}
	switch node.Tag {
	case "!!str":
		return node.Value
	case "!!bool":
		return v.Bool()
	case "!!int", "!!float":
		if number := json.Number(node.Value); json.Valid([]byte(number)) {
			return number
		}
	}
	return nil
}

// describePolicy is what package policy says about a field of one of its types.
func describePolicy(t reflect.Type, key string) string {
	if t.PkgPath() != reflect.TypeFor[policy.Consumer]().PkgPath() {
		return ""
	}
	return policyDoc()[t.Name()+"."+key]
}

// enumOf returns what a value of one of package policy's types can be, or of a type that tells by a method Choices; nil
// where it can be anything.
func enumOf(t reflect.Type) []string {
	if v, ok := reflect.TypeAssert[interface{ Choices() []string }](reflect.Zero(t)); ok {
		return v.Choices()
	}
	switch t {
	case reflect.TypeFor[policy.Mode]():
		return texts(policy.ModeContinuous, policy.ModeBatch)
	case reflect.TypeFor[policy.Execution]():
		return texts(policy.ExecutionAsync, policy.ExecutionSync)
	case reflect.TypeFor[policy.OnException]():
		return texts(policy.OnExceptionDeadLetter, policy.OnExceptionRequeue, policy.OnExceptionDiscard)
	case reflect.TypeFor[policy.Ordering]():
		return texts(policy.OrderingNone, policy.OrderingKey)
	case reflect.TypeFor[policy.Isolation]():
		return texts(policy.IsolationGoroutine, policy.IsolationProcess)
	}
	return nil
}

func texts[T ~string](values ...T) []string {
	all := make([]string, len(values))
	for i := range values {
		all[i] = string(values[i])
	}
	return all
}
