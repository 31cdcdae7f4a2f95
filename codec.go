package ergon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync/atomic"

	"github.com/ergon-go/ergon/internal/deepcopy"
	"github.com/ergon-go/ergon/internal/strictjson"
)

// decodeFunc decodes data into a pointer; nil means JSON.
type decodeFunc = func(data []byte, into any) error

// codec is how the bytes of a payload become the type that a typed task wants. The functions made of that task share it.
type codec struct {
	decode decodeFunc // never changed after the task was made
	// derived is set once a task with another codec was derived from the one that this belongs to. Its functions find their
	// codec in the context, which costs an allocation for each call; nobody else looks there.
	derived atomic.Bool
}

// codecKey is the key of a derived task's codec in the context of its functions.
type codecKey struct{ of *codec }

// in returns what decodes in a call that was given ctx.
func (c *codec) in(ctx context.Context) decodeFunc {
	if c.derived.Load() {
		if decode, ok := ctx.Value(codecKey{c}).(decodeFunc); ok {
			return decode
		}
	}
	return c.decode
}

// UseCodec replaces JSON as the encoding of the payloads of a task that [Consume], [Produce] or [Hybrid] made. decode decodes
// bytes into a pointer. It is called concurrently.
//
// decode is not called for payloads that need no decoding. If a payload already has the type that the task wants, it is passed on
// unchanged. If the task wants []byte or string, it gets the raw bytes or text. If a connector could not read a record, the
// payload is an error. Decoding such a payload returns that error.
//
// UseCodec can be passed to Consume, Produce and Hybrid. It can also be applied to the Task that they returned. That Task is not
// changed. If there are several codecs, the last one applies.
func UseCodec(decode func(data []byte, into any) error) Decorator {
	return func(t Task) Task {
		if t.codec == nil {
			t.faults = append(slices.Clip(t.faults), errors.New("ergon.UseCodec needs a task made by ergon.Consume, ergon.Produce or "+
				"ergon.Hybrid; plain functions decode for themselves"))
			return t
		}
		if t.making {
			t.codec.decode = decode
			return t
		}
		return t.withCodec(decode)
	}
}

// withCodec returns a task whose functions decode with decode, and leaves t as it is.
func (t Task) withCodec(decode decodeFunc) Task {
	base := t.codec
	base.derived.Store(true)
	within := func(ctx context.Context) context.Context {
		if ctx.Value(codecKey{base}) != nil { // a task that was derived from this one has its own
			return ctx
		}
		return context.WithValue(ctx, codecKey{base}, decode)
	}
	if process := t.Process; process != nil {
		t.Process = func(ctx context.Context, tx Transaction) (any, error) { return process(within(ctx), tx) }
	}
	if success := t.Success; success != nil {
		t.Success = func(ctx context.Context, tx Transaction, result any) error { return success(within(ctx), tx, result) }
	}
	if prepare := t.Prepare; prepare != nil {
		t.Prepare = func(ctx context.Context, tx Transaction) error { return prepare(within(ctx), tx) }
	}
	if success := t.PrepareSuccess; success != nil {
		t.PrepareSuccess = func(ctx context.Context, tx Transaction) error { return success(within(ctx), tx) }
	}
	return t
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
func (d decoder[P]) decode(ctx context.Context, payload any) (P, error) {
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
	return d.decodeBytes(ctx, payload)
}

func (d decoder[P]) decodeBytes(ctx context.Context, payload any) (P, error) {
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
	if decode := d.codec.in(ctx); decode != nil {
		err := decode(append([]byte{}, data...), &body)
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
