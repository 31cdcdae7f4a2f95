package runner

import "time"

const (
	// heartbeatEvery is how often a worker process sends a heartbeat.
	heartbeatEvery = 250 * time.Millisecond
	// checksPerHeartbeat is how often in the time of workers.heartbeat a supervisor checks whether one came.
	checksPerHeartbeat = 10
	// startTimeout is how long a process may take to reach Manager.Run; workers.heartbeat if that is longer.
	startTimeout = time.Minute
)

// heartbeatMonitor decides when a worker process has been silent for too long. It counts checks of the supervisor instead of
// reading a clock: if the supervisor itself was suspended or got no time from the machine, its own pause is not held against
// the process.
type heartbeatMonitor struct {
	every  time.Duration // between two checks
	max    int           // checks in a row without a heartbeat
	silent int           // so far
}

// newHeartbeatMonitor is for a process that has not sent a heartbeat yet.
func newHeartbeatMonitor(heartbeat time.Duration) heartbeatMonitor {
	every := heartbeat / checksPerHeartbeat
	return heartbeatMonitor{every: every, max: max(checksPerHeartbeat, int(startTimeout/every))}
}

// beat notes a heartbeat.
func (m *heartbeatMonitor) beat() { m.silent, m.max = 0, checksPerHeartbeat }

// missed is called at each check, and reports whether the process has been silent for too long.
func (m *heartbeatMonitor) missed() bool {
	m.silent++
	return m.silent > m.max
}

// patience is the time in which a heartbeat has to come.
func (m *heartbeatMonitor) patience() time.Duration { return time.Duration(m.max) * m.every }
