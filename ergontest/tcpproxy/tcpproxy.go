// Package tcpproxy is a TCP proxy that breaks connections on purpose, for tests of connectors to servers.
//
//	proxy, err := tcpproxy.Listen(t.Context(), "127.0.0.1:5432")
//	… connect to proxy.Addr() …
//	proxy.Cut()    // connections break, new ones work
//	proxy.Stall()  // nothing passes, and nothing breaks
//
// Without a fault it copies bytes in both directions.
package tcpproxy

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// Proxy copies the bytes of its clients to a server and back. Its methods are safe for concurrent use.
type Proxy struct {
	listener net.Listener
	server   string
	work     sync.WaitGroup

	mu     sync.Mutex
	closed bool
	fault  fault
	change chan struct{} // closed when the fault changes
	links  map[*link]struct{}
}

// fault is what the proxy does to bytes.
type fault struct {
	refuse bool          // new connections are closed at once
	stall  bool          // no byte passes in either direction
	answer bool          // no byte passes from the server to the client
	delay  time.Duration // of each piece
}

// link is one connection of a client, and the one to the server for it.
type link struct{ client, server net.Conn }

// Listen starts a proxy for a server on a free port of the loopback interface. Close ends it.
func Listen(ctx context.Context, server string) (*Proxy, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{listener: listener, server: server, change: make(chan struct{}), links: map[*link]struct{}{}}
	p.work.Go(p.accept)
	return p, nil
}

// Addr is the address for clients, host and port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Cut breaks all connections. New ones work.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.reset()
	}
}

// Refuse breaks all connections, and new ones until Restore is called, as a server that is down does.
func (p *Proxy) Refuse() {
	p.set(fault{refuse: true})
	p.Cut()
}

// Stall holds all bytes back until Restore is called, as a network that loses packets does. New connections are accepted.
func (p *Proxy) Stall() { p.set(fault{stall: true}) }

// HalfOpen holds the answers of the server back until Restore is called, while requests reach the server.
func (p *Proxy) HalfOpen() { p.set(fault{answer: true}) }

// Slow delays each piece of at most 32 KiB, in each direction, until Restore is called.
func (p *Proxy) Slow(delay time.Duration) { p.set(fault{delay: delay}) }

// Restore ends the fault. What was held back passes then.
func (p *Proxy) Restore() { p.set(fault{}) }

func (p *Proxy) set(f fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
	close(p.change)
	p.change = make(chan struct{})
}

// Close breaks all connections and returns when no goroutine of the proxy is left.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	err := p.listener.Close()
	p.Restore()
	p.Cut()
	p.work.Wait()
	return err
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.work.Go(func() { p.serve(client) })
	}
}

// dialWithin is the maximum time to reach the server.
const dialWithin = 10 * time.Second

func (p *Proxy) serve(client net.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), dialWithin)
	defer cancel()
	l := &link{client: client}
	defer l.close()
	if f, _ := p.current(); f.refuse {
		return
	}
	server, err := new(net.Dialer).DialContext(ctx, "tcp", p.server)
	if err != nil {
		return
	}
	l.server = server
	if !p.add(l) {
		return
	}
	defer p.remove(l)
	var both sync.WaitGroup
	both.Go(func() { p.copy(l, server, client, false) })
	both.Go(func() { p.copy(l, client, server, true) })
	both.Wait()
}

// copy moves bytes until one side ends.
func (p *Proxy) copy(l *link, to, from net.Conn, answer bool) {
	defer l.close()
	piece := make([]byte, 32<<10)
	for {
		n, err := from.Read(piece)
		if n > 0 {
			p.hold(answer)
			if _, err := to.Write(piece[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// hold returns when the fault lets bytes pass.
func (p *Proxy) hold(answer bool) {
	for {
		f, changed := p.current()
		switch {
		case f.stall, f.answer && answer:
			<-changed
		case f.delay > 0:
			timer := time.NewTimer(f.delay)
			<-timer.C
			return
		default:
			return
		}
	}
}

func (p *Proxy) current() (f fault, changed <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault, p.change
}

func (p *Proxy) add(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.fault.refuse {
		return false
	}
	p.links[l] = struct{}{}
	return true
}

func (p *Proxy) remove(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
}

// reset closes both connections so that the peers see an error, not an end.
func (l *link) reset() {
	for _, conn := range []net.Conn{l.client, l.server} {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
	}
	l.close()
}

func (l *link) close() {
	var errs []error
	for _, conn := range []net.Conn{l.client, l.server} {
		if conn != nil {
			errs = append(errs, conn.Close())
		}
	}
	_ = errors.Join(errs...) // closed twice, or broken
}
