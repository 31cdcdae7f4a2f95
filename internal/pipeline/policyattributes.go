package pipeline

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

// policyAttributes are the values of a policy that are set, by their keys in YAML: ergon.policy.loop.batch.size; durations in
// milliseconds, with _ms behind the key. They are made once for a loop.
func policyAttributes(path string, v reflect.Value) (all []attribute.KeyValue) {
	if v.IsZero() {
		return nil
	}
	if d, ok := reflect.TypeAssert[time.Duration](v); ok {
		return []attribute.KeyValue{attribute.Float64(path+"_ms", float64(d)/float64(time.Millisecond))}
	}
	switch {
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			key, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
			if key != "" && key != "-" {
				all = append(all, policyAttributes(path+"."+key, v.Field(i))...)
			}
		}
		return all
	case v.Kind() == reflect.Bool:
		return []attribute.KeyValue{attribute.Bool(path, v.Bool())}
	case v.CanInt():
		return []attribute.KeyValue{attribute.Int64(path, v.Int())}
	case v.CanFloat():
		return []attribute.KeyValue{attribute.Float64(path, v.Float())}
	default:
		return []attribute.KeyValue{attribute.String(path, fmt.Sprint(v.Interface()))}
	}
}
