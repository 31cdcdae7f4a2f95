package postgres

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"
)

// sqlRunner runs statements in a transaction of database/sql. Drivers differ in the lists that they accept, so lists are texts here.
type sqlRunner struct {
	names *names
	run   *sql.Tx
}

func (r *sqlRunner) query(
	ctx context.Context, statement string, each func(scan func(into ...any) error) error, arguments ...any,
) (err error) {
	plain := make([]any, len(arguments))
	for i, argument := range arguments {
		plain[i] = literal(argument)
	}
	rows, err := r.run.QueryContext(ctx, r.names.sql(statement), plain...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if each == nil {
			continue
		}
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// literal writes a list as PostgreSQL does, and returns everything else unchanged.
func literal(argument any) any {
	switch list := argument.(type) {
	case []string:
		return listOf(list, quotedElement)
	case []*string:
		return listOf(list, func(text *string) string { return orNULL(text, quotedElement) })
	case []int32:
		return listOf(list, func(n int32) string { return strconv.FormatInt(int64(n), 10) })
	case []int64:
		return listOf(list, func(n int64) string { return strconv.FormatInt(n, 10) })
	case []*time.Time:
		return listOf(list, func(at *time.Time) string {
			return orNULL(at, func(at time.Time) string { return quotedElement(at.UTC().Format(time.RFC3339Nano)) })
		})
	case [][]byte:
		return listOf(list, func(data []byte) string { return quotedElement(`\x` + hex.EncodeToString(data)) })
	default:
		return argument
	}
}

func listOf[T any](list []T, element func(T) string) string {
	elements := make([]string, len(list))
	for i := range list {
		elements[i] = element(list[i])
	}
	return "{" + strings.Join(elements, ",") + "}"
}

func orNULL[T any](value *T, element func(T) string) string {
	if value == nil {
		return "NULL"
	}
	return element(*value)
}

func quotedElement(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
