package telemetry_test

import (
	"encoding/pem"
	"log/slog"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/ergon-go/ergon/telemetry"
)

// An https endpoint is trusted by its certificate, and by no other.
func TestEncryptedConnectionIsCheckedWithTheCAFile(t *testing.T) {
	r := collector(t)
	to, err := url.Parse(r.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(httputil.NewSingleHostReverseProxy(to))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // of who does not trust it
	server.StartTLS()
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, trusted := range map[string]bool{"trusted": true, "unknown": false} {
		t.Run(name, func(t *testing.T) {
			before := len(r.Spans())
			c := everywhere("http://localhost:1", telemetry.ProtocolGRPC) // of the other signals, which are off
			c.Metrics.Exporters, c.Logs.Exporters = nil, nil
			c.Traces.OTLP = telemetry.OTLP{Endpoint: server.URL + "/v1/traces", Protocol: telemetry.ProtocolHTTP}
			if trusted {
				c.Traces.OTLP.CAFile = ca
			}
			p, console := setup(t, c, telemetry.Settings{})
			if err := run(t, p); err != nil {
				t.Fatal(err)
			}
			if got := len(r.Spans()) > before; got != trusted {
				t.Errorf("got spans: %t, want %t", got, trusted)
			}
			console.want(t, map[bool]int{false: 1}[trusted], "level=WARN", "telemetry is not delivered", "certificate")
		})
	}
}
