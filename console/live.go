package console

import (
	"bytes"
	"net/http"
	"net/url"

	"github.com/ergon-go/ergon/ops"
)

// part is a piece of a page that has changed.
type part struct {
	ID   string `json:"id"`
	HTML string `json:"html"`
}

// live sends the parts of a page that have changed, once a second. The page is named by where it is found.
func (c *console) live(r *http.Request) (func(*ops.Events) error, error) {
	v, request, err := c.viewAt(r)
	if err != nil {
		return nil, err
	}
	sent := map[string][]byte{}
	return func(e *ops.Events) error {
		c.backend.Watch()
		p, err := v.view(request)
		if err != nil {
			return err
		}
		for _, name := range p.Live {
			data := p.Data
			if name == statusPart {
				data = c.backend.Overview().State
			}
			text, err := c.render(name, data)
			if err != nil {
				return err
			}
			if bytes.Equal(text, sent[name]) {
				continue
			}
			sent[name] = text
			if err := e.Send("part", part{partID(name), string(text)}); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// viewAt finds the view of a page, and the request that it would be asked with.
func (c *console) viewAt(r *http.Request) (*viewed, *http.Request, error) {
	at, err := url.ParseRequestURI(r.URL.Query().Get("at"))
	if err != nil || at.Host != "" {
		return nil, nil, &ops.Refusal{Status: http.StatusBadRequest, Text: "at: must be the path of a page"}
	}
	request := r.Clone(r.Context())
	request.URL, request.RequestURI = at, at.RequestURI()
	found := &finder{}
	c.routes.ServeHTTP(found, request)
	if found.view == nil {
		return nil, nil, &ops.Refusal{Status: http.StatusNotFound, Text: "at: page not found"}
	}
	return found.view, found.request, nil
}

// finder is what a view is found with that is asked for nothing: who serves it gets to know which it is, and its request
// with what the path says.
type finder struct {
	view    *viewed
	request *http.Request
}

func (*finder) Header() http.Header            { return http.Header{} }
func (*finder) Write(text []byte) (int, error) { return len(text), nil }
func (*finder) WriteHeader(int)                {}
