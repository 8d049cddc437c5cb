package credentials

import (
	"context"
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

const testRole = "arn:aws:iam::123456789012:role/app"

// stsDocument returns STS's answer to action.
func stsDocument(action, key, expiration string) string {
	return `<` + action + `Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><` + action + `Result>` +
		`<Credentials><AccessKeyId>` + key + `</AccessKeyId><SecretAccessKey>` + testSecret + `</SecretAccessKey>` +
		`<SessionToken>` + testToken + `</SessionToken><Expiration>` + expiration + `</Expiration></Credentials>` +
		`<AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/app/s</Arn></AssumedRoleUser>` +
		`</` + action + `Result><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></` + action + `Response>`
}

// stsError is an answer with which STS refuses a call.
func stsError(code string) string {
	return `<ErrorResponse><Error><Type>Sender</Type><Code>` + code + `</Code><Message>` + testToken + testJWT +
		`</Message></Error><RequestId>1</RequestId></ErrorResponse>`
}

// fakeSTS assumes any role: the key of its session is named after the role.
type fakeSTS struct {
	sourceServer
}

func (s *fakeSTS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.requests = append(s.requests, r)
	s.mu.Unlock()
	arn := r.PostForm.Get("RoleArn")
	name := arn[strings.LastIndex(arn, "/")+1:]
	_, _ = w.Write([]byte(stsDocument(r.PostForm.Get("Action"), "ASIA"+strings.ToUpper(name), "2026-03-01T13:00:00Z")))
}

// calls lists for each call the role and the signer.
func (s *fakeSTS) calls() []string {
	list := make([]string, 0, len(s.requests))
	for _, r := range s.requests {
		form := r.PostForm
		call := form.Get("Action") + " " + form.Get("RoleArn") + " as " + form.Get("RoleSessionName")
		for _, name := range []string{"ExternalId", "DurationSeconds", "WebIdentityToken"} {
			if value := form.Get(name); value != "" {
				call += " " + name + "=" + value
			}
		}
		list = append(list, call+" signed by "+signedBy(r))
	}
	return list
}

// signedBy returns the access key id and the scope of a signature, "no key" for an unsigned request.
func signedBy(r *http.Request) string {
	_, credential, ok := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	if !ok {
		return "no key"
	}
	credential, _, _ = strings.Cut(credential, ",")
	return credential
}

func TestSharedFiles(t *testing.T) {
	const scope = "/20260301/eu-central-1/sts/aws4_request"
	inAnHour := testNow.Add(time.Hour)
	keys := "aws_secret_access_key = " + testSecret + "\n"
	tests := map[string]struct {
		credentials string
		config      string
		env         map[string]string
		profile     string // option
		wantKey     string
		wantToken   string
		wantEnd     time.Time
		wantCalls   []string
	}{
		"default profile of the credentials file": {
			credentials: "[default]\naws_access_key_id=AKIADEFAULT\n" + keys,
			wantKey:     "AKIADEFAULT",
		},
		"default profile of the config file": {
			config:  "[default]\naws_access_key_id=AKIADEFAULT\n" + keys,
			wantKey: "AKIADEFAULT",
		},
		"the key comes whole out of one file": {
			credentials: "[default]\naws_access_key_id=AKIANEW\n" + keys,
			config:      "[default]\naws_access_key_id=AKIAOLD\naws_secret_access_key=old\naws_session_token=old\n",
			wantKey:     "AKIANEW",
		},
		"AWS_PROFILE": {
			credentials: "[default]\naws_access_key_id=AKIADEFAULT\n" + keys + "[dev]\naws_access_key_id=AKIADEV\n" + keys,
			env:         map[string]string{"AWS_PROFILE": "dev"},
			wantKey:     "AKIADEV",
		},
		"the option comes before AWS_PROFILE": {
			credentials: "[prod]\naws_access_key_id=AKIAPROD\n" + keys,
			env:         map[string]string{"AWS_PROFILE": "dev"},
			profile:     "prod",
			wantKey:     "AKIAPROD",
		},
		"the format at its limits": {
			credentials: "\ufeff# comment\n; comment\r\nstray = 1\n[ dev ] # comment\r\n" +
				"AWS_ACCESS_KEY_ID = AKIADEV ; comment\r\nnonsense\ns3 =\n  aws_access_key_id = nested\n" +
				"aws_session_token = 'quoted=='\r\n" + keys + "[other]\naws_access_key_id=AKIAOTHER\n" + keys,
			profile:   "dev",
			wantKey:   "AKIADEV",
			wantToken: "quoted==",
		},
		"a profile with a blank, in quotes": {
			config:  "[profile \"my dev\"]\naws_access_key_id=AKIADEV\n" + keys,
			profile: "my dev",
			wantKey: "AKIADEV",
		},
		"role of a source profile": {
			credentials: "[base]\naws_access_key_id=AKIABASE\n" + keys,
			config: "[profile app]\nrole_arn=" + testRole + "\nsource_profile=base\nexternal_id=ext\n" +
				"role_session_name=me\nduration_seconds=900\n",
			profile:   "app",
			wantKey:   "ASIAAPP",
			wantToken: testToken,
			wantEnd:   inAnHour,
			wantCalls: []string{"AssumeRole " + testRole + " as me ExternalId=ext DurationSeconds=900 signed by AKIABASE" + scope},
		},
		"role of a role": {
			credentials: "[base]\naws_access_key_id=AKIABASE\n" + keys,
			config: "[profile app]\nrole_arn=" + testRole + "\nsource_profile=hop\n" +
				"[profile hop]\nrole_arn=arn:aws:iam::123456789012:role/hop\nsource_profile=base\n",
			profile:   "app",
			wantKey:   "ASIAAPP",
			wantToken: testToken,
			wantEnd:   inAnHour,
			wantCalls: []string{
				"AssumeRole arn:aws:iam::123456789012:role/hop as traefik-lambda signed by AKIABASE" + scope,
				"AssumeRole " + testRole + " as traefik-lambda signed by ASIAHOP" + scope,
			},
		},
		"a profile that is its own source": {
			credentials: "[app]\naws_access_key_id=AKIABASE\n" + keys,
			config:      "[profile app]\nrole_arn=" + testRole + "\nsource_profile=app\n",
			profile:     "app",
			wantKey:     "ASIAAPP",
			wantToken:   testToken,
			wantEnd:     inAnHour,
			wantCalls:   []string{"AssumeRole " + testRole + " as traefik-lambda signed by AKIABASE" + scope},
		},
		"role with the keys of the environment": {
			config:    "[profile app]\nrole_arn=" + testRole + "\ncredential_source=Environment\n",
			env:       map[string]string{"AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": testSecret},
			profile:   "app",
			wantKey:   "ASIAAPP",
			wantToken: testToken,
			wantEnd:   inAnHour,
			wantCalls: []string{"AssumeRole " + testRole + " as traefik-lambda signed by AKIAENV" + scope},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			noAWSEnvironment(t)
			setEnvironment(t, tc.env)
			setenv(t, "AWS_SHARED_CREDENTIALS_FILE", writeTestFile(t, "credentials", tc.credentials))
			setenv(t, "AWS_CONFIG_FILE", writeTestFile(t, "config", tc.config))
			sts := &fakeSTS{}
			settings := testSettings(t, &Config{Profile: tc.profile, StsEndpoint: "http://sts.example"}, sts)
			c, err := askSource(&credentialSource{"shared files", sharedFileCredentials}, settings)
			checkFound(t, c, err, tc.wantKey, tc.wantEnd)
			checkStrings(t, "calls of STS", sts.calls(), tc.wantCalls)
			if c.keys.SessionToken != tc.wantToken {
				t.Errorf("session token %q, want %q", c.keys.SessionToken, tc.wantToken)
			}
			if wantRecheck := tc.wantCalls == nil; (c.recheck > 0) != wantRecheck {
				t.Errorf("read again after %v", c.recheck)
			}
		})
	}
}

