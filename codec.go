package ergon

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/ergon-go/ergon/internal/deepcopy"
	"github.com/ergon-go/ergon/internal/strictjson"
)

// codec is how the bytes of a payload become the type that a task wants; nil means JSON.
type codec struct {
	decode func(data []byte, into any) error
}

// UseCodec has a task made by [Consume], [Produce] or [Hybrid] decode the bytes of its payloads with decode in
// place of JSON; into is a pointer.
//
// What needs no decoding does not reach it: a payload that already is of the type that the task wants is passed through as it
// is, and bytes and strings are handed over raw where the task wants []byte or string. A payload that is an error, which is
// how a connector delivers a record that it could not read, fails to decode with that error.
func UseCodec(decode func(data []byte, into any) error) Decorator {
	return func(t Task) Task {
		if t.codec == nil {
			t.faults = append(t.faults, errors.New("ergon.UseCodec needs a task made by ergon.Consume, ergon.Produce or ergon.Hybrid; "+
				"plain functions decode for themselves"))
			return t
		}
		t.codec.decode = decode
		return t
	}
}

// decoder turns payloads into values of one type that share no changeable memory with them.
type decoder[P any] struct {
	codec *codec
	flat  bool // a P that is passed through needs no copy
	// anything is set where P is an interface, which a payload that is an error may implement by accident.
	anything bool
}

func newDecoder[P any](c *codec) decoder[P] {
	wanted := reflect.TypeFor[P]()
	return decoder[P]{codec: c, flat: deepcopy.Flat(wanted), anything: wanted.Kind() == reflect.Interface}
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
			typed, _ = deepcopy.Of(payload).(P)
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
	if d.codec.decode != nil {
		err := d.codec.decode(append([]byte{}, data...), &body)
		return body, err
	}
	err := strictjson.Decode(data, &body)
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
