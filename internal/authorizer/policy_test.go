package authorizer

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"strconv"
	"strings"
	"testing"
	"time"
)

const prefix = "arn:aws:execute-api:eu-west-1:123456789012:api/prod/"

// statementOf returns a policy of statements, each written without the braces.
func statementsOf(statements ...string) string {
	list := make([]string, 0, len(statements))
	for _, s := range statements {
		list = append(list, "{"+s+"}")
	}
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(list, ",") + `]}`
}

func parsed(text string) (*policy, error) {
	var document any
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&document); err != nil {
		return nil, err
	}
	return parsePolicy(document, prefix)
}

// say returns the verdict of a policy on a request for a path, "error" for an invalid policy.
func say(text, method, path string, f *facts) string {
	p, err := parsed(text)
	if err != nil {
		return "error"
	}
	t := targetOf(prefix, newRequest(method, path))
	return [...]string{"implicit", "allow", "explicit"}[evaluate(p, &t, f)]
}

// standardFacts are the facts of the requests in tables.
var standardFacts = &facts{
	now:      time.Date(2026, 11, 21, 15, 40, 38, 0, time.UTC),
	sourceIP: "203.0.113.7", userAgent: "curl/8.9.1", secure: true,
}

const (
	allow = `"Effect":"Allow","Action":"execute-api:Invoke","Resource":`
	deny  = `"Effect":"Deny","Action":"execute-api:Invoke","Resource":`
)

// ofAction returns a policy that allows an action, given as JSON, everywhere.
func ofAction(action string) string {
	return statementsOf(`"Effect":"Allow","Action":` + action + `,"Resource":"*"`)
}

