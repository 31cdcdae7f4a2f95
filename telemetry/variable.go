package telemetry

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// environment reads variables and collects what is wrong with them.
type environment struct {
	lookup func(string) (string, bool)
	errs   []error
}

func (e *environment) errorf(name, format string, args ...any) {
	e.errs = append(e.errs, fmt.Errorf("environment variable "+name+" "+format, args...))
}

func (e *environment) has(name string) bool {
	var text string
	return e.text(name, &text)
}

// text reads a variable, where it is set to something.
func (e *environment) text(name string, into *string) bool {
	value, _ := e.lookup(name)
	value = strings.TrimSpace(value)
	if value == "" {
		return false
	}
	*into = value
	return true
}

// boolean is true for "true" only, as the specification has it.
func (e *environment) boolean(name string, into *bool) {
	var text string
	switch {
	case !e.text(name, &text):
	case strings.EqualFold(text, "true"), strings.EqualFold(text, "false"):
		*into = strings.EqualFold(text, "true")
	default:
		e.errorf(name, "is %q, must be true or false", text)
	}
}

func choose[T ~string](e *environment, name string, into *T, known []string) {
	var text string
	switch {
	case !e.text(name, &text):
	case !slices.Contains(known, strings.ToLower(text)):
		e.errorf(name, "is %q, must be one of %q", text, known)
	default:
		*into = T(strings.ToLower(text))
	}
}

func (e *environment) milliseconds(name string, into *time.Duration) {
	var n int
	if e.count(name, &n) {
		*into = time.Duration(n) * time.Millisecond
	}
}

// count reads a number that is more than 0.
func (e *environment) count(name string, into *int) bool {
	var text string
	if !e.text(name, &text) {
		return false
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		e.errorf(name, "is %q, must be a whole number, at least 1", text)
		return false
	}
	*into = n
	return true
}

func (e *environment) ratio(name string, into *float64) {
	var text string
	if !e.text(name, &text) {
		return
	}
	ratio, err := strconv.ParseFloat(text, 64)
	if err != nil || !(ratio >= 0 && ratio <= 1) {
		e.errorf(name, "is %q, must be a number from 0 to 1", text)
		return
	}
	*into = ratio
}

func (e *environment) list(name string) ([]string, bool) {
	var text string
	if !e.text(name, &text) {
		return nil, false
	}
	var items []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items, true
}

// pairs reads a list of key=value with percent-encoded values. Values may be secrets: errors do not show them.
func (e *environment) pairs(name string) map[string]string {
	items, ok := e.list(name)
	if !ok {
		return nil
	}
	pairs := map[string]string{}
	for i, item := range items {
		key, value, found := strings.Cut(item, "=")
		decoded, err := url.PathUnescape(strings.TrimSpace(value))
		key, keyErr := url.PathUnescape(strings.TrimSpace(key))
		if !found || key == "" || err != nil || keyErr != nil {
			e.errorf(name, "must be a list of key=value with percent-encoded values; item %d is not", i+1)
			continue
		}
		pairs[key] = decoded
	}
	return pairs
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