func TestProfileFromContainerAndInstance(t *testing.T) {
	const container = "/credentials"
	tests := map[string]struct {
		profile   string
		env       map[string]string
		wantAsked string // the last request
	}{
		"EcsContainer": {
			"credential_source = EcsContainer",
			map[string]string{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": container},
			"GET 169.254.170.2" + container,
		},
		"Ec2InstanceMetadata": {
			"credential_source = Ec2InstanceMetadata",
			map[string]string{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": container},
			"GET 169.254.169.254" + imdsRoles + "web",
		},
		"no source: the container's": {
			"",
			map[string]string{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": container},
			"GET 169.254.170.2" + container,
		},
		"no source and no container: the instance's": {
			"",
			nil,
			"GET 169.254.169.254" + imdsRoles + "web",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			noAWSEnvironment(t)
			setEnvironment(t, tc.env)
			setenv(t, "AWS_CONFIG_FILE", writeTestFile(t, "config", "[default]\nrole_arn="+testRole+"\n"+tc.profile))
			sts := &fakeSTS{}
			sources := &sourceServer{answers: map[string]string{
				imdsTokenRoute:             testJWT,
				"GET " + imdsRoles:         "web",
				"GET " + imdsRoles + "web": document("2026-03-01T18:00:00Z"),
				"GET " + container:         document("2026-03-01T18:00:00Z"),
			}}
			settings := testSettings(t, nil, sts)
			settings.linkLocal = testSettings(t, nil, sources).linkLocal
			setenv(t, "AWS_ENDPOINT_URL_STS", "http://sts.example")
			c, err := askSource(&credentialSource{"shared files", sharedFileCredentials}, settings)
			checkFound(t, c, err, "ASIAAPP", testNow.Add(time.Hour))
			asked := sources.asked()
			if len(asked) == 0 || asked[len(asked)-1] != tc.wantAsked {
				t.Errorf("asked %q, want %q last", asked, tc.wantAsked)
			}
			if got := signedBy(sts.requests[0]); !strings.HasPrefix(got, "ASIAFOUND/") {
				t.Errorf("signed by %s", got)
			}
		})
	}
}

func TestSharedFileFaults(t *testing.T) {
	tests := map[string]struct {
		config  string
		options *Config
		env     map[string]string
		want    string
	}{
		"no files":                    {"", nil, nil, "not set up: profile \"default\""},
		"a profile without keys":      {"[default]\nregion=eu-west-1\n", nil, nil, "not set up: profile \"default\" holds no"},
		"a profile that is not there": {"[default]\n", &Config{Profile: "dev"}, nil, "profile \"dev\" is neither in"},
		"an AWS_PROFILE that is not there": {"[default]\n", nil, map[string]string{"AWS_PROFILE": "dev"},
			"profile \"dev\" is neither in"},
		"a credentials file that is not there": {"", &Config{CredentialsFile: "/does/not/exist"}, nil, "/does/not/exist"},
		"a config file that is not there":      {"", &Config{ConfigFile: "/does/not/exist"}, nil, "/does/not/exist"},
		"a config file of another format": {testSecret, &Config{Profile: "dev"}, nil,
			"profile \"dev\" is neither in"},
		"a key without its secret": {"[default]\naws_access_key_id=AKIA\n", nil, nil, "only one of"},
		"a secret without its key": {"[default]\naws_secret_access_key=" + testSecret, nil, nil, "only one of"},
		"credential_process":       {"[default]\ncredential_process=/bin/x", nil, nil, "credential_process is not supported"},
		"sso_session":              {"[default]\nsso_session=x", nil, nil, "sso_session is not supported"},
		"legacy SSO":               {"[default]\nsso_start_url=x\nsso_account_id=1", nil, nil, "sso_start_url is not supported"},
		"mfa_serial":               {"[default]\nrole_arn=" + testRole + "\nsource_profile=x\nmfa_serial=m", nil, nil, "mfa_serial"},
		"a source without a role":  {"[default]\nsource_profile=x", nil, nil, "source_profile without role_arn"},
		"two sources": {"[default]\nrole_arn=" + testRole + "\nsource_profile=x\ncredential_source=Environment", nil, nil,
			"source_profile and credential_source: want one"},
		"a source that does not exist": {"[default]\nrole_arn=" + testRole + "\nsource_profile=x", nil, nil, "does not exist"},
		"a source without credentials": {"[default]\nrole_arn=" + testRole + "\nsource_profile=x\n[profile x]\nregion=r", nil, nil,
			"\"x\", source_profile of \"default\", holds no credentials"},
		"a circle": {"[default]\nrole_arn=" + testRole + "\nsource_profile=x\n[profile x]\nrole_arn=r\nsource_profile=default", nil, nil,
			"goes in a circle"},
		"another credential_source": {"[default]\nrole_arn=" + testRole + "\ncredential_source=x", nil, nil, "want Environment"},
		"a credential_source that is not set up": {"[default]\nrole_arn=" + testRole + "\ncredential_source=Environment", nil, nil,
			"credential_source Environment"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			noAWSEnvironment(t)
			setEnvironment(t, tc.env)
			setenv(t, "AWS_CONFIG_FILE", writeTestFile(t, "config", tc.config))
			settings := testSettings(t, tc.options, &sourceServer{})
			checkFault(t, credentialSource{"shared files", sharedFileCredentials}, settings, tc.want)
		})
	}
}

func TestCredentialSourceThatIsNotSetUpEndsTheSearch(t *testing.T) {
	noAWSEnvironment(t)
	setenv(t, "AWS_CONFIG_FILE", writeTestFile(t, "config", "[default]\nrole_arn="+testRole+"\ncredential_source=EcsContainer"))
	server := &sourceServer{}
	settings := testSettings(t, nil, server)
	_, _, err := retrieveFrom(credentialSources(settings.options), settings)
	if err == nil || !strings.Contains(err.Error(), "credential_source EcsContainer") {
		t.Errorf("error %v", err)
	}
	checkStrings(t, "asked", server.asked(), nil)
}

func TestWebIdentity(t *testing.T) {
	tokenFile := writeTestFile(t, "token", testJWT+"\n")
	tests := map[string]struct {
		options  *Config
		env      map[string]string
		wantHost string
		wantCall string
	}{
		"IRSA": {
			env:      map[string]string{"AWS_WEB_IDENTITY_TOKEN_FILE": tokenFile, "AWS_ROLE_ARN": testRole},
			wantHost: "sts.eu-central-1.amazonaws.com",
			wantCall: "AssumeRoleWithWebIdentity " + testRole + " as traefik-lambda",
		},
		"IRSA with a session name": {
			env: map[string]string{"AWS_WEB_IDENTITY_TOKEN_FILE": tokenFile, "AWS_ROLE_ARN": testRole,
				"AWS_ROLE_SESSION_NAME": "pod"},
			wantHost: "sts.eu-central-1.amazonaws.com",
			wantCall: "AssumeRoleWithWebIdentity " + testRole + " as pod",
		},
		"options come before the environment": {
			options: &Config{WebIdentityTokenFile: tokenFile, RoleArn: testRole, RoleSessionName: "option", Duration: "15m"},
			env: map[string]string{"AWS_WEB_IDENTITY_TOKEN_FILE": "/does/not/exist", "AWS_ROLE_ARN": "x",
				"AWS_ROLE_SESSION_NAME": "pod"},
			wantHost: "sts.eu-central-1.amazonaws.com",
			wantCall: "AssumeRoleWithWebIdentity " + testRole + " as option DurationSeconds=900",
		},
		"another STS": {
			env: map[string]string{"AWS_WEB_IDENTITY_TOKEN_FILE": tokenFile, "AWS_ROLE_ARN": testRole,
				"AWS_ENDPOINT_URL_STS": "http://sts.example:8080", "AWS_ENDPOINT_URL": "http://aws.example"},
			wantHost: "sts.example:8080",
			wantCall: "AssumeRoleWithWebIdentity " + testRole + " as traefik-lambda",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			noAWSEnvironment(t)
			setEnvironment(t, tc.env)
			sts := &fakeSTS{}
			settings := testSettings(t, tc.options, sts)
			settings.remote = plainHTTP{settings.linkLocal}
			c, err := askSource(&credentialSource{"web identity", webIdentityCredentials}, settings)
			checkFound(t, c, err, "ASIAAPP", testNow.Add(time.Hour))
			checkStrings(t, "calls of STS", sts.calls(), []string{tc.wantCall + " WebIdentityToken=" + testJWT + " signed by no key"})
			if got := sts.requests[0].Host; got != tc.wantHost {
				t.Errorf("asked %s, want %s", got, tc.wantHost)
			}
		})
	}
}

