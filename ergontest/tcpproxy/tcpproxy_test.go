package tcpproxy_test

import (
	"context"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/ergon-go/ergon/ergontest/tcpproxy"
)

// echo is a server that sends back what it gets.
func echo(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	return l.Addr().String()
}

func proxied(t *testing.T) *tcpproxy.Proxy {
	t.Helper()
	p, err := tcpproxy.Listen(t.Context(), echo(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func dial(t *testing.T, p *tcpproxy.Proxy) net.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// says sends a word and waits for the echo; a timeout is os.ErrDeadlineExceeded.
func says(conn net.Conn, word string, within time.Duration) (string, error) {
	if word != "" {
		if _, err := conn.Write([]byte(word)); err != nil {
			return "", err
		}
	}
	if err := conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		return "", err
	}
	got := make([]byte, 100)
	n, err := conn.Read(got)
	return string(got[:n]), err
}

func wantEcho(t *testing.T, conn net.Conn, word, want string) {
	t.Helper()
	if got, err := says(conn, word, 10*time.Second); got != want || err != nil {
		t.Fatalf("got %q, %v, want %q", got, err, want)
	}
}

const moment = 50 * time.Millisecond

func TestBytesPassWithoutAFault(t *testing.T) {
	t.Parallel()
	wantEcho(t, dial(t, proxied(t)), "hello", "hello")
}

func TestCutBreaksOldConnectionsOnly(t *testing.T) {
	t.Parallel()
	p := proxied(t)
	conn := dial(t, p)
	wantEcho(t, conn, "a", "a")
	p.Cut()
	if _, err := says(conn, "", 10*time.Second); err == nil || os.IsTimeout(err) {
		t.Errorf("got %v, want a broken connection", err)
	}
	wantEcho(t, dial(t, p), "b", "b")
}

func TestRefusedConnectionsWorkAfterRestore(t *testing.T) {
	t.Parallel()
	p := proxied(t)
	p.Refuse()
	if _, err := says(dial(t, p), "", 10*time.Second); err == nil || os.IsTimeout(err) {
		t.Errorf("got %v, want a closed connection", err)
	}
	p.Restore()
	wantEcho(t, dial(t, p), "a", "a")
}

func TestHeldBytesPassAfterRestore(t *testing.T) {
	t.Parallel()
	for name, hold := range map[string]func(*tcpproxy.Proxy){"stall": (*tcpproxy.Proxy).Stall, "half-open": (*tcpproxy.Proxy).HalfOpen} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := proxied(t)
			conn := dial(t, p)
			wantEcho(t, conn, "a", "a")
			hold(p)
			if got, err := says(conn, "b", moment); !os.IsTimeout(err) {
				t.Fatalf("got %q, %v, want nothing", got, err)
			}
			p.Restore()
			wantEcho(t, conn, "", "b")
		})
	}
}

func TestSlowConnectionsDelayBothDirections(t *testing.T) {
	t.Parallel()
	p := proxied(t)
	conn := dial(t, p)
	p.Slow(moment)
	begun := time.Now()
	wantEcho(t, conn, "a", "a")
	if took := time.Since(begun); took < 2*moment {
		t.Errorf("an echo took %s, want at least %s", took, 2*moment)
	}
}
