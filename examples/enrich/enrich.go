package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/service/database"
)

// Strike is a report of an aircraft that hit an animal.
type Strike struct {
	State   string `json:"Origin State"`     //nolint:tagliatelle // the names are those of the file
	Airport string `json:"Airport Name"`     //nolint:tagliatelle // likewise
	Species string `json:"Wildlife Species"` //nolint:tagliatelle // likewise
}

// Notice tells an office of a strike.
type Notice struct {
	Office  string `json:"office"`
	Airport string `json:"airport"`
	Species string `json:"species"`
}

// Enrich looks up the office of a strike's state.
type Enrich struct {
	Notices ergon.Dispatcher
	Offices *database.Database
}

// NewEnrich takes what the configuration names.
func NewEnrich(d *ergon.Dependencies) ergon.Task {
	return ergon.Consume(&Enrich{
		Notices: ergon.UseConnector[ergon.Dispatcher](d, "notices"),
		Offices: ergon.UseService[*database.Database](d, "offices"),
	})
}

// ProcessTransaction fails permanently if no office has the state; a database that is down is asked again.
func (e *Enrich) ProcessTransaction(ctx context.Context, tx ergon.TransactionOf[Strike]) (Notice, error) {
	office, err := database.QueryOne(ctx, e.Offices, name, "SELECT office FROM offices WHERE state = $1", tx.Body.State)
	if errors.Is(err, sql.ErrNoRows) {
		return Notice{}, ergon.Business(fmt.Errorf("no office is responsible for the state %q", tx.Body.State))
	}
	return Notice{Office: office, Airport: tx.Body.Airport, Species: tx.Body.Species}, err
}

// HandleProcessSuccess sends the notice.
func (e *Enrich) HandleProcessSuccess(ctx context.Context, tx ergon.TransactionOf[Strike], notice Notice) error {
	return e.Notices.DispatchTransactions(ctx, []ergon.Transaction{ergon.NewTransaction(tx.ID(), notice)})
}

func name(rows *sql.Rows) (office string, err error) {
	err = rows.Scan(&office)
	return office, err
}
