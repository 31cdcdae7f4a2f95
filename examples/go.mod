module github.com/ergon-go/ergon/examples

go 1.26
