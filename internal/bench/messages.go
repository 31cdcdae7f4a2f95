package bench

import (
	"context"
	"strconv"

	"github.com/ThreeDotsLabs/watermill/message"
)

// messages is the least that Watermill can subscribe to: as many messages, of which as many as there are workers are
// unsettled at a time. Its own gochannel hands out one at a time to each subscriber.
type messages struct {
	items int
	acked int // once the subscription has ended
}

var _ message.Subscriber = (*messages)(nil)

// Subscribe ends by itself after the last message is settled, which ends the router.
func (m *messages) Subscribe(ctx context.Context, _ string) (<-chan *message.Message, error) {
	out := make(chan *message.Message, batchSize)
	go func() {
		defer close(out)
		var unsettled [workers]*message.Message
		for i := range m.items {
			m.settle(unsettled[i%workers])
			sent := message.NewMessage(strconv.Itoa(i), nil)
			sent.SetContext(ctx)
			unsettled[i%workers] = sent
			out <- sent
		}
		for _, sent := range unsettled[:] {
			m.settle(sent)
		}
	}()
	return out, nil
}

// settle waits until the message is settled.
func (m *messages) settle(sent *message.Message) {
	if sent == nil {
		return
	}
	select {
	case <-sent.Acked():
		m.acked++
	case <-sent.Nacked():
	}
}

// Close has nothing to close.
func (m *messages) Close() error { return nil }
