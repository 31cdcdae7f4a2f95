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

// Settings are what a server is made of.
type Settings struct {
	Config Config
	// Service and Version are what the program is called.
	Service, Version string
	// Tasks are what is operated.
	Tasks Tasks
	// Recorder has the last transactions; the tasks' runner must have the same one.
	Recorder *observe.Recorder
	// Letters are the dead letters. Nil: none can be looked into.
	Letters Letters
	// Configuration returns the one in force as YAML, without secrets; of one task where one is named. Nil: it is not shown.
	Configuration func(task string) (string, error)
	// Metrics serves what Prometheus asks for. Nil: there are none.
	Metrics http.Handler
	// Console makes what serves everything else. Nil: nothing does.
	Console func(*Server) http.Handler
	// Logger hears of what operators do. Nil: slog.Default().
	Logger *slog.Logger
}

// Server serves operators. It is started once.
type Server struct {
	settings Settings
	desk     *Desk
	nonce    []byte
	listener net.Listener
	http     *http.Server
	ending   chan struct{}
	end      func()
	streams  streams
	wrong    wrongTokens
	running  sync.WaitGroup
}

// Start listens and serves until Close. An address that is taken, or not this machine's, is an error.
func Start(ctx context.Context, s Settings) (*Server, error) {
	if err := s.Config.Validate(); err != nil {
		return nil, fmt.Errorf("ops.%w", err)
	}
	if s.Logger == nil {
		s.Logger = slog.Default()
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.Config.address())
	if err != nil {
		return nil, fmt.Errorf("ops.listen: %w; choose another address, or end what listens there", err)
	}
	server := newServer(s)
	server.listener = listener
	server.http = &http.Server{
		Handler: server.Handler(), ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(s.Logger.Handler(), slog.LevelDebug),
	}
	server.running.Go(func() { server.desk.run(server.ending) })
	server.running.Go(func() {
		if err := server.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.Logger.ErrorContext(ctx, "the operations endpoint does not serve any more", "error", err)
		}
	})
	return server, nil
}

func newServer(s Settings) *Server {
	server := &Server{settings: s, desk: newDesk(s), nonce: []byte(rand.Text()), ending: make(chan struct{})}
	server.end = sync.OnceFunc(func() { close(server.ending) })
	return server
}

// Addr is where it listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// URL is where somebody on this machine finds it.
func (s *Server) URL() string {
	host, port, _ := net.SplitHostPort(s.Addr().String())
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port) + "/"
}

// Desk knows what is shown.
func (s *Server) Desk() *Desk { return s.desk }

// Close ends streams, lets other requests end until ctx does, and closes the rest.
func (s *Server) Close(ctx context.Context) error {
	s.end()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = s.http.Close()
	}
	s.running.Wait()
	return err
}

// Handler serves everything; it is what the server listens with.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /livez", s.probe(s.desk.alive))
	mux.Handle("GET /readyz", s.probe(s.desk.ready))
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

// profiles are for this machine only: they tell what is in memory.
func (s *Server) profiles(mux *http.ServeMux) {
	mux.Handle("GET /debug/pprof/", fromThisMachine(http.HandlerFunc(pprof.Index)))
	mux.Handle("GET /debug/pprof/cmdline", fromThisMachine(http.HandlerFunc(pprof.Cmdline)))
	mux.Handle("GET /debug/pprof/profile", fromThisMachine(http.HandlerFunc(pprof.Profile)))
	mux.Handle("GET /debug/pprof/symbol", fromThisMachine(http.HandlerFunc(pprof.Symbol)))
	mux.Handle("GET /debug/pprof/trace", fromThisMachine(http.HandlerFunc(pprof.Trace)))
}

// signIn takes the token from a form and remembers in a cookie that it was right.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		refuse(w, r, http.StatusBadRequest, "the form cannot be read")
		return
	}
	if !s.desk.NeedsToken() || !s.isToken(strings.TrimSpace(r.PostForm.Get("token"))) {
		if s.desk.NeedsToken() && !s.refuseWrong(w, r) {
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
