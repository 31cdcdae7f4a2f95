package runner

import "time"

const (
	// reportEvery is how often a worker process says where it is.
	reportEvery = 250 * time.Millisecond
	// looks is how often in the time of a heartbeat its supervisor looks whether it has.
	looks = 10
	// helloTimeout is how long a process may take to get to Manager.Run; workers.heartbeat where that is longer.
	helloTimeout = time.Minute
)

// vitals judge from signs of life whether a worker process lives. Silence is counted in looks of the supervisor itself: one
// that was stopped, or that got no time from its machine, does not take its own absence for the worker's.
type vitals struct {
	every  time.Duration // between two looks
	most   int           // looks in a row without a sign
	silent int
}

// newVitals are for a process that has not given a sign yet.
func newVitals(heartbeat time.Duration) vitals {
	every := heartbeat / looks
	return vitals{every: every, most: max(looks, int(helloTimeout/every))}
}

// sign notes a sign of life.
func (v *vitals) sign() { v.silent, v.most = 0, looks }

// look reports whether it is time to kill the process: the time of a heartbeat is over without a sign.
func (v *vitals) look() bool {
	v.silent++
	return v.silent > v.most
}

// patience is how long it waits for a sign.
func (v *vitals) patience() time.Duration { return time.Duration(v.most) * v.every }
