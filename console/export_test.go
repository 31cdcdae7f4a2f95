package console

// Opened to tests.
var (
	Count   = count[int64]
	Rate    = rate
	RoundUp = roundUp
)
