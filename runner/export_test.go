package runner

// WithoutJitter makes the delays between restarts exact.
func WithoutJitter(s Settings) Settings {
	s.jitter = func() float64 { return 0 }
	return s
}
