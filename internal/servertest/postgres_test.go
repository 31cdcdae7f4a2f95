package servertest_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/ergon-go/ergon/internal/servertest"
)

// A server that was killed comes back at its address, and a server that was stopped is gone.
func TestServerIsStartedKilledAndStopped(t *testing.T) {
	var server servertest.Postgres
	if url := server.URL(t); url == "" {
		t.Fatal("no address")
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	port := server.Port()
	if err := answers(t.Context(), port); err != nil {
		t.Fatalf("after its start: %v", err)
	}
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatalf("after a kill: %v", err)
	}
	if err := answers(t.Context(), server.Port()); err != nil || server.Port() != port {
		t.Fatalf("after a kill: port %d, %v, want %d", server.Port(), err, port)
	}
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := answers(t.Context(), port); err == nil {
		t.Error("it answers after Stop")
	}
}

// answers asks for encryption, which a server that is there refuses or accepts with one byte.
func answers(ctx context.Context, port int) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", "127.0.0.1:"+strconv.Itoa(port))
	if err != nil {
		return err
	}
	defer conn.Close()
	request := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 8), 80877103)
	if _, err := conn.Write(request); err != nil {
		return err
	}
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	_, err = bufio.NewReader(conn).ReadByte()
	return err
}

func TestMain(m *testing.M) { os.Exit(servertest.Main(m)) }
