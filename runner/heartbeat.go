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

// heartbeatMonitor decides when a worker process has sent no heartbeat for too long. It counts checks of the supervisor instead of
// reading a clock: if the supervisor itself was suspended or got no time from the machine, its own pause is not held against
// the process.
type heartbeatMonitor struct {
	every   time.Duration // between two checks
	max     int           // checks in a row without a heartbeat
	missing int           // so far
}

// newHeartbeatMonitor is for a process that has not sent a heartbeat yet.
func newHeartbeatMonitor(heartbeat time.Duration) heartbeatMonitor {
	every := heartbeat / checksPerHeartbeat
	return heartbeatMonitor{every: every, max: max(checksPerHeartbeat, int(startTimeout/every))}
}

// received notes a heartbeat.
func (m *heartbeatMonitor) received() { m.missing, m.max = 0, checksPerHeartbeat }

// missed is called at each check, and reports whether the process has sent no heartbeat for too long.
func (m *heartbeatMonitor) missed() bool {
	m.missing++
	return m.missing > m.max
}

// patience is the time in which a heartbeat has to come.
func (m *heartbeatMonitor) patience() time.Duration { return time.Duration(m.max) * m.every }
