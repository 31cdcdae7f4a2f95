module github.com/ergon-go/ergon/bench

go 1.26
