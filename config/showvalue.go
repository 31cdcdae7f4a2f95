package config

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// showValue is the counterpart of decoder.value.
func showValue(v reflect.Value, at *place) (*yaml.Node, error) {
	t := v.Type()
	switch {
	case at.secret:
		return showReference(at), nil
	case isDuration(t):
		return plain("!!str", showDuration(time.Duration(v.Int()))), nil
	case isText(t):
		return showText(v, at)
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return plain("!!null", "null"), nil
		}
		return showValue(v.Elem(), at)
	case reflect.Struct:
		return showStruct(v, at)
	case reflect.Slice:
		return showList(v, at)
	case reflect.Map:
		return showDictionary(v, at)
	case reflect.String:
		return showString(v.String(), at), nil
	case reflect.Bool:
		return plain("!!bool", strconv.FormatBool(v.Bool())), nil
	case reflect.Float32, reflect.Float64:
		return plain("!!float", showFloat(v.Float(), t.Bits())), nil
	default:
		return plain("!!int", fmt.Sprintf("%d", v.Interface())), nil
	}
}

func showText(v reflect.Value, at *place) (*yaml.Node, error) {
	marshaler, ok := reflect.TypeAssert[encoding.TextMarshaler](pointerTo(v))
	if !ok {
		return nil, fmt.Errorf("%s: a %s has no text", at.path, v.Type())
	}
	text, err := marshaler.MarshalText()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at.path, err)
	}
	return showString(string(text), at), nil
}

func showStruct(v reflect.Value, at *place) (*yaml.Node, error) {
	node := mappingNode()
	for _, f := range fieldsOf(v.Type()) {
		value := at.at(f.key)
		value.sensitivity = f.under(at.sensitivity)
		shown, err := showValue(v.FieldByIndex(f.index), value)
		if err != nil {
			return nil, err
		}
		set(node, f.key, shown)
	}
	return node, nil
}

func showList(v reflect.Value, at *place) (*yaml.Node, error) {
	if v.IsNil() {
		return plain("!!null", "null"), nil
	}
	node := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	for i := range v.Len() {
		shown, err := showValue(v.Index(i), at.at(fmt.Sprintf("[%d]", i)))
		if err != nil {
			return nil, err
		}
		node.Content = append(node.Content, shown)
	}
	return node, nil
}

func showDictionary(v reflect.Value, at *place) (*yaml.Node, error) {
	if v.IsNil() {
		return plain("!!null", "null"), nil
	}
	node := mappingNode()
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	for _, key := range keys {
		shown, err := showValue(v.MapIndex(key), at.at(key.String()))
		if err != nil {
			return nil, err
		}
		set(node, key.String(), shown)
	}
	return node, nil
}

func plain(tag, value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value}
}

func showString(text string, at *place) *yaml.Node {
	public := withoutSecrets(text, at.sensitivity)
	hides := public != text || strings.Contains(text, redacted) // the latter is what was shown before
	switch {
	case at.secret, at.written != nil && hides:
		return showReference(at)
	case at.sensitivity >= certain && text != "":
		return plain("!!str", redacted)
	default:
		return plain("!!str", escape(public))
	}
}

// showReference shows where a secret is from.
func showReference(at *place) *yaml.Node {
	text := withoutSecrets(withoutDefaults(at.written.Value), at.sensitivity)
	if at.sensitivity >= certain && !onlyReferences(text) {
		return plain("!!str", redacted)
	}
	node := plain("!!str", text)
	if at.written.Style&quotedStyles != 0 && strings.Contains(text, "${") {
		node.Style = yaml.DoubleQuotedStyle
	}
	return node
}

func showFloat(f float64, bits int) string {
	switch {
	case math.IsNaN(f):
		return ".nan"
	case math.IsInf(f, 1):
		return ".inf"
	case math.IsInf(f, -1):
		return "-.inf"
	default:
		return strconv.FormatFloat(f, 'g', -1, bits)
	}
}

// showDuration is d without parts that are zero: 5m instead of 5m0s.
func showDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
