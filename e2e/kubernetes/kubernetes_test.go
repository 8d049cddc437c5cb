// Package kubernetes_test applies the manifests of examples/kubernetes, unchanged, to a real Kubernetes API server, and
// asks a real Traefik that watches it.
package kubernetes_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed05e46011/lambda/e2e/internal/suite"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/functions"
	"github.com/seed05e46011/lambda/e2e/internal/network"
	"github.com/seed05e46011/lambda/e2e/internal/repo"
	"github.com/seed05e46011/lambda/e2e/internal/traefik"
	"github.com/seed05e46011/lambda/e2e/lambdalocal"
)

// patience bounds what takes a second or two, with room for a busy machine.
const patience = time.Minute

// The key in examples/kubernetes/secret.yaml, and one from the environment.
var (
	secretKey      = lambdalocal.Credential{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
	environmentKey = lambdalocal.Credential{AccessKeyID: "environment", SecretAccessKey: "secret"}
)

var (
	kubernetes *cluster
	gateway    *traefik.Instance
)

func TestMain(m *testing.M) {
	suite.Main("kubernetes", "SKIP_KUBERNETES", func(ctx context.Context) (int, error) { return runTests(ctx, m) })
}

func runTests(ctx context.Context, m *testing.M) (code int, err error) {
	if kubernetes, err = startCluster(ctx); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, kubernetes.stop()) }()
	if err := applyTraefiksOwn(ctx); err != nil {
		return 1, err
	}
	built, err := functions.Build(ctx)
	if err != nil {
		return 1, err
	}
	lambda, err := lambdalocal.Start(ctx, lambdalocal.Config{
		Functions: built, Credentials: []lambdalocal.Credential{secretKey, environmentKey},
	})
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, lambda.Close()) }()
	// The examples name no endpoint, and need none.
	front, err := network.To(lambda.URL())
	if err != nil {
		return 1, err
	}
	aws, err := network.Start(map[string]http.Handler{"lambda.eu-central-1.amazonaws.com": front})
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, aws.Close()) }()
	if gateway, err = startTraefik(ctx, aws); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, gateway.Stop()) }()
	return m.Run(), nil
}

// applyTraefiksOwn applies what Traefik and the Gateway API publish for their users: their kinds, and the rights that
// Traefik needs. The manifest of rights for the Gateway API gives them to another account than the other: both get them.
func applyTraefiksOwn(ctx context.Context) error {
	traefiks, err := moduleFolder(ctx, "github.com/traefik/traefik/v3")
	if err != nil {
		return err
	}
	gatewayAPI, err := moduleFolder(ctx, "sigs.k8s.io/gateway-api")
	if err != nil {
		return err
	}
	folder := filepath.Join(traefiks, "docs", "content", "reference", "dynamic-configuration")
	for _, path := range []string{
		filepath.Join(folder, "kubernetes-crd-definition-v1.yml"),
		filepath.Join(folder, "kubernetes-crd-rbac.yml"),
		filepath.Join(folder, "kubernetes-gateway-rbac.yml"),
		filepath.Join(gatewayAPI, "config", "crd", "standard"),
	} {
		// The definitions are too large for the annotation in which a client-side apply keeps them.
		if err := kubernetes.apply(ctx, path, "--server-side"); err != nil {
			return err
		}
	}
	if _, err := kubernetes.kubectl(ctx, "create", "clusterrolebinding", "gateway",
		"--clusterrole=gateway-role", "--serviceaccount=default:traefik-ingress-controller"); err != nil {
		return err
	}
	_, err = kubernetes.kubectl(ctx, "wait", "--for=condition=established", "--timeout=60s", "crd", "--all")
	return err
}

// moduleFolder returns where Go keeps a module that this one requires.
func moduleFolder(ctx context.Context, path string) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", path).Output()
	if err != nil {
		return "", fmt.Errorf("find the module %s: %w", path, err)
	}
	return strings.TrimSpace(string(out)), nil
}

func startTraefik(ctx context.Context, aws *network.Network) (*traefik.Instance, error) {
	providers := []string{"kubernetescrd", "kubernetesingress", "kubernetesgateway"}
	args := make([]string, 0, 4+3*len(providers))
	args = append(args,
		"--entrypoints.web.address=:80",
		"--experimental.abortonpluginfailure=true",
		"--experimental.localplugins."+traefik.PluginName+".modulename=github.com/seed05e46011/lambda",
		"--log.nocolor=true",
	)
	for _, provider := range providers {
		args = append(args,
			"--providers."+provider+".endpoint="+kubernetes.url,
			"--providers."+provider+".token="+traefikToken,
			"--providers."+provider+".certauthfilepath="+kubernetes.authority(),
		)
	}
	return traefik.Run(ctx, traefik.Command{
		Args: args,
		Env: append(aws.Env(),
			"AWS_ACCESS_KEY_ID="+environmentKey.AccessKeyID,
			"AWS_SECRET_ACCESS_KEY="+environmentKey.SecretAccessKey,
		),
	})
}

// applied applies one of the examples until the test ends.
func applied(t *testing.T, file string, args ...string) {
	t.Helper()
	if !strings.Contains(file, "/") {
		file = filepath.Join(repo.Root(), "examples", "kubernetes", file)
	}
	require.NoError(t, kubernetes.apply(t.Context(), append([]string{file}, args...)...))
	t.Cleanup(func() {
		_, err := kubernetes.kubectl(context.Background(), append([]string{"delete", "-f", file}, args...)...)
		assert.NoError(t, err)
	})
}