// plainHTTP sends requests for https:// over http://.
type plainHTTP struct{ transport http.RoundTripper }

func (p plainHTTP) RoundTrip(req *http.Request) (*http.Response, error) {
	req.URL.Scheme = "http"
	return p.transport.RoundTrip(req)
}

func TestWebIdentityTokenIsReadForEachSession(t *testing.T) {
	noAWSEnvironment(t)
	sts := &fakeSTS{}
	source := credentialSource{"web identity", webIdentityCredentials}
	settings := testSettings(t, &Config{RoleArn: testRole, StsEndpoint: "http://sts.example"}, sts)
	for _, token := range []string{"first", "second"} {
		settings.options.WebIdentityTokenFile = writeTestFile(t, "token", token)
		if _, err := askSource(&source, settings); err != nil {
			t.Fatal(err)
		}
		if got := sts.requests[len(sts.requests)-1].PostForm.Get("WebIdentityToken"); got != token {
			t.Errorf("token %q, want %q", got, token)
		}
	}
}

func TestSTSFaults(t *testing.T) {
	const action = "AssumeRoleWithWebIdentity"
	tests := map[string]fault{
		"refused":                        {answering(http.StatusForbidden, stsError("AccessDenied")), "answered 403 AccessDenied"},
		"a code that is none":            {answering(http.StatusBadRequest, stsError(testSecret)), "answered 400"},
		"out of order":                   {answering(http.StatusServiceUnavailable, ""), "answered 503"},
		"empty":                          {answering(http.StatusOK, ""), "not XML"},
		"cut off":                        {answering(http.StatusOK, "<a><b>"+testSecret), "not XML"},
		"another document":               {answering(http.StatusOK, "<a>"+testSecret+"</a>"), "holds no credentials"},
		"empty values":                   {answering(http.StatusOK, stsDocument(action, "", "2026-03-01T13:00:00Z")), "holds no credentials"},
		"no Expiration":                  {answering(http.StatusOK, stsDocument(action, "ASIA", "")), "no Expiration"},
		"expired":                        {answering(http.StatusOK, stsDocument(action, "ASIA", "2026-03-01T11:00:00Z")), "expired at"},
		"endless":                        {endless, "over 65536 bytes"},
		"slow":                           {silent, "context deadline exceeded"},
		"redirect":                       {redirects, "answered 302"},
		"entities that would blow it up": {answering(http.StatusOK, `<!DOCTYPE a [<!ENTITY b "x">]><a>&b;</a>`), "not XML"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			noAWSEnvironment(t)
			settings := testSettings(t, &Config{
				WebIdentityTokenFile: writeTestFile(t, "token", testJWT),
				RoleArn:              testRole,
				StsEndpoint:          "http://sts.example",
			}, tc.handler)
			checkFault(t, credentialSource{"web identity", webIdentityCredentials}, settings, tc.want)
		})
	}
}

