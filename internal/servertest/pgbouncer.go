package servertest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// Pooler starts pgbouncer before the server, with pool_mode=transaction, until the test ends. It returns the address of the database
// postgres behind it.
func (p *Postgres) Pooler(tb testing.TB) string {
	tb.Helper()
	p.URL(tb)
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		missing(tb, "pgbouncer is not installed: run scripts/servers, or install pgbouncer (Debian)")
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), startWithin)
	defer cancel()
	port, err := freePort(ctx)
	if err != nil {
		tb.Fatal(err)
	}
	folder, err := os.MkdirTemp("", "ergon-pgbouncer-") //nolint:usetesting // the other user cannot enter a folder of the test
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(folder); err != nil {
			tb.Error(err)
		}
	})
	config := filepath.Join(folder, "pgbouncer.ini")
	text := fmt.Sprintf(`[databases]
postgres = host=127.0.0.1 port=%d user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
auth_type = any
pool_mode = transaction
unix_socket_dir =
default_pool_size = 4
`, p.Port(), port)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil { //nolint:gosec // the other user reads it
		tb.Fatal(err)
	}
	if err := giveTo(folder); err != nil {
		tb.Fatal(err)
	}
	startPooler(ctx, tb, program, config, port)
	return "postgres://postgres@127.0.0.1:" + strconv.Itoa(port) + "/postgres?sslmode=disable"
}

func startPooler(ctx context.Context, tb testing.TB, program, config string, port int) {
	tb.Helper()
	pooler := asOther(exec.CommandContext(context.WithoutCancel(ctx), program, config)) //nolint:gosec // a fixed program
	pooler.Dir = filepath.Dir(config)
	if err := pooler.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = pooler.Process.Kill() // it keeps nothing
		_ = pooler.Wait()         // it was killed
	})
	again := time.NewTicker(askEvery)
	defer again.Stop()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err == nil {
			_ = conn.Close() // it answers
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			tb.Fatalf("pgbouncer did not become ready: %v", err)
		}
	}
}
