module github.com/ergon-go/ergon/app

go 1.26
