module github.com/seed05e46011/lambda

go 1.22