func TestSTSEndpoint(t *testing.T) {
	tests := map[string]struct {
		option, region string
		env            map[string]string
		wantURL        string
		wantRegion     string
	}{
		"region":               {region: "eu-west-1", wantURL: "https://sts.eu-west-1.amazonaws.com/", wantRegion: "eu-west-1"},
		"China":                {region: "cn-north-1", wantURL: "https://sts.cn-north-1.amazonaws.com.cn/", wantRegion: "cn-north-1"},
		"option, with a slash": {option: "https://vpce.example/", region: "eu-west-1", wantURL: "https://vpce.example/", wantRegion: "eu-west-1"},
		"all of AWS elsewhere": {region: "eu-west-1", env: map[string]string{"AWS_ENDPOINT_URL": "http://localhost:4566"},
			wantURL: "http://localhost:4566/", wantRegion: "eu-west-1"},
		"configured endpoints ignored": {region: "eu-west-1",
			env:     map[string]string{"AWS_ENDPOINT_URL": "http://localhost:4566", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
			wantURL: "https://sts.eu-west-1.amazonaws.com/", wantRegion: "eu-west-1"},
		"FIPS": {region: "us-east-2", env: map[string]string{"AWS_USE_FIPS_ENDPOINT": "true"},
			wantURL: "https://sts-fips.us-east-2.amazonaws.com/", wantRegion: "us-east-2"},
		"FIPS in GovCloud": {region: "us-gov-west-1", env: map[string]string{"AWS_USE_FIPS_ENDPOINT": "true"},
			wantURL: "https://sts.us-gov-west-1.amazonaws.com/", wantRegion: "us-gov-west-1"},
		"dual stack": {region: "eu-west-1", env: map[string]string{"AWS_USE_DUALSTACK_ENDPOINT": "true"},
			wantURL: "https://sts.eu-west-1.api.aws/", wantRegion: "eu-west-1"},
		"no region, and no instance that knows one": {env: map[string]string{"AWS_EC2_METADATA_DISABLED": "true"},
			wantURL: "https://sts.amazonaws.com/", wantRegion: "us-east-1"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			noAWSEnvironment(t)
			forgetInstanceRegion()
			setEnvironment(t, tc.env)
			settings := &credentialSettings{options: &Config{StsEndpoint: tc.option}, region: tc.region}
			endpoint, region := stsEndpoint(context.Background(), settings)
			if endpoint != tc.wantURL || region != tc.wantRegion {
				t.Errorf("%s in %s, want %s in %s", endpoint, region, tc.wantURL, tc.wantRegion)
			}
		})
	}
}

func TestSTSDocumentsAreXML(t *testing.T) {
	for _, document := range []string{stsDocument("AssumeRole", "ASIA", "x"), stsError("AccessDenied")} {
		var root struct{ XMLName xml.Name }
		if err := xml.Unmarshal([]byte(document), &root); err != nil {
			t.Error(err)
		}
	}
}

func TestRoleFormKeepsValuesApart(t *testing.T) {
	form := roleForm("AssumeRole", &role{arn: testRole, sessionName: "a&RoleArn=b"})
	parsed, err := url.ParseQuery(form.Encode())
	if err != nil || parsed.Get("RoleArn") != testRole || len(parsed["RoleArn"]) != 1 {
		t.Errorf("%v %v", parsed, err)
	}
}
