package pipeline_test

import (
	"log/slog"
	"runtime"
	"strings"
)

// faultMode is what code that is not ours does to whoever calls it.
type faultMode string

const (
	panicking faultMode = "panics"
	hanging   faultMode = "hangs" // until it is released
	exiting   faultMode = "exits" // its goroutine
)

// foreign is code that is not ours. What of it goes wrong, and how, is a test's choice.
type foreign struct {
	where   string // the method; "" for none
	how     faultMode
	release chan struct{} // closed when what hangs continues
}

// at is called by each of its methods.
func (f *foreign) at(method string) {
	if f.where != method {
		return
	}
	switch f.how {
	case panicking:
		panic("at " + method)
	case hanging:
		<-f.release
	case exiting:
		runtime.Goexit()
	}
}

// errorMethods are those of an error that somebody may call.
var errorMethods = []string{"Error", "Is", "As", "Unwrap", "LogValue", "IsPermanent", "RetryDelay"}

// foreignError is an error with every method that somebody may call.
type foreignError struct{ *foreign }

func (e *foreignError) Error() string {
	e.at("Error")
	return "a foreign error"
}

func (e *foreignError) Is(error) bool {
	e.at("Is")
	return false
}

func (e *foreignError) As(any) bool {
	e.at("As")
	return false
}

func (e *foreignError) Unwrap() error {
	e.at("Unwrap")
	return nil
}

func (e *foreignError) LogValue() slog.Value {
	e.at("LogValue")
	return slog.StringValue("a foreign error")
}

func (e *foreignError) IsPermanent() bool {
	e.at("IsPermanent")
	return false
}

// foreignPayload is a payload with the methods that are called of one.
type foreignPayload struct {
	*foreign

	Text string
}

func (p *foreignPayload) Clone() *foreignPayload {
	p.at("Clone")
	return &foreignPayload{p.foreign, strings.Clone(p.Text)}
}

func (p *foreignPayload) MarshalJSON() ([]byte, error) {
	p.at("MarshalJSON")
	return []byte(`{"text":"foreign"}`), nil
}
