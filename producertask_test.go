package ergon_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
)

// sender has all that a producing task may have.
type sender struct{ calls []string }

func (s *sender) PrepareTransaction(_ context.Context, tx ergon.TransactionOf[int]) error {
	s.calls = append(s.calls, "prepare "+tx.ID())
	return nil
}

func (s *sender) HandlePrepareSuccess(_ context.Context, tx ergon.TransactionOf[int]) error {
	s.calls = append(s.calls, "success "+tx.ID())
	return nil
}

func (s *sender) HandlePrepareException(_ context.Context, tx ergon.Transaction, cause *ergon.TransactionError) error {
	s.calls = append(s.calls, "exception "+tx.ID()+" "+cause.Error())
	return nil
}

func (s *sender) Execute(context.Context, ergon.TaskRun) error { return errBoom }
func (s *sender) Exit(context.Context) error                   { return errBoom }

var (
	_ ergon.PrepareSuccessHandler[int] = (*sender)(nil)
	_ ergon.PrepareExceptionHandler    = (*sender)(nil)
	_ ergon.TransactionSource          = (*source)(nil)
)

// source says what a run of it produces as well.
type source struct{ sender }

func (s *source) Transactions(context.Context) iter.Seq2[ergon.Transaction, error] {
	return func(yield func(ergon.Transaction, error) bool) { yield(ergon.NewTransaction("t-1", 1), nil) }
}

// splitter is a hybrid: an inbound number becomes that many outbound ones.
type splitter struct{ sender }

func (s *splitter) ProcessTransaction(_ context.Context, tx ergon.TransactionOf[int]) ([]ergon.Transaction, error) {
	return make([]ergon.Transaction, tx.Body), nil
}

