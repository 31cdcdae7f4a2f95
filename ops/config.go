package ops

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/ergon-go/ergon/policy"
)

// leastToken is how long a token must be, in bytes: none that is guessed.
const leastToken = 16

// Config is the section ops of a configuration.
type Config struct {
	// Listen is the address to serve on, host:port. A host that is left out is this machine, as seen from itself; all
	// interfaces are 0.0.0.0 or [::]. Port 0 is any that is free. "" (default): nothing is served.
	Listen string `yaml:"listen"`
	// Token, where it is set, is required for every request that changes something. It must be set, with at least 16
	// characters, to listen elsewhere than on this machine alone, and there looking needs it as well. Default: none.
	Token string `yaml:"token"`
	// Metrics says who may read /metrics: MetricsOpen (default) or MetricsToken.
	Metrics string `yaml:"metrics"`
	// Payloads has payloads of transactions and dead letters kept in memory and shown. Default false: they may be confidential.
	Payloads bool `yaml:"payloads"`
}

// Who may read /metrics.
const (
	MetricsOpen  = "open"  // whoever reaches the address
	MetricsToken = "token" // who sends the token
)

// DefaultConfig serves nothing.
func DefaultConfig() Config { return Config{Metrics: MetricsOpen} }

// On reports whether anything is served.
func (c Config) On() bool { return c.Listen != "" }

// Validate reports an address that cannot be, and one beyond this machine without a token.
func (c Config) Validate() error {
	if c.Token != "" && len(c.Token) < leastToken {
		return faultf("token", "has %d characters, must have at least %d; make one with: openssl rand -hex 16", len(c.Token), leastToken)
	}
	switch c.Metrics {
	case "", MetricsOpen:
	case MetricsToken:
		if c.Token == "" {
			return faultf("metrics", "is %s, but there is no token; set token, such as ${OPS_TOKEN}", MetricsToken)
		}
	default:
		return faultf("metrics", "is %q, must be %s or %s", c.Metrics, MetricsOpen, MetricsToken)
	}
	if !c.On() {
		return nil
	}
	_, port, err := net.SplitHostPort(c.Listen)
	if err != nil || port == "" {
		return faultf("listen", "%q is no address; write host:port, such as 127.0.0.1:9090", c.Listen)
	}
	if !c.loopback() && c.Token == "" {
		return faultf("token", "is empty, but listen is %s, which others than this machine may reach; set a token, such as ${OPS_TOKEN}, "+
			"or listen on 127.0.0.1", c.Listen)
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

// protected reports whether looking needs the token.
func (c Config) protected() bool { return c.Token != "" && !c.loopback() }

// isThisMachine reports whether a host, without a port, is a name of this machine for itself.
func isThisMachine(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && address.Unmap().IsLoopback()
}
