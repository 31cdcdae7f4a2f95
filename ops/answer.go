package ops

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Refusal is the error of a bad request. The program is not at fault.
type Refusal struct { //nolint:errname // it is an answer
	// Status is that of HTTP.
	Status int
	// Text says what is wrong and what to do about it.
	Text string
}

func (r *Refusal) Error() string { return r.Text }

func refusal(status int, format string, args ...any) *Refusal {
	return &Refusal{status, fmt.Sprintf(format, args...)}
}

// refuse answers with an error: in JSON below /api/, otherwise as text.
func refuse(w http.ResponseWriter, r *http.Request, status int, text string) {
	if strings.HasPrefix(r.URL.Path, apiPath) {
		answer(w, status, map[string]string{"error": text})
		return
	}
	http.Error(w, text, status)
}

// answer writes JSON.
func answer(w http.ResponseWriter, status int, document any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(document) //nolint:errchkjson // the client has gone
}

// asked makes a handler of a function that returns the document to answer with.
func asked(do func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		document, err := do(r)
		if err != nil {
			refuse(w, r, StatusOf(err), err.Error())
			return
		}
		answer(w, http.StatusOK, document)
	})
}

// StatusOf is the HTTP status for an error.
func StatusOf(err error) int {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r.Status
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusInternalServerError
}

// readJSON reads the body of a request and refuses unknown keys. An empty body leaves the zero value.
func readJSON(r *http.Request, into any) error {
	if kind := r.Header.Get("Content-Type"); kind != "" && !strings.HasPrefix(kind, "application/json") {
		return refusal(http.StatusUnsupportedMediaType, "Content-Type is %s, must be application/json", kind)
	}
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	switch _, tooLarge := errors.AsType[*http.MaxBytesError](err); {
	case err == nil || errors.Is(err, io.EOF):
		return nil
	case tooLarge:
		return refusal(http.StatusRequestEntityTooLarge, "the request is longer than %d bytes", maxBody)
	default:
		return refusal(http.StatusBadRequest, "the request is not valid JSON for this endpoint: %v", err)
	}
}
