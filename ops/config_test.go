package ops_test

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/ergon-go/ergon/observe"
	"github.com/ergon-go/ergon/ops"
)

func TestAddressBeyondThisMachineNeedsAToken(t *testing.T) {
	for name, c := range map[string]struct {
		config ops.Config
		want   string // "" is fine
	}{
		"off":               {ops.Config{}, ""},
		"this machine":      {ops.Config{Listen: "127.0.0.1:9090"}, ""},
		"by name":           {ops.Config{Listen: "localhost:9090"}, ""},
		"IPv6":              {ops.Config{Listen: "[::1]:9090"}, ""},
		"no host":           {ops.Config{Listen: ":9090"}, ""},
		"all interfaces":    {ops.Config{Listen: "0.0.0.0:9090"}, "token: is empty, but other machines may reach 0.0.0.0:9090"},
		"all of IPv6":       {ops.Config{Listen: "[::]:9090"}, "token: is empty"},
		"with a token":      {ops.Config{Listen: "0.0.0.0:9090", Token: secret}, ""},
		"least token":       {ops.Config{Token: strings.Repeat("x", 16)}, ""},
		"too short a token": {ops.Config{Token: strings.Repeat("x", 15)}, "token: has 15 characters, must have at least 16"},
		"metrics open":      {ops.Config{Metrics: "open"}, ""},
		"metrics by token":  {ops.Config{Metrics: "token", Token: secret}, ""},
		"no token for them": {ops.Config{Metrics: "token"}, "metrics: is token, but token is empty; set token"},
		"unknown metrics":   {ops.Config{Metrics: "closed"}, "metrics: is \"closed\", must be open or token"},
		"no port":           {ops.Config{Listen: "localhost"}, "listen: is \"localhost\""},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.config.Validate()
			if (err == nil) != (c.want == "") || (err != nil && !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestPortThatIsTakenIsSaid(t *testing.T) {
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	_, err = ops.Start(t.Context(), ops.Settings{Config: ops.Config{Listen: taken.Addr().String()}, Tasks: &fakeTasks{}})
	if err == nil || !strings.Contains(err.Error(), "ops.listen: ") || !strings.Contains(err.Error(), "choose another address") {
		t.Errorf("got %v", err)
	}
	_, err = ops.Start(t.Context(), ops.Settings{Config: ops.Config{Listen: "0.0.0.0:0"}})
	if err == nil || !strings.Contains(err.Error(), "ops.token: is empty") {
		t.Errorf("got %v", err)
	}
}

func TestServerEndsAlthoughSomebodyListensToEvents(t *testing.T) {
	tasks := &fakeTasks{}
	s, err := ops.Start(t.Context(), ops.Settings{
		Config: ops.Config{Listen: ":0"}, Tasks: tasks, Recorder: observe.NewRecorder(false), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write([]byte("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	for buffer := make([]byte, 4096); !strings.Contains(said.String(), "event: overview"); {
		n, err := conn.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		said.Write(buffer[:n])
	}
	if !strings.HasPrefix(s.URL(), "http://127.0.0.1:") {
		t.Errorf("found at %s", s.URL())
	}
	if err := s.Close(context.Background()); err != nil {
		t.Error(err)
	}
}
