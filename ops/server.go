package ops

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"sync"
	"time"

	"github.com/ergon-go/ergon/observe"
)

const (
	tokenPath = "/token"
	// How long a request, and its answer, may take. Streams of events have a limit for each event instead.
	headerTimeout = 5 * time.Second
	readTimeout   = 15 * time.Second
	writeTimeout  = 90 * time.Second // a CPU profile takes 30 s
	idleTimeout   = 2 * time.Minute
	maxHeader     = 32 << 10
)

// Settings configure a server.
type Settings struct {
	Config Config
	// Service and Version name the program.
	Service, Version string
	// Tasks are the tasks to show and to change.
	Tasks Tasks
	// Recorder has the last transactions; the tasks' runner must have the same one.
	Recorder *observe.Recorder
	// DeadLetters are the dead letters. Nil: none are shown.
	DeadLetters DeadLetters
	// Configuration returns the configuration in force as YAML, without secrets; only the part of one task if the name is not "". Nil: it is
	// not shown.
	Configuration func(task string) (string, error)
	// Metrics serves /metrics. Nil: there are none.
	Metrics http.Handler
	// Console makes the handler of all other paths. Nil: there is none.
	Console func(*Server) http.Handler
	// Logger gets a line for each change by an operator. Nil: slog.Default().
	Logger *slog.Logger
}

// Server serves operators. It is started once.
type Server struct {
	settings Settings
	backend  *Backend
	nonce    []byte
	listener net.Listener
	http     *http.Server
	ending   chan struct{}
	end      func()
	streams  streams
	wrong    wrongTokens
	running  sync.WaitGroup
}

// Start listens and serves until Close. It returns an error if it cannot listen on the address.
func Start(ctx context.Context, s Settings) (*Server, error) {
	if err := s.Config.Validate(); err != nil {
		return nil, fmt.Errorf("ops.%w", err)
	}
	if s.Logger == nil {
		s.Logger = slog.Default()
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.Config.address())
	if err != nil {
		return nil, fmt.Errorf("ops.listen: %w; choose another address, or stop the program that listens there", err)
	}
	server := newServer(s)
	server.listener = listener
	server.http = &http.Server{
		Handler: server.Handler(), ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(s.Logger.Handler(), slog.LevelDebug),
	}
	server.running.Go(func() { server.backend.run(server.ending) })
	server.running.Go(func() {
		if err := server.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.Logger.ErrorContext(ctx, "the operations endpoint stopped", "error", err)
		}
	})
	return server, nil
}

func newServer(s Settings) *Server {
	server := &Server{settings: s, backend: newBackend(s), nonce: []byte(rand.Text()), ending: make(chan struct{})}
	server.end = sync.OnceFunc(func() { close(server.ending) })
	return server
}

// Addr is the address that it listens on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// URL is its address for a browser on this machine.
func (s *Server) URL() string {
	host, port, _ := net.SplitHostPort(s.Addr().String())
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port) + "/"
}

// Backend has the data of the API and the console.
func (s *Server) Backend() *Backend { return s.backend }

// Close ends streams, waits for other requests until ctx ends, and closes the rest.
func (s *Server) Close(ctx context.Context) error {
	s.end()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = s.http.Close()
	}
	s.running.Wait()
	return err
}

// Handler is the handler of the server.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /livez", s.probe(s.backend.alive))
	mux.Handle("GET /readyz", s.probe(s.backend.ready))
	s.metrics(mux)
	s.profiles(mux)
	s.api(mux)
	mux.HandleFunc("POST "+tokenPath, s.signIn)
	if s.settings.Console != nil {
		mux.Handle("/", s.settings.Console(s))
	}
	return s.guarded(mux)
}

func (s *Server) metrics(mux *http.ServeMux) {
	if s.settings.Metrics != nil {
		mux.Handle("GET /metrics", s.settings.Metrics)
		return
	}
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, r, http.StatusNotFound, "metrics are not exported to Prometheus; set telemetry.metrics.exporters: [prometheus]")
	})
}

// profiles are for this machine only: they contain memory of the program.
func (s *Server) profiles(mux *http.ServeMux) {
	mux.Handle("GET /debug/pprof/", fromThisMachine(http.HandlerFunc(pprof.Index)))
	mux.Handle("GET /debug/pprof/cmdline", fromThisMachine(http.HandlerFunc(pprof.Cmdline)))
	mux.Handle("GET /debug/pprof/profile", fromThisMachine(http.HandlerFunc(pprof.Profile)))
	mux.Handle("GET /debug/pprof/symbol", fromThisMachine(http.HandlerFunc(pprof.Symbol)))
	mux.Handle("GET /debug/pprof/trace", fromThisMachine(http.HandlerFunc(pprof.Trace)))
}

// signIn checks the token of a form and sets the cookie if it is right.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		refuse(w, r, http.StatusBadRequest, "the form is invalid")
		return
	}
	if !s.backend.NeedsToken() || !s.isToken(strings.TrimSpace(r.PostForm.Get("token"))) {
		if s.backend.NeedsToken() && !s.refuseWrong(w, r) {
			return
		}
		http.Redirect(w, r, tokenPath+"?wrong=1", http.StatusSeeOther)
		return
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // it is secure where the connection is; on this machine there is none that is
		Name: cookie, Value: s.proof(), Path: "/", HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode,
	})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