func TestPolicies(t *testing.T) {
	all := allow + `"*"`
	cases := []struct {
		sentence, policy, path, want string
	}{
		{"one statement is no list", strings.NewReplacer("[", "", "]", "").Replace(statementsOf(all)), "/a", "allow"},
		{"a list", statementsOf(all), "/a", "allow"},
		{"no statement", statementsOf(), "/a", "implicit"},
		{"no resource", statementsOf(allow + "[]"), "/a", "implicit"},
		{"a list of resources", statementsOf(allow + `["x","` + prefix + `GET/a"]`), "/a", "allow"},
		{"no Version", `{"Statement":[{` + all + `}]}`, "/a", "allow"},
		{"the older Version", `{"Version":"2008-10-17","Statement":[{` + all + `}]}`, "/a", "allow"},
		{"another Version", `{"Version":"2024-01-01","Statement":[{` + all + `}]}`, "/a", "error"},
		{"Version null", `{"Version":null,"Statement":[{` + all + `}]}`, "/a", "error"},
		{"no Statement", `{"Version":"2012-10-17"}`, "/a", "error"},
		{"an unknown element of the policy", `{"Statements":[],"Statement":[]}`, "/a", "error"},
		{"an Id and a Sid", `{"Id":"x","Statement":[{"Sid":"y",` + all + `}]}`, "/a", "allow"},
		{"a list", "[]", "/a", "error"},

		{"a deny after an allow", statementsOf(all, deny+`"*"`), "/a", "explicit"},
		{"a deny before an allow", statementsOf(deny+`"*"`, all), "/a", "explicit"},
		{"a deny of something else", statementsOf(all, deny+`"`+prefix+`GET/b"`), "/a", "allow"},
		{"a deny of a prefix", statementsOf(all, deny+`"`+prefix+`GET/a*"`), "/a/", "explicit"},
		{"a deny without a wildcard, another slash", statementsOf(all, deny+`"`+prefix+`GET/a"`), "/a/", "allow"},

		{"* runs across slashes", statementsOf(allow + `"` + prefix + `*/users"`), "/a/users", "allow"},
		{"* matches nothing, too", statementsOf(allow + `"` + prefix + `*/*"`), "/", "allow"},
		{"* runs across colons", statementsOf(allow + `"arn:*/users"`), "/users", "allow"},
		{"? is one character", statementsOf(allow + `"` + prefix + `GET/?"`), "/a", "allow"},
		{"? is not two", statementsOf(allow + `"` + prefix + `GET/?"`), "/ab", "implicit"},
		{"? is not none", statementsOf(allow + `"` + prefix + `GET/?"`), "/", "implicit"},
		{"? may be a slash", statementsOf(allow + `"` + prefix + `GET?a"`), "/a", "allow"},
		{"a dot is a dot", statementsOf(allow + `"` + prefix + `GET/?.b"`), "/axb", "implicit"},
		{"resources have a case", statementsOf(allow + `"` + prefix + `GET/A"`), "/a", "implicit"},
		{"the short form", statementsOf(allow + `"execute-api:/GET/a"`), "/a", "allow"},
		{"a variable never allows", statementsOf(allow + `"` + prefix + `GET/${aws:username}*"`), "/a", "implicit"},
		{"a variable always denies", statementsOf(all, deny+`"`+prefix+`GET/${aws:username}"`), "/a", "explicit"},
		{"a variable beside what allows", statementsOf(allow + `["${x}","*"]`), "/a", "allow"},

		{"an action in another case", ofAction(`"EXECUTE-API:INVOKE"`), "/a", "allow"},
		{"every action", ofAction(`"*"`), "/a", "allow"},
		{"every action of the service", ofAction(`"execute-api:*"`), "/a", "allow"},
		{"a part of the action", ofAction(`"execute-api:Inv*"`), "/a", "allow"},
		{"one of several actions", ofAction(`["s3:*","execute-api:Invoke"]`), "/a", "allow"},
		{"another service's", ofAction(`"lambda:Invoke"`), "/a", "implicit"},
		{"an effect in lower case", statementsOf(`"Effect":"allow","Action":"*","Resource":"*"`), "/a", "error"},
		{"no effect", statementsOf(`"Action":"*","Resource":"*"`), "/a", "error"},
		{"no action", statementsOf(`"Effect":"Allow","Resource":"*"`), "/a", "error"},
		{"no resource at all", statementsOf(`"Effect":"Allow","Action":"*"`), "/a", "error"},
		{"an action that is none", ofAction(`1`), "/a", "error"},
		{"a resource that is null", statementsOf(allow + "null"), "/a", "error"},
		{"a list with a number", statementsOf(allow + `["*",1]`), "/a", "error"},
		{"a Principal", statementsOf(all + `,"Principal":"*"`), "/a", "error"},
		{"a misspelt Condition", statementsOf(all + `,"Conditions":{}`), "/a", "error"},
		{"an element in lower case", statementsOf(all + `,"condition":{}`), "/a", "error"},
		{"a statement that is none", `{"Statement":["x"]}`, "/a", "error"},

		{"NotAction of others", statementsOf(`"Effect":"Allow","NotAction":"s3:*","Resource":"*"`), "/a", "allow"},
		{"NotAction of this", statementsOf(`"Effect":"Allow","NotAction":"execute-api:*","Resource":"*"`), "/a", "implicit"},
		{"NotAction of nothing", statementsOf(`"Effect":"Allow","NotAction":[],"Resource":"*"`), "/a", "error"},
		{"Action and NotAction", ofAction(`"*","NotAction":"s3:*"`), "/a", "error"},
		{"NotResource of others", notResource("Allow", "GET/b"), "/a", "allow"},
		{"NotResource of this", notResource("Allow", "GET/a"), "/a", "implicit"},
		{"NotResource of a variable", notResource("Allow", "${x}"), "/a", "implicit"},
		{"a deny of all others", statementsOf(all, body(notResource("Deny", "GET/b"))), "/a", "explicit"},
		{"a deny of all but this", statementsOf(all, body(notResource("Deny", "GET/a"))), "/a", "allow"},
		{"NotResource of nothing", statementsOf(`"Effect":"Allow","Action":"*","NotResource":[]`), "/a", "error"},

		{"an escaped slash and a deny", statementsOf(all, deny+`"`+prefix+`GET/users/admin"`), "/users%2Fadmin", "explicit"},
		{"an escaped letter and a deny", statementsOf(all, deny+`"`+prefix+`GET/users/admin"`), "/users/%61dmin", "explicit"},
		{"an escaped letter and NotResource", notResource("Allow", "GET/users/admin"), "/users/%61dmin", "implicit"},
		{"an escaped slash and NotResource", notResource("Allow", "GET/users/admin"), "/users%2Fadmin", "implicit"},
		{"an escaped letter and a resource", statementsOf(allow + `"` + prefix + `GET/aa"`), "/a%61", "implicit"},
		{"an escape and a deny of the rest", statementsOf(all, body(notResource("Deny", "GET/a*"))), "/%61", "explicit"},
		{"an echoed ARN", statementsOf(allow + `"` + prefix + `GET/a%20b"`), "/a%20b", "allow"},
		{"an echoed ARN with a star", statementsOf(allow + `"` + prefix + `GET/%2A"`), "/*", "allow"},
		{"an echoed star is no wildcard", statementsOf(allow + `"` + prefix + `GET/%2A"`), "/b", "implicit"},
	}
	for _, c := range cases {
		if got := say(c.policy, "GET", c.path, standardFacts); got != c.want {
			t.Errorf("%s: got %s, want %s", c.sentence, got, c.want)
		}
	}
}

// notResource returns a policy with one statement, for everything but one resource of the API.
func notResource(effect, resource string) string {
	return statementsOf(`"Effect":"` + effect + `","Action":"*","NotResource":"` + prefix + resource + `"`)
}

// body returns the statement of a policy of one.
func body(policy string) string {
	_, statement, _ := strings.Cut(policy, `[{`)
	return strings.TrimSuffix(statement, "}]}")
}

func TestRandomPoliciesAgreeWithAModel(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	said := map[string]int{}
	for i := 0; i < 300; i++ {
		model := randomPolicy(random)
		text := model.json()
		for j := 0; j < 4; j++ {
			method := pick(random, "GET", "POST")
			path := pick(random, "/", "/a", "/a/b", "/a/b/c", "/b", "/ab", "/a%2Fb", "/%61", "/a/", "/b/a")
			got := say(text, method, path, standardFacts)
			want := model.verdict(method, path)
			said[want]++
			if got != want {
				t.Fatalf("%s %s: got %s, want %s of %s", method, path, got, want, text)
			}
		}
	}
	for _, verdict := range []string{"allow", "implicit", "explicit"} {
		if said[verdict] < 50 {
			t.Errorf("%s: got %d of 1200, want enough to tell", verdict, said[verdict])
		}
	}
}

