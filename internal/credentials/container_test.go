package credentials

import (
	"net/http"
	"testing"
	"time"
)

func TestContainerCredentials(t *testing.T) {
	inAnHour := testNow.Add(time.Hour)
	tests := map[string]struct {
		env        map[string]string
		tokenFile  string // content; "" for no file
		expiration string
		wantHost   string
		wantToken  string
		wantEnd    time.Time
	}{
		"relative URI, as on ECS": {
			env:        map[string]string{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/id"},
			expiration: "2026-03-01T13:00:00Z",
			wantHost:   "169.254.170.2",
			wantEnd:    inAnHour,
		},
		"relative URI comes before the full one": {
			env: map[string]string{
				"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/id",
				"AWS_CONTAINER_CREDENTIALS_FULL_URI":     "http://localhost/v2/credentials/id",
			},
			expiration: "2026-03-01T13:00:00Z",
			wantHost:   "169.254.170.2",
			wantEnd:    inAnHour,
		},
		"full URI with a token file, as EKS Pod Identity sets it": {
			env:        map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v2/credentials/id"},
			tokenFile:  testJWT,
			expiration: "2026-03-01T13:00:00Z",
			wantHost:   "169.254.170.23",
			wantToken:  testJWT,
			wantEnd:    inAnHour,
		},
		"IPv6 address of EKS Pod Identity": {
			env:        map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://[fd00:ec2::23]/v2/credentials/id"},
			expiration: "2026-03-01T13:00:00Z",
			wantHost:   "[fd00:ec2::23]",
			wantEnd:    inAnHour,
		},
		"name of loopback with a port": {
			env:        map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://localhost:1338/v2/credentials/id"},
			expiration: "2026-03-01T13:00:00Z",
			wantHost:   "localhost:1338",
			wantEnd:    inAnHour,
		},
		"token of the environment": {
			env: map[string]string{
				"AWS_CONTAINER_CREDENTIALS_FULL_URI":     "http://127.0.0.1/v2/credentials/id",
				"AWS_CONTAINER_AUTHORIZATION_TOKEN":      "Basic abc",
				"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "",
			},
			expiration: "2026-03-01T13:00:00Z",
			wantHost:   "127.0.0.1",
			wantToken:  "Basic abc",
			wantEnd:    inAnHour,
		},
		"token file comes before the token": {
			env: map[string]string{
				"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1/v2/credentials/id",
				"AWS_CONTAINER_AUTHORIZATION_TOKEN":  "Basic abc",
			},
			tokenFile:  testJWT,
			expiration: "2026-03-01T13:00:00Z",
			wantHost:   "127.0.0.1",
			wantToken:  testJWT,
			wantEnd:    inAnHour,
		},
		"without Expiration they do not end": {
			env:      map[string]string{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/id"},
			wantHost: "169.254.170.2",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			noAWSEnvironment(t)
			setEnvironment(t, tc.env)
			if tc.tokenFile != "" {
				setenv(t, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", writeTestFile(t, "token", tc.tokenFile))
			}
			server := &sourceServer{answers: map[string]string{"GET /v2/credentials/id": document(tc.expiration)}}
			source := credentialSource{"container", containerCredentials}
			c, err := askSource(&source, testSettings(t, nil, server))
			checkFound(t, c, err, "ASIAFOUND", tc.wantEnd)
			checkStrings(t, "asked", server.asked(), []string{"GET " + tc.wantHost + "/v2/credentials/id"})
			if got := server.requests[0].Header.Get("Authorization"); got != tc.wantToken {
				t.Errorf("Authorization %q, want %q", got, tc.wantToken)
			}
		})
	}
}

func TestContainerFaults(t *testing.T) {
	all := faults()
	all["expired"] = fault{answering(http.StatusOK, document("2026-03-01T11:59:59Z")), "expired at 2026-03-01T11:59:59Z"}
	for name, tc := range all {
		t.Run(name, func(t *testing.T) {
			noAWSEnvironment(t)
			setenv(t, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/credentials")
			setenv(t, "AWS_CONTAINER_AUTHORIZATION_TOKEN", testJWT)
			checkFault(t, credentialSource{"container", containerCredentials}, testSettings(t, nil, tc.handler), tc.want)
		})
	}
}

func TestContainerEnvironmentIsChecked(t *testing.T) {
	const loopback = "http://127.0.0.1/credentials"
	tests := map[string]struct {
		env  map[string]string
		want string
	}{
		"nothing set": {nil, "not set up"},
		"relative URI that names another host": {
			map[string]string{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "@evil.example/"}, "does not begin with /"},
		"plain HTTP to a public address": {
			map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://192.0.2.1/credentials"}, "use https://"},
		"plain HTTP to the instance's metadata": {
			map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.169.254/latest/"}, "use https://"},
		"user info that looks like loopback": {
			map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1@192.0.2.1/"}, "use https://"},
		"no URL": {
			map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://%zz" + testSecret}, "not the URL"},
		"another scheme": {
			map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "file:///etc/passwd"}, "not the URL"},
		"token with a line break": {
			map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": loopback, "AWS_CONTAINER_AUTHORIZATION_TOKEN": testJWT + "\r\nX-Evil: 1"},
			"line break"},
		"token file that is not there": {
			map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": loopback, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/does/not/exist"},
			"/does/not/exist"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			noAWSEnvironment(t)
			setEnvironment(t, tc.env)
			server := &sourceServer{}
			checkFault(t, credentialSource{"container", containerCredentials}, testSettings(t, nil, server), tc.want)
			checkStrings(t, "asked", server.asked(), nil)
		})
	}
}

func TestContainerTokenFileWithLineBreakIsRefused(t *testing.T) {
	noAWSEnvironment(t)
	setenv(t, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/credentials")
	setenv(t, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", writeTestFile(t, "token", testJWT+"\n"))
	checkFault(t, credentialSource{"container", containerCredentials}, testSettings(t, nil, &sourceServer{}), "line break")
}
