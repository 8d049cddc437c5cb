package authorizer

// The event formats of Lambda authorizers, as option eventFormat names them.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-input.html
const (
	FormatHTTPAPIv2    = "http-api-v2"
	FormatHTTPAPIv1    = "http-api-v1"
	FormatRESTAPI      = "rest-api"
	FormatRESTAPIToken = "rest-api-token"
)

// format holds the differences between replies and responses. The core makes the events, with the encoders of the
// function's events.
type format struct {
	name   string
	simple bool // takes {"isAuthorized": …} too, and contexts of any JSON
	token  bool // hands over one header, and checks it with identityValidation
	rest   bool // responds as REST APIs do
}

var formatNames = []string{FormatHTTPAPIv2, FormatHTTPAPIv1, FormatRESTAPI, FormatRESTAPIToken}

var formats = map[string]*format{
	FormatHTTPAPIv2:    {name: FormatHTTPAPIv2, simple: true},
	FormatHTTPAPIv1:    {name: FormatHTTPAPIv1},
	FormatRESTAPI:      {name: FormatRESTAPI, rest: true},
	FormatRESTAPIToken: {name: FormatRESTAPIToken, rest: true, token: true},
}
