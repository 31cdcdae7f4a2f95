package policy

// SettleAction says how a source settles a transaction.
type SettleAction uint8

const (
	// SettleAck removes it from the source.
	SettleAck SettleAction = iota
	// SettleRequeue lets the source deliver it again, after Settlement.Delay.
	SettleRequeue
	// SettleReject moves it to the dead letters that the source keeps itself, such as a broker's dead-letter queue. A source
	// without such a place returns an error that wraps errors.ErrUnsupported.
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
