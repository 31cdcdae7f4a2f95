package servertest

import (
	"fmt"
	"os"
	"testing"
)

// Server is a server that tests share.
type Server interface {
	// Stop ends the server and removes its folder. If it was not started, it does nothing.
	Stop() error
}

// Main runs the tests and ends the servers. It returns the exit code.
func Main(m *testing.M, servers ...Server) int {
	code := m.Run()
	for _, server := range servers {
		if err := server.Stop(); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, "stopping a server:", err)
			code = max(code, 1)
		}
	}
	return code
}

// missing skips a test that needs what is not on this machine. In CI it fails.
func missing(tb testing.TB, what string) {
	tb.Helper()
	if os.Getenv("CI") == "true" {
		tb.Fatal(what)
	}
	tb.Skip(what)
}
