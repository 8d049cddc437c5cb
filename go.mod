module github.com/seed05e46011/lambda

go 1.22

require (
	github.com/aws/aws-lambda-go v1.47.0
	github.com/aws/aws-sdk-go-v2 v1.36.3
	github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream v1.6.10
)

require github.com/aws/smithy-go v1.22.2 // indirect
