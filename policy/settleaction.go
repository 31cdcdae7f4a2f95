package policy

// SettleAction is what a source is told to do with a transaction.
type SettleAction uint8

const (
	// SettleAck removes it from the source.
	SettleAck SettleAction = iota
	// SettleRequeue lets the source deliver it again, after Settlement.Delay.
	SettleRequeue
	// SettleReject has the source keep it aside (a broker's own dead-letter queue). A source that has no such place
	// refuses it with an error that wraps errors.ErrUnsupported.
	SettleReject
)

// String returns ack, requeue or reject.
func (a SettleAction) String() string {
	switch a {
	case SettleRequeue:
		return "requeue"
	case SettleReject:
		return "reject"
	default:
		return "ack"
	}
}
