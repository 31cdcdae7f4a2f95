package ops

import "time"

// NewServer makes a server that does not listen.
func NewServer(s Settings) *Server { return newServer(s) }

// Look has the server look at its tasks as it does once a second.
func Look(s *Server, now time.Time) { s.desk.look(now) }

// Addresses is how many addresses are remembered for their wrong tokens.
func Addresses(s *Server) int { return len(s.wrong.of) }

// Limits of what is kept and of what waits.
const (
	MaxAddresses    = maxAddresses
	MaxDelayed      = maxDelayed
	MaxDelayedAll   = maxDelayedAll
	MostStreams     = maxStreams
	MostStreamsEach = maxStreamsEach
)

// End ends streams and waits, as Close does.
func End(s *Server) { s.end() }