// get returns a status 0 while nothing listens.
func get(t *testing.T, host, target string) (response *http.Response, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, gateway.URL+target, http.NoBody)
	require.NoError(t, err)
	request.Host = host
	response, err = gateway.Client().Do(request)
	if err != nil {
		return &http.Response{}, err.Error()
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, string(content)
}

// await returns the first answer with a status.
func await(t *testing.T, status int, host, target string) (response *http.Response, body string) {
	t.Helper()
	if !assert.Eventually(t, func() bool {
		response, body = get(t, host, target)
		return response.StatusCode == status
	}, patience, 50*time.Millisecond) {
		require.FailNow(t, "no such answer", "want %d, got %d %s\n%s", status, response.StatusCode, body, gateway.Logs())
	}
	return response, body
}

func TestMiddlewareAnswers(t *testing.T) {
	applied(t, "hello.yaml")
	_, body := await(t, http.StatusOK, "hello.example.com", "/")
	assert.Contains(t, body, "arn:aws:lambda:eu-central-1:123456789012:function:hello")
}

func TestIngressNamesTheMiddleware(t *testing.T) {
	applied(t, "ingress.yaml")
	_, body := await(t, http.StatusOK, "ingress.example.com", "/path")
	assert.Contains(t, body, "arn:aws:lambda:eu-central-1:123456789012:function:hello")
}

func TestRouteOfTheGatewayAPIRefersToTheMiddleware(t *testing.T) {
	applied(t, "gateway.yaml")
	_, body := await(t, http.StatusOK, "gateway.example.com", "/path")
	assert.Contains(t, body, "arn:aws:lambda:eu-central-1:123456789012:function:hello")
}

func TestValuesOfTheirOwnTypesDecode(t *testing.T) {
	applied(t, "api.yaml")
	response, body := await(t, http.StatusOK, "api.example.com", "/users/42")
	assert.Contains(t, body, `"pathParameters":{"id":"42"}`, "a list of groups")
	assert.Contains(t, body, `"x-source":"traefik"`, "a map")
	assert.NotEmpty(t, response.Header.Get("Server-Timing"), "a boolean")
	_, body = get(t, "api.example.com", "/else")
	assert.Contains(t, body, "function:hello")

	tooLarge := strings.NewReader(strings.Repeat("x", 1048577))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, gateway.URL+"/else", tooLarge)
	require.NoError(t, err)
	request.Host = "api.example.com"
	response, err = gateway.Client().Do(request)
	require.NoError(t, err)
	assert.NoError(t, response.Body.Close())
	assert.Equal(t, http.StatusRequestEntityTooLarge, response.StatusCode, "a number")
}

func TestChangeOfASecretArrives(t *testing.T) {
	applied(t, "secret.yaml")
	await(t, http.StatusOK, "keys.example.com", "/")
	setSecret(t, "no longer the key")
	await(t, http.StatusBadGateway, "keys.example.com", "/")
	setSecret(t, secretKey.SecretAccessKey+"\n")
	await(t, http.StatusOK, "keys.example.com", "/")
	assert.NotContains(t, gateway.Logs(), "no longer the key")
}

func setSecret(t *testing.T, secretAccessKey string) {
	t.Helper()
	patch := fmt.Sprintf(`{"stringData": {"secretAccessKey": %q}}`, secretAccessKey)
	_, err := kubernetes.kubectl(t.Context(), "patch", "secret", "lambda", "--patch", patch)
	require.NoError(t, err)
}

func TestWhatGoesAlongIsTaken(t *testing.T) {
	_, err := kubernetes.kubectl(t.Context(), "create", "namespace", "traefik")
	require.NoError(t, err)
	applied(t, "networkpolicy.yaml", "-n", "traefik")
	for _, file := range []string{"irsa.yaml", "pod-identity.yaml"} {
		t.Run(file, func(t *testing.T) {
			applied(t, file, "-n", "traefik")
			role, err := kubernetes.kubectl(t.Context(), "get", "serviceaccount", "traefik", "-n", "traefik",
				"-o", `jsonpath={.metadata.annotations.eks\.amazonaws\.com/role-arn}`)
			require.NoError(t, err)
			assert.Equal(t, file == "irsa.yaml", strings.HasPrefix(role, "arn:aws:iam::"), role)
		})
	}
}

func TestWrongOptionsAreNamedAndOthersLive(t *testing.T) {
	applied(t, "hello.yaml")
	applied(t, filepath.Join("testdata", "wrong.yaml"))
	rows := map[string]struct{ name, want string }{
		"a typo":                         {"typo", "functoin: no such option: did you mean function?"},
		"true for a group":               {"group", "'ipStrategy' expected a map, got 'bool'"},
		"a list where a map belongs":     {"map", "'eventHeaders[0]' expected a map, got 'string'"},
		"a number where a list belongs":  {"list", `ipStrategy.excludedIPs: \"5\": want an IP address or a CIDR range`},
		"a number where routes belong":   {"routes", "'routes[0]' expected a map, got 'float64'"},
		"a word where a number belongs":  {"number", "cannot parse 'maxConcurrency' as int"},
		"a word where a boolean belongs": {"boolean", "cannot parse 'fallback' as bool"},
		"a secret that is missing":       {"secret", "secret default/missing is not found"},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			line, err := gateway.AwaitLog(ctx, row.want)
			require.NoError(t, err)
			assert.Regexp(t, "routerName=default-"+row.name+"-|Error while reading plugins middleware", line)
			response, _ := get(t, "", "/"+row.name)
			assert.Equal(t, http.StatusNotFound, response.StatusCode)
		})
	}
	await(t, http.StatusOK, "hello.example.com", "/")
}
