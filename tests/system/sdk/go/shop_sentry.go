// A shop in Go that reports with Sentry's SDK. Arguments: DSN, mark.
// Prints the id that the SDK gave its crash, and that of the trace in which it was.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/getsentry/sentry-go"
)

type OrderRefused struct{ reason string }

func (refused OrderRefused) Error() string { return refused.reason }

// An error of Go has no stack: the SDK tells of that where it is captured.
func charge(number int, mark string) {
	refused := OrderRefused{fmt.Sprintf("basket %d refused %s", number, mark)}
	fmt.Println(*sentry.CaptureException(refused))
}

func main() {
	dsn, mark := os.Args[1], os.Args[2]
	err := sentry.Init(sentry.ClientOptions{
		Dsn:              dsn,
		Release:          "shop-" + mark + "@7.1.0",
		Environment:      "production",
		ServerName:       "till-3",
		EnableTracing:    true,
		TracesSampleRate: 1,
		EnableLogs:       true,
	})
	if err != nil {
		log.Fatal(err)
	}
	sentry.ConfigureScope(func(scope *sentry.Scope) {
		scope.SetUser(sentry.User{ID: "ann", Email: "ann@shop.test"})
		scope.SetTag("team", "shop")
	})
	transaction := sentry.StartTransaction(
		context.Background(), "POST /orders", sentry.WithOpName("http.server"),
	)
	query := transaction.StartChild("db.query", sentry.WithDescription("INSERT orders"))
	query.Finish()
	sentry.AddBreadcrumb(&sentry.Breadcrumb{Category: "cart", Message: "3 lines"})
	sentry.NewLogger(transaction.Context()).Warn().Emitf("cart of %s has %d lines", mark, 3)
	sentry.WithScope(func(scope *sentry.Scope) {
		scope.SetSpan(transaction)
		scope.SetContext("order", sentry.Context{"number": 17})
		scope.AddAttachment(&sentry.Attachment{
			Filename: "order.log", Payload: []byte("line one\nline two\n"),
		})
		charge(17, mark)
	})
	fmt.Println(transaction.TraceID)
	transaction.Finish()
	if !sentry.Flush(10 * time.Second) {
		log.Fatal("not all was sent")
	}
}