// modelStatement is a statement of a random policy, in its original parts.
type modelStatement struct {
	effect    string
	actions   []string
	notAction bool
	resources []string // after prefix
	inverted  bool
	userAgent string // "" for no condition
}

type modelPolicy []modelStatement

func pick(random *rand.Rand, choices ...string) string { return choices[random.Intn(len(choices))] }

func randomPolicy(random *rand.Rand) modelPolicy {
	policy := make(modelPolicy, 1+random.Intn(4))
	for i := range policy {
		s := modelStatement{effect: "Allow"}
		if random.Intn(3) == 0 {
			s.effect = "Deny"
		}
		for len(s.actions) == 0 || random.Intn(4) == 0 {
			s.actions = append(s.actions, pick(random,
				"execute-api:Invoke", "execute-api:*", "*", "Execute-API:inv?ke", "s3:Get*", "lambda:Invoke"))
		}
		s.notAction = random.Intn(6) == 0
		for len(s.resources) == 0 || random.Intn(3) == 0 {
			s.resources = append(s.resources, pick(random,
				"GET/a", "GET/*", "*", "*/a/?", "POST/a*", "GET/?", "GET/a/*/c", "*/b", "GET/", "?ET/a*"))
		}
		s.inverted = random.Intn(4) == 0
		if random.Intn(4) == 0 {
			s.userAgent = pick(random, "curl/*", "Mozilla*", "curl/8.9.?")
		}
		policy[i] = s
	}
	return policy
}

func (p modelPolicy) json() string {
	statements := make([]string, 0, len(p))
	for _, s := range p {
		resources := make([]string, 0, len(s.resources))
		for _, resource := range s.resources {
			resources = append(resources, strconv.Quote(prefix+resource))
		}
		actions, _ := json.Marshal(s.actions)
		text := fmt.Sprintf(`"Effect":%q,%q:%s,%q:[%s]`, s.effect,
			not(s.notAction)+"Action", actions, not(s.inverted)+"Resource", strings.Join(resources, ","))
		if s.userAgent != "" {
			text += fmt.Sprintf(`,"Condition":{"StringLike":{"aws:UserAgent":%q}}`, s.userAgent)
		}
		statements = append(statements, text)
	}
	return statementsOf(statements...)
}

func not(negated bool) string {
	if negated {
		return "Not"
	}
	return ""
}

// verdict evaluates the model by recursion over characters, as the specification reads.
func (p modelPolicy) verdict(method, path string) string {
	sent := prefix + method + path
	decoded := prefix + method + strings.NewReplacer("%2F", "/", "%61", "a").Replace(path)
	result := "implicit"
	for _, s := range p {
		if globAny("execute-api:invoke", s.actions) == s.notAction {
			continue
		}
		if s.userAgent != "" && !glob("curl/8.9.1", s.userAgent) {
			continue
		}
		inSent := s.covers(sent)
		inDecoded := s.covers(decoded)
		if s.effect == "Deny" {
			if (!s.inverted && (inSent || inDecoded)) || (s.inverted && (!inSent || !inDecoded)) {
				return "explicit"
			}
			continue
		}
		if (!s.inverted && inSent) || (s.inverted && !inSent && !inDecoded) {
			result = "allow"
		}
	}
	return result
}

func (s modelStatement) covers(arn string) bool {
	for _, resource := range s.resources {
		if glob(arn, prefix+resource) {
			return true
		}
	}
	return false
}

func globAny(text string, patterns []string) bool {
	for _, pattern := range patterns {
		if glob(text, strings.ToLower(pattern)) {
			return true
		}
	}
	return false
}

// glob matches by recursion.
func glob(text, pattern string) bool {
	switch {
	case pattern == "":
		return text == ""
	case pattern[0] == '*':
		return glob(text, pattern[1:]) || (text != "" && glob(text[1:], pattern))
	case text == "":
		return false
	}
	return (pattern[0] == '?' || pattern[0] == text[0]) && glob(text[1:], pattern[1:])
}

func FuzzPolicies(f *testing.F) {
	f.Add(statementsOf(allow+`"*"`), "/a")
	conditioned := body(notResource("Deny", "GET/a")) + `,"Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`
	f.Add(statementsOf(conditioned), "/%61")
	f.Fuzz(func(t *testing.T, text, path string) {
		p, err := parsed(text)
		if err != nil || !strings.HasPrefix(path, "/") {
			return
		}
		arn := &target{sent: prefix + "GET" + path, decoded: prefix + "GET" + path}
		evaluated := evaluate(p, arn, standardFacts)
		if evaluated == verdictAllow && !strings.Contains(text, "Allow") && !strings.Contains(text, `\`) {
			t.Errorf("got an allow of a policy without one: %s", text)
		}
	})
}
