package ops

import "time"

// NewServer makes a server that does not listen.
func NewServer(s Settings) *Server { return newServer(s) }

// Snapshot takes the snapshot of the tasks that the server takes once a second.
func Snapshot(s *Server, now time.Time) { s.backend.snapshot(now) }

// Addresses is how many addresses are remembered for their wrong tokens.
func Addresses(s *Server) int { return len(s.wrong.of) }

// Limits of what is kept and of what waits.
const (
	MaxAddresses   = maxAddresses
	MaxDelayed     = maxDelayed
	MaxDelayedAll  = maxDelayedAll
	MaxStreams     = maxStreams
	MaxStreamsEach = maxStreamsEach
)

// End ends streams and waits, as Close does.
func End(s *Server) { s.end() }
