package servertest

import (
	"context"
	"net"
	"os"
	"strconv"
	"strings"
)

// freePort returns a port that nobody listens on at the moment.
func freePort(ctx context.Context) (int, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	_, text, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return 0, err
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return 0, err
	}
	return port, l.Close()
}

// foreignListeners returns the addresses, as the kernel writes them, on which somebody listens at a port and which other machines
// can reach. tables are /proc/net/tcp and /proc/net/tcp6. If the kernel has no such tables, nothing is known and there are none.
func foreignListeners(port int, tables ...string) []string {
	var found []string
	for _, table := range tables {
		text, err := os.ReadFile(table) //nolint:gosec // of the kernel, or of a test
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			if len(fields) < 4 || fields[3] != listening {
				continue
			}
			host, at, _ := strings.Cut(fields[1], ":")
			if n, err := strconv.ParseInt(at, 16, 32); err == nil && int(n) == port && !isLoopback(host) {
				found = append(found, fields[1])
			}
		}
	}
	return found
}

// listening is the state of a socket that listens, as the kernel writes it.
const listening = "0A"

func isLoopback(host string) bool {
	return len(host) == 8 && strings.HasSuffix(host, "7F") || host == "00000000000000000000000001000000"
}
