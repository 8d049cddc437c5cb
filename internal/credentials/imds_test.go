package credentials

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

const (
	imdsTokenRoute = "PUT /latest/api/token"
	imdsRoles      = "/latest/meta-data/iam/security-credentials/"
)

func TestIMDSCredentials(t *testing.T) {
	inSixHours := testNow.Add(6 * time.Hour)
	tests := map[string]struct {
		env       map[string]string
		noToken   bool // the service knows of version 1 only
		roles     string
		expires   string
		wantAsked []string
		wantEnd   time.Time
	}{
		"version 2": {
			roles:   "web",
			expires: "2026-03-01T18:00:00Z",
			wantAsked: []string{
				"PUT 169.254.169.254/latest/api/token",
				"GET 169.254.169.254" + imdsRoles,
				"GET 169.254.169.254" + imdsRoles + "web",
			},
			wantEnd: inSixHours,
		},
		"the first of two roles, with a line break": {
			roles:   "web\nother\n",
			expires: "2026-03-01T18:00:00Z",
			wantAsked: []string{
				"PUT 169.254.169.254/latest/api/token",
				"GET 169.254.169.254" + imdsRoles,
				"GET 169.254.169.254" + imdsRoles + "web",
			},
			wantEnd: inSixHours,
		},
		"IPv6": {
			env:     map[string]string{"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "ipv6"},
			roles:   "web",
			expires: "2026-03-01T18:00:00Z",
			wantAsked: []string{
				"PUT [fd00:ec2::254]/latest/api/token",
				"GET [fd00:ec2::254]" + imdsRoles,
				"GET [fd00:ec2::254]" + imdsRoles + "web",
			},
			wantEnd: inSixHours,
		},
		"another endpoint comes before the mode": {
			env: map[string]string{
				"AWS_EC2_METADATA_SERVICE_ENDPOINT":      "http://metadata.example:1338/",
				"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv6",
			},
			roles:   "web",
			expires: "2026-03-01T18:00:00Z",
			wantAsked: []string{
				"PUT metadata.example:1338/latest/api/token",
				"GET metadata.example:1338" + imdsRoles,
				"GET metadata.example:1338" + imdsRoles + "web",
			},
			wantEnd: inSixHours,
		},
		"version 1, where the service knows no tokens": {
			noToken: true,
			roles:   "web",
			expires: "2026-03-01T18:00:00Z",
			wantAsked: []string{
				"PUT 169.254.169.254/latest/api/token",
				"GET 169.254.169.254" + imdsRoles,
				"GET 169.254.169.254" + imdsRoles + "web",
			},
			wantEnd: inSixHours,
		},
		"expired ones of a service out of order, that AWS takes for longer": {
			roles:   "web",
			expires: "2026-03-01T11:00:00Z",
			wantAsked: []string{
				"PUT 169.254.169.254/latest/api/token",
				"GET 169.254.169.254" + imdsRoles,
				"GET 169.254.169.254" + imdsRoles + "web",
			},
			wantEnd: testNow.Add(-time.Hour),
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			noAWSEnvironment(t)
			setEnvironment(t, tc.env)
			server := &sourceServer{answers: map[string]string{
				imdsTokenRoute:             testJWT,
				"GET " + imdsRoles:         tc.roles,
				"GET " + imdsRoles + "web": document(tc.expires),
			}}
			wantToken := testJWT
			if tc.noToken {
				delete(server.answers, imdsTokenRoute)
				wantToken = ""
			}
			source := credentialSource{"imds", imdsCredentials}
			c, err := askSource(&source, testSettings(t, nil, server))
			checkFound(t, c, err, "ASIAFOUND", tc.wantEnd)
			checkStrings(t, "asked", server.asked(), tc.wantAsked)
			if got := server.requests[0].Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds"); got != "300" {
				t.Errorf("time to live of the token: %q", got)
			}
			for _, r := range server.requests[1:] {
				if got := r.Header.Get("X-Aws-Ec2-Metadata-Token"); got != wantToken {
					t.Errorf("%s with token %q, want %q", r.URL.Path, got, wantToken)
				}
			}
		})
	}
}

// imdsThatFailsAt returns a metadata service that fails for one path only.
func imdsThatFailsAt(path string, failing http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == path || r.URL.Path == "/elsewhere":
			failing(w, r)
		case r.Method == http.MethodPut:
			_, _ = io.WriteString(w, testJWT)
		case r.URL.Path == imdsRoles:
			_, _ = io.WriteString(w, "web")
		default:
			_, _ = io.WriteString(w, document("2026-03-01T18:00:00Z"))
		}
	}
}

func TestIMDSFaults(t *testing.T) {
	for name, tc := range faults() {
		t.Run(name, func(t *testing.T) {
			noAWSEnvironment(t)
			settings := testSettings(t, nil, imdsThatFailsAt(imdsRoles+"web", tc.handler))
			checkFault(t, credentialSource{"imds", imdsCredentials}, settings, tc.want)
		})
	}
}

func TestIMDSFaultsBeforeTheDocument(t *testing.T) {
	const token = "/latest/api/token"
	tests := map[string]struct {
		env     map[string]string
		path    string
		handler http.HandlerFunc
		want    string
	}{
		"disabled": {
			map[string]string{"AWS_EC2_METADATA_DISABLED": "TRUE"}, token, answering(http.StatusOK, testJWT), "AWS_EC2_METADATA_DISABLED is set"},
		"version 1 only, but disabled": {
			map[string]string{"AWS_EC2_METADATA_V1_DISABLED": "true"}, token, answering(http.StatusNotFound, ""), "answered 404"},
		"the token's answer is lost on the way to a container": {nil, token, silent, "hop limit"},
		"no version 1 after another error":                     {nil, token, answering(http.StatusBadRequest, ""), "answered 400"},
		"the token call is redirected":                         {nil, token, redirects, "answered 302"},
		"the token is empty":                                   {nil, token, answering(http.StatusOK, ""), "the token is empty"},
		"the token has a line break":                           {nil, token, answering(http.StatusOK, testJWT+"\r\nX: 1"), "line break"},
		"no role":                                              {nil, imdsRoles, answering(http.StatusNotFound, ""), "the name of the role"},
		"an empty list of roles":                               {nil, imdsRoles, answering(http.StatusOK, "\n"), "no role"},
		"an endless list of roles":                             {nil, imdsRoles, endless, "over 65536 bytes"},
		"no endpoint": {
			map[string]string{"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://%zz"}, token, endless, "not a URL"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			noAWSEnvironment(t)
			setEnvironment(t, tc.env)
			settings := testSettings(t, nil, imdsThatFailsAt(tc.path, tc.handler))
			if tc.want == "hop limit" {
				settings.timeout = 50 * time.Millisecond
			}
			checkFault(t, credentialSource{"imds", imdsCredentials}, settings, tc.want)
		})
	}
}

func TestIMDSRoleIsEscaped(t *testing.T) {
	noAWSEnvironment(t)
	server := &sourceServer{answers: map[string]string{imdsTokenRoute: testJWT, "GET " + imdsRoles: "a/../b?c"}}
	source := credentialSource{"imds", imdsCredentials}
	_, err := askSource(&source, testSettings(t, nil, server))
	if err == nil {
		t.Fatal("found credentials")
	}
	last := server.requests[len(server.requests)-1].RequestURI
	if !strings.HasSuffix(last, "/a%2F..%2Fb%3Fc") {
		t.Errorf("asked %s", last)
	}
}
