package describe

import (
	"reflect"
	"strings"
	"time"
)

// byKeys is a policy with the keys of its YAML, for JSON; durations are as YAML has them.
func byKeys(v any) any {
	value := reflect.ValueOf(v)
	if d, ok := v.(time.Duration); ok {
		return d.String()
	}
	if value.Kind() != reflect.Struct {
		return v
	}
	keys := map[string]any{}
	for field, of := range value.Fields() {
		key, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		if key != "" && key != "-" {
			keys[key] = byKeys(of.Interface())
		}
	}
	return keys
}
