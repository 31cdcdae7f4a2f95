package console

// Opened to tests.
var (
	Rate    = rate
	RoundUp = roundUp
)
