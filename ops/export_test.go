package ops

import "time"

// NewServer makes a server that does not listen.
func NewServer(s Settings) *Server { return newServer(s) }

// Look has the server look at its tasks as it does once a second.
func Look(s *Server, now time.Time) { s.desk.look(now) }
