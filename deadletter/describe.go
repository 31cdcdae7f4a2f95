package deadletter

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

const (
	// maxDescription is about how many bytes a description has at most.
	maxDescription = 16 << 20
	// maxDepth is how deep a description goes into a value.
	maxDepth = 100
)

// DescribePayload returns a description of a payload, in the syntax of Go as far as possible. A pointer is shown as its target, a
// function or channel as its type, and a value that contains itself as a note. The only methods of the payload that it calls are
// Error of an error and RawRecord of an [Unread].
func DescribePayload(payload any) (any, Encoding) {
	switch p := payload.(type) {
	case Unread:
		content, _ := p.RawRecord()
		return "the record begins with " + strconv.Quote(string(content)), EncodingDescribed
	case error:
		return escaped(p.Error()), EncodingDescribed
	}
	d := description{within: map[visit]bool{}}
	d.value(reflect.ValueOf(payload), 0)
	return d.text.String(), EncodingDescribed
}

// description is a text about a value that is being made.
type description struct {
	text   strings.Builder
	within map[visit]bool // what is being described, further out
}

type visit struct {
	at  uintptr
	typ reflect.Type
	len int
}

func (d *description) value(v reflect.Value, depth int) {
	switch {
	case !v.IsValid():
		d.text.WriteString("nil")
	case d.text.Len() > maxDescription || depth > maxDepth:
		d.text.WriteString("…")
	default:
		d.kind(v, depth)
	}
}

func (d *description) kind(v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.Interface:
		d.value(v.Elem(), depth)
	case reflect.Pointer, reflect.Map, reflect.Slice:
		d.referred(v, depth)
	case reflect.Struct, reflect.Array:
		d.text.WriteString(v.Type().String())
		d.parts(v, depth)
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		if v.IsNil() {
			d.text.WriteString("nil")
			return
		}
		d.text.WriteString(v.Type().String())
	default:
		d.scalar(v)
	}
}

func (d *description) scalar(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		d.text.WriteString(strconv.Quote(v.String()))
	case reflect.Float32, reflect.Float64:
		d.text.WriteString(strconv.FormatFloat(v.Float(), 'g', -1, v.Type().Bits()))
	case reflect.Complex64, reflect.Complex128:
		d.text.WriteString(strconv.FormatComplex(v.Complex(), 'g', -1, v.Type().Bits()))
	case reflect.Bool:
		d.text.WriteString(strconv.FormatBool(v.Bool()))
	default:
		if v.CanInt() {
			d.text.WriteString(strconv.FormatInt(v.Int(), 10))
			return
		}
		d.text.WriteString(strconv.FormatUint(v.Uint(), 10))
	}
}

// referred goes into what v refers to, unless it is within it already.
func (d *description) referred(v reflect.Value, depth int) {
	if v.IsNil() {
		d.text.WriteString("nil")
		return
	}
	ref := visit{at: v.Pointer(), typ: v.Type()}
	if v.Kind() == reflect.Slice {
		ref.len = v.Len()
	}
	if d.within[ref] {
		d.text.WriteString("(" + v.Type().String() + " that contains this)")
		return
	}
	d.within[ref] = true
	defer delete(d.within, ref)
	if v.Kind() == reflect.Pointer {
		d.text.WriteByte('&')
		d.value(v.Elem(), depth+1)
		return
	}
	d.text.WriteString(v.Type().String())
	if v.Kind() == reflect.Map {
		d.entries(v, depth)
		return
	}
	d.parts(v, depth)
}

// parts are the fields of a struct or the elements of a list.
func (d *description) parts(v reflect.Value, depth int) {
	if v.Kind() != reflect.Struct && v.Type().Elem().Kind() == reflect.Uint8 {
		d.text.WriteString("(" + strconv.Quote(string(bytesOf(v))) + ")")
		return
	}
	var n int
	if v.Kind() == reflect.Struct {
		n = v.NumField()
	} else {
		n = v.Len()
	}
	d.text.WriteByte('{')
	for i := range n {
		if d.text.Len() > maxDescription {
			d.text.WriteString("…")
			break
		}
		if i > 0 {
			d.text.WriteString(", ")
		}
		if v.Kind() == reflect.Struct {
			d.field(v.Type().Field(i), v.Field(i), depth)
			continue
		}
		d.value(v.Index(i), depth+1)
	}
	d.text.WriteByte('}')
}

// field does not go into what a field refers to that is not exported: that is shared with others, who may be changing it, and to
// read a map meanwhile ends the process.
func (d *description) field(f reflect.StructField, v reflect.Value, depth int) {
	d.text.WriteString(f.Name + ": ")
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Interface:
		if !f.IsExported() {
			d.text.WriteString(f.Type.String())
			return
		}
	default:
	}
	d.value(v, depth+1)
}

// entries are those of a map, in the order of their keys where these are texts or numbers.
func (d *description) entries(v reflect.Value, depth int) {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(keyText(a), keyText(b)) })
	d.text.WriteByte('{')
	for i, key := range keys {
		if d.text.Len() > maxDescription {
			d.text.WriteString("…")
			break
		}
		if i > 0 {
			d.text.WriteString(", ")
		}
		d.value(key, depth+1)
		d.text.WriteString(": ")
		d.value(v.MapIndex(key), depth+1)
	}
	d.text.WriteByte('}')
}

func keyText(key reflect.Value) string {
	for key.Kind() == reflect.Interface {
		key = key.Elem()
	}
	switch {
	case !key.IsValid():
		return ""
	case key.Kind() == reflect.String:
		return key.String()
	case key.CanInt():
		return fmt.Sprintf("%020d", key.Int())
	case key.CanUint():
		return fmt.Sprintf("%020d", key.Uint())
	default:
		return key.Type().String()
	}
}

func bytesOf(v reflect.Value) []byte {
	data := make([]byte, v.Len())
	for i := range data {
		data[i] = byte(v.Index(i).Uint())
	}
	return data
}
