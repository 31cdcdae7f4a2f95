package config

import (
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

func (d *decoder) boolean(n *yaml.Node, into reflect.Value, at *place) {
	const what = "true or false"
	s, ok := d.scalar(n, at, what)
	switch {
	case !ok:
	case !s.typed || !isBool(s.text):
		d.mismatch(s, at, what, isBool)
	default:
		into.SetBool(strings.EqualFold(s.text, "true"))
	}
}

func (d *decoder) integer(n *yaml.Node, into reflect.Value, at *place) {
	const what = "a whole number"
	s, ok := d.scalar(n, at, what)
	if !ok {
		return
	}
	if !s.typed || !isInteger(s.text) {
		d.mismatch(s, at, what, isInteger)
		return
	}
	bits := into.Type().Bits()
	if into.CanUint() {
		u, err := strconv.ParseUint(strings.TrimPrefix(s.text, "+"), 10, bits)
		if err != nil {
			d.faultf(at, "is %s, must be from 0 to %d", s, uint64(math.MaxUint64)>>(64-bits))
			return
		}
		into.SetUint(u)
		return
	}
	i, err := strconv.ParseInt(s.text, 10, bits)
	if err != nil {
		d.faultf(at, "is %s, must be from %d to %d", s, int64(math.MinInt64)>>(64-bits), int64(math.MaxInt64)>>(64-bits))
		return
	}
	into.SetInt(i)
}

func (d *decoder) float(n *yaml.Node, into reflect.Value, at *place) {
	const what = "a number"
	s, ok := d.scalar(n, at, what)
	if !ok {
		return
	}
	if !s.typed || !isNumber(s.text) {
		d.mismatch(s, at, what, isNumber)
		return
	}
	f, err := parseFloat(s.text, into.Type().Bits())
	if err != nil {
		d.faultf(at, "is %s, which is too large for a number of %d bits", s, into.Type().Bits())
		return
	}
	into.SetFloat(f)
}

// parseFloat reads a number for which isNumber is true.
func parseFloat(text string, bits int) (float64, error) {
	switch magnitude := strings.ToLower(strings.TrimLeft(text, "+-")); {
	case magnitude == ".nan":
		return math.NaN(), nil
	case magnitude == ".inf" && strings.HasPrefix(text, "-"):
		return math.Inf(-1), nil
	case magnitude == ".inf":
		return math.Inf(1), nil
	default:
		return strconv.ParseFloat(text, bits)
	}
}

// mismatch reports a value of the wrong type; would tells whether it is only the quotes that make it so.
func (d *decoder) mismatch(s scalar, at *place, what string, would func(string) bool) {
	if !s.typed && would(s.text) {
		what += "; remove the quotes"
	}
	d.faultf(at, "is %s, must be %s", s, what)
}

var (
	integer = regexp.MustCompile(`^[-+]?(0|[1-9]\d*)$`)
	number  = regexp.MustCompile(`^[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?$|^[-+]?\.(inf|Inf|INF)$|^\.(nan|NaN|NAN)$`)
)

func isInteger(text string) bool { return integer.MatchString(text) }

func isNumber(text string) bool { return number.MatchString(text) }

func isBool(text string) bool {
	switch text {
	case "true", "True", "TRUE", "false", "False", "FALSE":
		return true
	}
	return false
}
