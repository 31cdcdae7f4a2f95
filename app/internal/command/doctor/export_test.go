package doctor

// Bounded calls do, and does not wait for it longer than timeout.
var Bounded = bounded