// [E6] Everything that a type has is found when the task is made of it, and what it is follows from that.
func TestProducingTaskIsMadeOfTheMethodsThatThereAre(t *testing.T) {
	s := &source{}
	task := ergon.Produce(s)
	if err := task.Validate(); err != nil {
		t.Fatal(err)
	}
	tx := ergon.NewTransaction("t-1", 7)
	err := errors.Join(task.Prepare(t.Context(), tx), task.PrepareSuccess(t.Context(), tx),
		task.PrepareException(t.Context(), tx, &ergon.TransactionError{Err: errBoom}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"prepare t-1", "success t-1", "exception t-1 SYSTEM: boom"}, s.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	for produced := range task.Transactions(t.Context()) {
		if produced.ID() != "t-1" {
			t.Errorf("it produces %s, want t-1", produced.ID())
		}
	}
	if !errors.Is(task.Execute(t.Context(), nil), errBoom) || !errors.Is(task.Exit(t.Context()), errBoom) {
		t.Error("Execute or Exit is not the type's own")
	}
	if err := task.Prepare(t.Context(), ergon.NewTransaction("t-2", "x")); ergon.CategoryOf(err) != ergon.CategoryBusiness {
		t.Errorf("a payload that does not decode is prepared with %v, want BUSINESS", err)
	}
}

func TestKindFollowsFromWhatATaskHas(t *testing.T) {
	made := func(task ergon.Task) func(*ergon.Dependencies) ergon.Task {
		return func(*ergon.Dependencies) ergon.Task { return task }
	}
	for want, task := range map[string]func(*ergon.Dependencies) ergon.Task{
		"consumer": made(ergon.Consume(&whole{})), "producer": made(ergon.Produce(&source{})), "hybrid": made(ergon.Hybrid(&splitter{})),
		"custom":  made(ergon.Task{Execute: func(context.Context, ergon.TaskRun) error { return nil }}),
		"unknown": func(*ergon.Dependencies) ergon.Task { panic("no services yet") },
		"":        nil,
	} {
		if got := ergon.NewTaskConfig("t", task).Kind(); got != want {
			t.Errorf("kind is %q, want %q", got, want)
		}
	}
	if got := ergon.NewTaskConfig("t", made(ergon.Task{})).Kind(); got != "" {
		t.Errorf("kind of a task that is nothing is %q, want none", got)
	}
}

type (
	wrongPrepared struct{ processOnly }
	valueSender   struct{}
	returnsLost   struct{}
	hasStream     struct{ splitter }
)

func (wrongPrepared) PrepareTransaction(context.Context, ergon.TransactionOf[int]) error { return nil }

func (wrongPrepared) HandlePrepareSuccess(context.Context, ergon.Transaction) error { return nil }

func (wrongPrepared) Execute(context.Context) error { return nil }

func (wrongPrepared) Transactions() []ergon.Transaction { return nil }

func (valueSender) PrepareTransaction(context.Context, ergon.TransactionOf[int]) error { return nil }

func (*valueSender) Exit(context.Context) error { return nil }

func (returnsLost) ProcessTransaction(context.Context, ergon.TransactionOf[int]) ([]ergon.Transaction, error) {
	return nil, nil
}

func (*hasStream) Transactions(context.Context) iter.Seq2[ergon.Transaction, error] { return nil }

func TestMethodsThatWouldNeverBeCalledAreRefusedWithWhatIsRight(t *testing.T) {
	const of = "ergon_test."
	for name, c := range map[string]struct {
		task ergon.Task
		want []string
	}{
		"wrong signatures": {ergon.Produce(wrongPrepared{}), []string{
			of + "wrongPrepared.Transactions is not the handler of that name: it is func() []ergon.Transaction, it should be " +
				"Transactions(context.Context) iter.Seq2[github.com/ergon-go/ergon.Transaction,error]",
			of + "wrongPrepared.HandlePrepareSuccess is not the handler of that name: it is func(context.Context, ergon.Transaction) error, " +
				"it should be HandlePrepareSuccess(context.Context, ergon.TransactionOf[int]) error",
			of + "wrongPrepared.ProcessTransaction would never be called by a task that ergon.Produce made; make it with ergon.Hybrid",
			of + "wrongPrepared.Execute is not the handler of that name: it is func(context.Context) error, it should be " +
				"Execute(context.Context, ergon.TaskRun) error",
		}},
		"pointer receiver": {ergon.Produce(valueSender{}), []string{
			of + "valueSender.Exit has a pointer receiver, but the task was given as a value, so it would never be called; " +
				"give ergon.Produce a pointer: &" + of + "valueSender{…}",
		}},
		"producer as consumer": {ergon.Consume[int, []ergon.Transaction](&splitter{}), []string{
			"*" + of + "splitter.PrepareTransaction would never be called by a task that ergon.Consume made; make it with ergon.Hybrid",
			"*" + of + "splitter.ProcessTransaction returns transactions, and nothing would send them; add PrepareTransaction and make it " +
				"with ergon.Hybrid",
		}},
		"hybrid without its other half": {ergon.Consume[int, []ergon.Transaction](returnsLost{}), []string{
			of + "returnsLost.ProcessTransaction returns transactions, and nothing would send them; add PrepareTransaction and make it " +
				"with ergon.Hybrid",
		}},
		"nil producer":  {ergon.Produce[int]((*sender)(nil)), []string{"ergon.Produce was given a nil task"}},
		"nil hybrid":    {ergon.Hybrid[int, int]((*splitter)(nil)), []string{"ergon.Hybrid was given a nil task"}},
		"nil decorator": {ergon.Hybrid(&splitter{}, nil), []string{"ergon.Hybrid was given a nil decorator, number 1 of 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.task.Validate()
			if err == nil {
				t.Fatal("it is valid")
			}
			if diff := cmp.Diff(c.want, strings.Split(err.Error(), "\n")); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHybridWithAStreamOfItsOwnNeedsAnExecuteToCallIt(t *testing.T) {
	if err := ergon.Hybrid(&hasStream{}).Validate(); err != nil {
		t.Errorf("with Execute: %v", err)
	}
	forgotten := ergon.Hybrid(&struct {
		streaming
		outbound
	}{})
	if err := forgotten.Validate(); err == nil || !strings.Contains(err.Error(), "Transactions would never be called") {
		t.Errorf("without Execute: %v", err)
	}
}

type (
	streaming struct{}
	outbound  struct{}
)

func (streaming) Transactions(context.Context) iter.Seq2[ergon.Transaction, error]  { return nil }
func (outbound) PrepareTransaction(context.Context, ergon.TransactionOf[int]) error { return nil }
func (outbound) ProcessTransaction(context.Context, ergon.TransactionOf[int]) ([]ergon.Transaction, error) {
	return nil, nil
}

// [B3] Ids follow from the inbound id and the position, so that a redelivery makes the same.
func TestOutboundIDsDeriveFromTheInboundIDAndThePosition(t *testing.T) {
	inbound := ergon.NewTransaction("in", 1)
	made := func() []ergon.Transaction {
		return []ergon.Transaction{
			ergon.NewTransaction("", "a"), ergon.NewTransaction("own", "b"),
			{},
			ergon.NewTransaction("", "d").WithMetadata("k", "v"),
			ergon.NewTransaction("", "e").WithPayload("f"), ergon.NewTransaction("", "g").WithOrderingKey("k"),
		}
	}
	for range 2 {
		outbound, err := ergon.Task{}.Outbound(inbound, made())
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, tx := range outbound {
			ids = append(ids, tx.ID())
		}
		if want := []string{"in/0", "own", "in/2", "in/3", "in/4", "in/5"}; !slices.Equal(ids, want) {
			t.Errorf("ids %q, want %q", ids, want)
		}
		if value, _ := outbound[3].Metadata("k"); value != "v" || outbound[4].Payload() != "f" {
			t.Error("metadata or payload was lost")
		}
	}
	forwarded, err := ergon.Task{}.Outbound(inbound, []ergon.Transaction{inbound.WithDelivery(ergon.Delivery{Count: 3})})
	if err != nil || forwarded[0].ID() != "in" {
		t.Errorf("a transaction that is passed on became %v, %v", forwarded, err)
	}
}

// [B3]
func TestOutboundTransactionsThatCannotBeToldApartAreRefused(t *testing.T) {
	inbound := ergon.NewTransaction("in", 1)
	const twice = "outbound transactions 0 and 2 have the same id, so one of them could be taken for the other; " +
		"give each a different id, or none"
	for want, result := range map[string]any{
		twice: []ergon.Transaction{
			ergon.NewTransaction("x", 1), ergon.NewTransaction("y", 2), ergon.NewTransaction("x", 3),
		},
		"result of processing is a string, but a hybrid task returns its outbound transactions: a []ergon.Transaction": "x",
	} {
		_, err := ergon.Task{}.Outbound(inbound, result)
		if err == nil || err.Error() != want || !(&ergon.TransactionError{Err: err}).IsPermanent() {
			t.Errorf("got %v, want %s, not worth another attempt", err, want)
		}
	}
	if outbound, err := (ergon.Task{}).Outbound(inbound, nil); err != nil || len(outbound) != 0 {
		t.Errorf("no result became %v, %v", outbound, err)
	}
}
