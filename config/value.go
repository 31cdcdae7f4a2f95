package config

import (
	"encoding"
	"math"
	"reflect"
	"strconv"
	"time"

	"go.yaml.in/yaml/v4"
)

// value decodes n onto what into holds. Null leaves it as it is; so does a fault.
func (d *decoder) value(n *yaml.Node, into reflect.Value, at *place) {
	n, ok := d.enter(n, at)
	if !ok {
		return
	}
	defer d.leave()
	t := into.Type()
	switch {
	case isNull(n):
	case isDuration(t):
		d.duration(n, into, at)
	case isText(t):
		d.text(n, into, at)
	case t.Kind() == reflect.Pointer:
		target := reflect.New(t.Elem())
		if !into.IsNil() {
			target.Elem().Set(into.Elem())
		}
		d.value(n, target.Elem(), at)
		into.Set(target)
	case t.Kind() == reflect.Struct:
		d.structure(n, into, at)
	case t.Kind() == reflect.Slice:
		d.list(n, into, at)
	case t.Kind() == reflect.Map:
		d.dictionary(n, into, at)
	case t.Kind() == reflect.Interface:
		d.anything(n, into, at)
	case t.Kind() == reflect.String:
		if s, ok := d.scalar(n, at, "text"); ok {
			into.SetString(s.text)
		}
	case t.Kind() == reflect.Bool:
		d.boolean(n, into, at)
	case into.CanFloat():
		d.float(n, into, at)
	default:
		d.integer(n, into, at)
	}
}

func (d *decoder) duration(n *yaml.Node, into reflect.Value, at *place) {
	const what = "a duration such as 250ms or 1m30s"
	s, ok := d.scalar(n, at, what)
	if !ok {
		return
	}
	parsed, err := time.ParseDuration(s.text)
	switch {
	case isNumber(s.text):
		d.faultf(at, "is %s, a duration needs a unit, such as %s", s, withUnit(s))
	case err != nil:
		d.faultf(at, "is %s, must be %s", s, what)
	default:
		into.SetInt(int64(parsed))
	}
}

// withUnit is a number as the duration that was probably meant: seconds, or milliseconds from a thousand on.
func withUnit(number scalar) string {
	if number.hidden {
		return "5s"
	}
	if value, err := strconv.ParseFloat(number.text, 64); err == nil && math.Abs(value) >= 1000 {
		return number.text + "ms"
	}
	return number.text + "s"
}

func (d *decoder) text(n *yaml.Node, into reflect.Value, at *place) {
	s, ok := d.scalar(n, at, "text")
	if !ok {
		return
	}
	target := reflect.New(into.Type())
	unmarshaler, ok := reflect.TypeAssert[encoding.TextUnmarshaler](target)
	if !ok {
		d.faultf(at, "cannot be text; its type is %s", into.Type())
		return
	}
	err := unmarshaler.UnmarshalText([]byte(s.text))
	switch {
	case err != nil && s.hidden:
		d.faultf(at, "is %s and not valid", s)
	case err != nil:
		d.faultf(at, "is %s, which is not valid: %v", s, err)
	default:
		into.Set(target.Elem())
	}
}
