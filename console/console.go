package console

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/ergon-go/ergon/ops"
)

//go:embed templates
var templates embed.FS

//go:embed assets
var assets embed.FS

// Words that stand in several places.
const (
	outcomeSucceeded = "succeeded"
	outcomeFailed    = "failed"
	outcomeRequeued  = "requeued"
	statusPart       = "status"  // the template of the state of the program
	deadLettersNav   = "letters" // the entry of the navigation
	signInNav        = "token"   // the page to sign in on, which no entry leads to
)

// console makes pages.
type console struct {
	backend *ops.Backend
	server  *ops.Server
	pages   *template.Template
	routes  *http.ServeMux // to handlers that make a view
}

// page is what one page shows.
type page struct {
	// Title, Nav and Body are its title, the entry of the navigation that it is below, and the template of its body.
	Title, Nav, Body string
	// Live are the templates whose parts of the page change by themselves.
	Live []string
	// Data is for its templates.
	Data any
}

// frame is what is around every page.
type frame struct {
	page

	Content                 template.HTML
	Service, Version, State string
	Notice                  string
	Events                  string // where the live parts come from; "" where nothing changes
	NeedsToken, MayChange   bool
	SignIn                  bool // nothing but the form for the token: who asks may not look yet
}

// view makes a page, or says why it cannot.
type view func(*http.Request) (page, error)

// New returns the console of a server.
func New(s *ops.Server) http.Handler {
	c := &console{backend: s.Backend(), server: s, routes: http.NewServeMux()}
	c.pages = template.Must(template.New("").Funcs(functions()).ParseFS(templates, "templates/*.html"))
	for pattern, v := range map[string]view{
		"/{$}":                         c.overview,
		"/tasks/{task}":                c.task,
		"/transactions":                c.transactions,
		"/transactions/{seq}":          c.transaction,
		"/dead-letters":                c.deadLetterTasks,
		"/dead-letters/{task}":         c.letters,
		"/dead-letters/{task}/letter":  c.letter,
		"/dead-letters/{task}/confirm": c.confirm,
		"/configuration":               c.configuration,
		"/token":                       c.token,
		"/":                            missing,
	} {
		c.routes.Handle("GET "+pattern, &viewed{c, v})
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", c.routes)
	mux.Handle("GET /events", s.Stream(c.live))
	mux.Handle("GET /assets/", cached(http.FileServerFS(assets)))
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/assets/icon.svg", http.StatusMovedPermanently)
	})
	mux.HandleFunc("POST /tasks/{task}/{change}", c.changeTask)
	mux.HandleFunc("POST /dead-letters/{task}/{change}", c.changeDeadLetters)
	return mux
}

// cached lets browsers keep assets for a while; they are small, and those of the next version come soon enough.
func cached(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=300")
		next.ServeHTTP(w, r)
	})
}

// viewed serves a view as a page.
type viewed struct {
	console *console
	view    view
}

func (v *viewed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f, finding := w.(*finder); finding {
		f.view, f.request = v, r
		return
	}
	if v.console.server.MayRead(r) {
		v.console.backend.Watch()
	}
	p, err := v.view(r)
	if err != nil {
		v.console.fail(w, r, err)
		return
	}
	v.console.serve(w, r, http.StatusOK, p)
}

func missing(r *http.Request) (page, error) {
	return page{}, &ops.Refusal{Status: http.StatusNotFound, Text: "Page not found: " + r.URL.Path}
}

// fail shows what is wrong.
func (c *console) fail(w http.ResponseWriter, r *http.Request, err error) {
	status := ops.StatusOf(err)
	c.serve(w, r, status, page{Title: http.StatusText(status), Body: "error", Data: err.Error()})
}

func (c *console) serve(w http.ResponseWriter, r *http.Request, status int, p page) {
	o := c.backend.Overview()
	f := frame{
		page: p, Service: o.Service, Version: o.Version, State: o.State, Notice: notice(r),
		NeedsToken: c.backend.NeedsToken(), MayChange: c.server.MayChange(r),
	}
	if p.Nav == signInNav && !c.server.MayRead(r) {
		f.SignIn, f.Version, f.State, f.Notice = true, "", "", ""
	}
	if len(p.Live) > 0 {
		f.Events = "/events?" + url.Values{"at": {r.URL.RequestURI()}}.Encode()
	}
	content, err := c.render(p.Body, p.Data)
	f.Content = template.HTML(content) //nolint:gosec // a template has made it, and escaped what is in it
	var text []byte
	if err == nil {
		text, err = c.render("frame", f)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(text) // whoever asked has gone
}

// notice is what a page says was done. Another site cannot have it say anything.
func notice(r *http.Request) string {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" {
		return ""
	}
	return r.URL.Query().Get("done")
}

func (c *console) render(name string, data any) ([]byte, error) {
	var text bytes.Buffer
	if err := c.pages.ExecuteTemplate(&text, name, data); err != nil {
		return nil, fmt.Errorf("page %s: %w", name, err)
	}
	return text.Bytes(), nil
}

// functions are what templates call.
func functions() template.FuncMap {
	return template.FuncMap{
		"count": counted, "rate": rate, "took": took, "ago": ago, "clock": clockTime, "at": dateTime,
		"word": word, "tone": tone, "json": pretty,
	}
}

// partID is the id of the element that a template of a part fills.
func partID(name string) string { return "part-" + strings.ReplaceAll(name, "/", "-") }
