package ops

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/ergon-go/ergon/policy"
)

// minToken is the minimum length of a token in bytes, so that it cannot be guessed.
const minToken = 16

// Config is the section ops of a configuration.
type Config struct {
	// Listen is the address to serve on, host:port. Without a host it is 127.0.0.1; all interfaces are 0.0.0.0 or [::]. Port 0
	// is any free port. "" (default): nothing is served.
	Listen string `yaml:"listen"`
	// Token, if it is set, is required for every request that changes something. It has at least 16 characters. It must be set
	// to listen on an address that other machines can reach; then reading requires it as well. Default: none.
	Token string `yaml:"token"`
	// Metrics says who may read /metrics: MetricsOpen (default) or MetricsToken.
	Metrics string `yaml:"metrics"`
	// Payloads keeps payloads of transactions and dead letters in memory and shows them. Default false: they may be confidential.
	Payloads bool `yaml:"payloads"`
}

// Who may read /metrics.
const (
	MetricsOpen  = "open"  // everyone who reaches the address
	MetricsToken = "token" // everyone who sends the token
)

// DefaultConfig serves nothing.
func DefaultConfig() Config { return Config{Metrics: MetricsOpen} }

// On reports whether anything is served.
func (c Config) On() bool { return c.Listen != "" }

// Validate refuses an invalid address, and an address that other machines can reach without a token.
func (c Config) Validate() error {
	if c.Token != "" && len(c.Token) < minToken {
		return faultf("token", "has %d characters, must have at least %d; make one with: openssl rand -hex 16", len(c.Token), minToken)
	}
	switch c.Metrics {
	case "", MetricsOpen:
	case MetricsToken:
		if c.Token == "" {
			return faultf("metrics", "is %s, but token is empty; set token, such as ${OPS_TOKEN}", MetricsToken)
		}
	default:
		return faultf("metrics", "is %q, must be %s or %s", c.Metrics, MetricsOpen, MetricsToken)
	}
	if !c.On() {
		return nil
	}
	_, port, err := net.SplitHostPort(c.Listen)
	if err != nil || port == "" {
		return faultf("listen", "is %q, must be host:port, such as 127.0.0.1:9090", c.Listen)
	}
	if !c.loopback() && c.Token == "" {
		return faultf("token", "is empty, but other machines may reach %s (listen); set a token, such as ${OPS_TOKEN}, or listen on 127.0.0.1",
			c.Listen)
	}
	return nil
}

func faultf(key, format string, args ...any) error {
	return &policy.Fault{Path: key, Problem: fmt.Sprintf(format, args...)}
}

// address is where to listen.
func (c Config) address() string {
	host, port, err := net.SplitHostPort(c.Listen)
	if err == nil && host == "" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// loopback reports whether only this machine can reach the address.
func (c Config) loopback() bool {
	host, _, err := net.SplitHostPort(c.Listen)
	return err == nil && (host == "" || isThisMachine(host))
}

// protected reports whether reading requires the token.
func (c Config) protected() bool { return c.Token != "" && !c.loopback() }

// isThisMachine reports whether a host, without a port, is a loopback name or address.
func isThisMachine(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && address.Unmap().IsLoopback()
}
