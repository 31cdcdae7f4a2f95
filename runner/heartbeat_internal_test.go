package runner

import (
	"testing"
	"testing/synctest"
	"time"
)

// [E2] A process is killed at the first check after the time of a heartbeat, not before. A heartbeat starts the time anew.
func TestSilenceIsTooLongAfterTheTimeOfAHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newHeartbeatMonitor(20 * time.Second)
		check := time.NewTicker(m.every)
		defer check.Stop()
		missed := func() time.Duration {
			began := time.Now()
			for range 1000 {
				<-check.C
				if m.missed() {
					return time.Since(began)
				}
			}
			t.Fatal("never missed")
			return 0
		}
		m.received()
		if got := missed(); got != 22*time.Second {
			t.Errorf("missed after %s, want 20 s to be over and the next check to come", got)
		}
		m.received()
		if got := missed(); got != 22*time.Second {
			t.Errorf("missed %s after another heartbeat, want the same", got)
		}
	})
}

// [E2] A process has a minute to reach Manager.Run, or the time of a heartbeat if that is longer.
func TestProcessHasAMinuteToStart(t *testing.T) {
	for heartbeat, want := range map[time.Duration]int{time.Second: 600, 30 * time.Second: 20, time.Hour: 10} {
		m, checks := newHeartbeatMonitor(heartbeat), 0
		for checks <= want && !m.missed() {
			checks++
		}
		if checks != want {
			t.Errorf("heartbeat %s: missed after %d checks, want %d", heartbeat, checks, want)
		}
	}
}

// A supervisor that was suspended finds one tick of its clock, however long that was.
func TestSuspendedSupervisorDoesNotMissHeartbeats(t *testing.T) {
	m := newHeartbeatMonitor(time.Second)
	m.received()
	if m.missed() {
		t.Error("missed at the first check")
	}
}
