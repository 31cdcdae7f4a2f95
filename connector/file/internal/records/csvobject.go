package records

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf8"
)

type columnKind uint8

const (
	columnString columnKind = iota
	columnNumber
	columnBoolean
)

type csvColumn struct {
	name string
	key  []byte // what is before the value in the JSON object, including the comma
	kind columnKind
}

// csvObjects makes a JSON object of each record, with the header's names in their order.
type csvObjects struct {
	columns []csvColumn
	fields  csvFields
	object  []byte
}

// payload returns a record as a JSON object, or why it is malformed.
func (o *csvObjects) payload(content []byte) (payload []byte, problem string) {
	if !utf8.Valid(content) {
		return nil, "is not valid UTF-8" + o.whereNotUTF8(content) + "; convert the file to UTF-8, for example with iconv"
	}
	o.begin(content)
	object := o.object[:0]
	object = append(object, '{')
	count := 0
	for value, ok := o.fields.next(); ok; value, ok = o.fields.next() {
		if count < len(o.columns) {
			column := &o.columns[count]
			object = append(object, column.key...)
			var problem string
			if object, problem = column.append(object, value); problem != "" {
				return nil, problem
			}
		}
		count++
	}
	if count != len(o.columns) {
		return nil, fmt.Sprintf("has %d columns, the header has %d", count, len(o.columns))
	}
	object = append(object, '}')
	o.object = object
	return bytes.Clone(object), ""
}

func (o *csvObjects) begin(content []byte) {
	o.fields = csvFields{rest: content, comma: o.fields.comma, scratch: o.fields.scratch}
}

func (o *csvObjects) whereNotUTF8(content []byte) string {
	o.begin(content)
	for i := range o.columns {
		if value, ok := o.fields.next(); ok && !utf8.Valid(value) {
			return fmt.Sprintf(" in column %q", o.columns[i].name)
		}
	}
	return ""
}

func (c *csvColumn) append(object, value []byte) ([]byte, string) {
	switch {
	case c.kind == columnString:
		return appendJSONString(object, value), ""
	case len(value) == 0:
		return append(object, "null"...), ""
	case c.kind == columnNumber:
		if !isJSONNumber(value) {
			return object, c.problem("a number", "numbers")
		}
		return append(object, value...), ""
	default:
		parsed, err := strconv.ParseBool(string(value))
		if err != nil {
			return object, c.problem("true or false", "booleans")
		}
		return strconv.AppendBool(object, parsed), ""
	}
}

func (c *csvColumn) problem(want, key string) string {
	return fmt.Sprintf("column %q is not %s; correct it, or remove the column from %s", c.name, want, key)
}
