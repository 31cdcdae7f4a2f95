package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// store is one set of tables that this process has open, shared by all connectors with the same configuration.
type store struct {
	names

	config DatabaseConfig
	pool   *pgxpool.Pool
	id     string // in the tables
	place  string // of the database: hosts and name
	wake   *wake
	levels sync.Map // level: struct{}; the priorities that are known to be in the tables
	users  int      // guarded by stores
}

// level is a priority of a queue.
type level struct {
	queue    int64
	priority int32
}

// stores are those that this process has open. This is the package's only global: connections are few, and a queue and its dead
// letters that share them also share their wake-ups.
var stores = openStores{turn: make(chan struct{}, 1)} //nolint:gochecknoglobals // see above

type openStores struct {
	turn chan struct{} // of whoever opens or closes
	all  map[storeKey]*store
}

type storeKey struct {
	config DatabaseConfig
	now    string
}

func (o *openStores) begin(ctx context.Context) error {
	select {
	case o.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (o *openStores) end() { <-o.turn }

// acquire returns the store of a configuration. The first caller connects, and creates or updates the tables.
func (o *openStores) acquire(ctx context.Context, key storeKey) (*store, error) {
	if err := o.begin(ctx); err != nil {
		return nil, err
	}
	defer o.end()
	s := o.all[key]
	if s == nil {
		var err error
		if s, err = openStore(ctx, key); err != nil {
			return nil, err
		}
		if o.all == nil {
			o.all = map[storeKey]*store{}
		}
		o.all[key] = s
	}
	s.users++
	return s, nil
}

// release closes the connections once nobody uses them.
func (o *openStores) release(ctx context.Context, s *store) error {
	if err := o.begin(ctx); err != nil {
		return err
	}
	defer o.end()
	s.users--
	if s.users > 0 {
		return nil
	}
	for key, other := range o.all {
		if other == s {
			delete(o.all, key)
		}
	}
	s.wake.close()
	s.pool.Close()
	return nil
}

func openStore(ctx context.Context, key storeKey) (_ *store, err error) {
	s := &store{names: names{schema: key.config.Schema, prefix: key.config.Prefix, now: key.now}, config: key.config}
	if s.pool, err = connect(ctx, key.config); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.pool.Close()
		}
	}()
	if err := s.migrate(ctx); err != nil {
		return nil, err
	}
	c := s.pool.Config().ConnConfig
	s.place = net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))) + "/" + c.Database
	for _, fallback := range c.Fallbacks {
		s.place += " " + net.JoinHostPort(fallback.Host, strconv.Itoa(int(fallback.Port)))
	}
	s.wake = newWake(s)
	if err := s.wake.listen(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// isSame reports whether two stores are the same tables. The tables of a copy of a database have the same id.
func (s *store) isSame(other *store) bool {
	return s == other ||
		s != nil && other != nil && s.id == other.id && s.place == other.place && s.schema == other.schema && s.prefix == other.prefix
}

// connect returns a pool that has reached the server once.
func connect(ctx context.Context, c DatabaseConfig) (*pgxpool.Pool, error) {
	config, err := poolConfig(c)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.ConnectTimeout+c.StatementTimeout)
	defer cancel()
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}

func poolConfig(c DatabaseConfig) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(c.URL)
	if err != nil {
		return nil, errors.New("url is not valid: " + withoutSecrets(err, c.URL))
	}
	config.MaxConns = int32(c.MaxConnections)
	config.MinConns = 0
	conn := config.ConnConfig
	conn.ConnectTimeout = c.ConnectTimeout
	if conn.ValidateConnect == nil { // of several hosts the one that can be written
		conn.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	if c.Pooler {
		conn.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
		return config, nil
	}
	for name, value := range map[string]string{
		"statement_timeout":                   inMillis(c.StatementTimeout),
		"lock_timeout":                        inMillis(c.LockTimeout),
		"idle_in_transaction_session_timeout": inMillis(c.StatementTimeout),
		// Every statement of a queue finds its rows by an index, in the order of the index. Statistics of a queue are always out of date,
		// and a plan that reads and sorts a million rows for a claim of a hundred is what they lead to. Compilation takes longer than
		// any of the statements.
		"enable_seqscan":          "off",
		"enable_bitmapscan":       "off",
		"enable_sort":             "off",
		"jit":                     "off",
		"tcp_keepalives_idle":     "30",
		"tcp_keepalives_interval": "10",
		"tcp_keepalives_count":    "3",
		"application_name":        "ergon",
	} {
		if _, chosen := conn.RuntimeParams[name]; !chosen {
			conn.RuntimeParams[name] = value
		}
	}
	return config, nil
}

func inMillis(d time.Duration) string { return strconv.FormatInt(max(d.Milliseconds(), 1), 10) }

// oldestServer is the oldest supported version: transaction numbers of 64 bits are from 13, and 14 is the oldest that is tested.
const oldestServer = 140000

func checkServer(number int64) error {
	if number < oldestServer {
		return fmt.Errorf("the server has version %d.%d, must be 14 or newer; update it", number/10000, number%10000)
	}
	return nil
}
