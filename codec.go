package ergon

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// Codec turns the payload of a transaction into the type that a task wants. The zero value does what is right for most:
// a payload that already is of that type is passed through as it is, bytes and strings are handed over raw where the task
// wants []byte or string, and are decoded as JSON otherwise. JSON is decoded by encoding/json, except that text which is
// not valid UTF-8 is refused: fields that the type does not have are ignored, of a key that is there twice the last one
// counts, and an escape that is half of a surrogate pair becomes U+FFFD.
type Codec struct {
	// Decode, where set, decodes bytes in place of JSON, into a pointer.
	Decode func(data []byte, into any) error
}

// UseCodec has a task made by [Consume] decode its payloads with c.
func UseCodec(c Codec) Decorator {
	return func(t Task) Task {
		if t.codec == nil {
			t.faults = append(t.faults, errors.New("ergon.UseCodec needs a task made by ergon.Consume; plain functions decode for themselves"))
			return t
		}
		*t.codec = c
		return t
	}
}

// decoder turns payloads into values of one type that share no changeable memory with them.
type decoder[P any] struct {
	codec *Codec
	flat  bool // a P that is passed through needs no copy
	// anything is set where P is an interface, which a payload that is an error may implement by accident.
	anything bool
}

func newDecoder[P any](codec *Codec) decoder[P] {
	wanted := reflect.TypeFor[P]()
	return decoder[P]{codec: codec, flat: shapeOf(wanted).flat, anything: wanted.Kind() == reflect.Interface}
}

// decode fails with the payload itself where that is an error: it is how a connector delivers a record that it could not
// read, so that it is dead-lettered like any other that does not decode.
func (d decoder[P]) decode(payload any) (P, error) {
	typed, ok := payload.(P)
	if malformed, is := payload.(error); is && (!ok || d.anything) {
		var none P
		return none, malformed
	}
	if ok {
		if !d.flat {
			typed, _ = isolate(payload).(P)
		}
		return typed, nil
	}
	return d.decodeBytes(payload)
}

func (d decoder[P]) decodeBytes(payload any) (P, error) {
	var body P
	data, ok := bytesOf(payload)
	if !ok {
		if _, anything := any(&body).(*any); anything && payload == nil {
			return body, nil
		}
		return body, fmt.Errorf("payload is %T, which is neither that type nor bytes", payload)
	}
	switch into := any(&body).(type) {
	case *[]byte:
		*into = append([]byte{}, data...)
		return body, nil
	case *string:
		*into = string(data)
		return body, nil
	}
	if d.codec.Decode != nil {
		err := d.codec.Decode(append([]byte{}, data...), &body)
		return body, err
	}
	err := decodeJSON(data, &body)
	return body, err
}

func bytesOf(payload any) ([]byte, bool) {
	switch p := payload.(type) {
	case []byte:
		return p, true
	case json.RawMessage:
		return p, true
	case string:
		return []byte(p), true
	default:
		return nil, false
	}
}
