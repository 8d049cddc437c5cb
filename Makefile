# All targets build what they need into .build/; a fresh clone with Go, make and gcc is enough, and Node.js 20 with
# npm for e2e, which runs functions of Node's frameworks.
# The first build of Traefik takes about 8 minutes on 2 cores, later ones take seconds.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BUILD := $(CURDIR)/.build
GO ?= go
# Port of `make run`; time that a call of a function of your own may take there; how often `make test` runs each fuzz target.
PORT ?= 8080
TIMEOUT ?= 30s
FUZZTIME ?= 10000x
# Of `make interpreted`: which tests, as a regular expression.
RUN ?= .
# Of `make bench`: which cases (a regular expression), how many rounds, for how long each contender is asked in a round, and
# the page whose table is renewed.
CASES ?= .
TABLE ?=
ROUNDS ?= 5
SECONDS ?= 3
# Of `make bench-micro`: which benchmarks, how often and how long each.
BENCH ?= .
COUNT ?= 6
BENCHTIME ?= 100ms

# A Traefik at hand (v3.1 or later) saves the long build: TRAEFIK=path names one, else the one on PATH is taken.
ifndef TRAEFIK
TRAEFIK := $(shell traefik version 2>/dev/null | grep -Eq '^Version: +(v?3\.[1-9]|dev)' && command -v traefik || echo $(BUILD)/traefik)
endif
override TRAEFIK := $(abspath $(TRAEFIK))
export TRAEFIK
# Versions of what is built here tell nobody anything, and Git refuses to tell them of a clone that another user owns.
export GOFLAGS += -buildvcs=false

## help: list the targets
.PHONY: help
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## run: Traefik with the plugin and local Lambda functions on http://127.0.0.1:PORT (8080), until Ctrl-C;
## run: CREDENTIALS=imds, container, irsa, profile or env has it find its credentials there;
## run: FUNCTION="name=code ..." has functions of your own answer, with OPTIONS="name=value ..." of the plugin: docs/local.md
.PHONY: run
run: $(TRAEFIK)
	cd e2e && $(GO) build -o $(BUILD)/run ./cmd/run
	exec $(BUILD)/run -port $(PORT) -credentials "$(CREDENTIALS)" -timeout $(TIMEOUT) \
		$(foreach function,$(FUNCTION),-function '$(function)') $(foreach option,$(OPTIONS),-option '$(option)')

## check: tell what is wrong with the plugin's options in FILES="dynamic.yml docker-compose.yml k8s/"
.PHONY: check
check:
	@cd e2e && $(GO) build -o $(BUILD)/check ./cmd/check
	@$(BUILD)/check $(FILES)

## migrate: print middlewares for FILE=serverless.yml, a SAM template or an OpenAPI document; FORMAT=file, labels or crd
.PHONY: migrate
migrate:
	@cd e2e && $(GO) build -o $(BUILD)/migrate ./cmd/migrate
	@$(BUILD)/migrate $(if $(FORMAT),-format $(FORMAT)) $(FILE)

## release-check: tell whether this commit can be tagged as a release, or what is missing
.PHONY: release-check
release-check:
	@cd e2e && $(GO) run ./cmd/release

## schema: write docs/options.schema.json, the JSON schema of the options for editors
.PHONY: schema
schema:
	cd e2e && $(GO) run ./cmd/schema

## test: all that CI checks
.PHONY: test
test: format lint dialect generated unit interpreted fuzz e2e

## format: fail if gofmt would change a file
.PHONY: format
format:
	@unformatted=$$(find . \( -name vendor -o -name node_modules -o -name .build \) -prune -o -name '*.go' -exec gofmt -l {} +); \
	if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi

## lint: go vet and golangci-lint on both modules
.PHONY: lint
lint: $(BUILD)/golangci-lint
	$(GO) vet ./...
	cd e2e && $(GO) vet ./...
	$(BUILD)/golangci-lint run --allow-parallel-runners ./...
	cd e2e && $(BUILD)/golangci-lint run --allow-parallel-runners ./...

## dialect: refuse in the plugin what Yaegi silently runs otherwise than Go
.PHONY: dialect
dialect:
	cd e2e && $(GO) run ./cmd/yaegicheck ..

## generate: write the workers from the functions that are marked for it
.PHONY: generate
generate:
	cd e2e && $(GO) run ./cmd/inline ..

## generated: fail if that would change the file
.PHONY: generated
generated:
	cd e2e && $(GO) run ./cmd/inline -check ..

## unit: the plugin's unit tests, compiled, with the race detector, and each benchmark once
.PHONY: unit
unit:
	$(GO) test -race -bench . -benchtime 1x ./...

## interpreted: the same tests, interpreted by Yaegi as Traefik does (PACKAGES=./internal/route RUN=TestFind for some)
# Yaegi knows no modules: it wants the package in a GOPATH, where no vendored package of the compiled tests is in its way.
.PHONY: interpreted
interpreted: gopath $(BUILD)/yaegi
	for package in $(PACKAGES); do (cd $(GOPATH_PLUGIN)/$$package && $(YAEGI_TEST) -v -run '$(RUN)' -bench '$(RUN)' -benchtime 1x .); done

## allocations: renew testdata/allocations.txt, what the tests let a request of each kind allocate
.PHONY: allocations
allocations: gopath $(BUILD)/yaegi
	cd $(GOPATH_PLUGIN) && ALLOCATIONS=$(CURDIR)/testdata/allocations.txt $(YAEGI_TEST) -run TestAllocations .

# The folders of the plugin's packages, which have tests each; e2e is a module of its own.
PACKAGES = $(shell find . -name '*_test.go' -not -path './e2e/*' -not -path './vendor/*' -not -path './.build/*' -printf '%h\n' | sort -u)
GOPATH_PLUGIN := $(BUILD)/gopath/src/github.com/seed05e46011/lambda
YAEGI_TEST := GO111MODULE=off GOPATH=$(BUILD)/gopath $(BUILD)/yaegi test

.PHONY: gopath
gopath:
	rm -rf $(GOPATH_PLUGIN)
	mkdir -p $(GOPATH_PLUGIN)
	cp -r *.go internal testdata .traefik.yml $(GOPATH_PLUGIN)

## fuzz: each fuzz target of the plugin FUZZTIME times (10000x), or for that long (1m)
# A count, since before Go 1.27 a target may fail when its time is up, "context deadline exceeded" (go.dev/issue/75804).
.PHONY: fuzz
fuzz:
	for package in $(PACKAGES); do for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
		$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package || exit 1; \
	done; done

## e2e: the tests with real Traefik and real functions
# -count=1, since Go would take the results of another time where only files outside of the module have changed: the plugin.
.PHONY: e2e
e2e: $(TRAEFIK) e2e/node/node_modules docker-packages kubernetes-tools prometheus redis
	cd e2e && $(GO) test -race -count=1 -p 1 ./... # one package at a time: some measure how long things take

e2e/node/node_modules: e2e/node/package.json e2e/node/package-lock.json
	cd e2e/node && npm ci --no-audit --no-fund
	@touch $@

# The cache's tests start Debian's Redis, or a Valkey that is there.
.PHONY: redis
redis:
	@command -v valkey-server >/dev/null || $(call install,redis-server,redis-server)

## bench: speed and memory beside a compiled gateway's, about 45 minutes (CASES, ROUNDS, SECONDS);
## bench: TABLE=docs/performance.md writes the table there
.PHONY: bench
bench: $(TRAEFIK)
	cd e2e && $(GO) run ./bench -cases '$(CASES)' -rounds $(ROUNDS) -seconds $(SECONDS) \
		$(if $(TABLE),-table '$(abspath $(TABLE))')

## bench-micro: what the steps of a request cost, compiled and interpreted (BENCH, COUNT, BENCHTIME)
.PHONY: bench-micro
bench-micro: gopath $(BUILD)/yaegi $(BUILD)/benchstat
	$(GO) test -run '^$$' $(BENCH_FLAGS) . > $(BUILD)/compiled
	cd $(GOPATH_PLUGIN) && $(YAEGI_TEST) -run '^$$' $(BENCH_FLAGS) . > $(BUILD)/interpreted
	cd $(BUILD) && ./benchstat -ignore pkg compiled interpreted

BENCH_FLAGS = -bench '$(BENCH)' -benchmem -benchtime $(BENCHTIME) -count $(COUNT)

## test-docker: the example for Docker, on an engine of its own (SKIP_DOCKER=1 leaves it out)
.PHONY: test-docker
test-docker: $(TRAEFIK) docker-packages
	cd e2e && $(GO) test -race -count=1 -v ./docker

# Debian's packages, where a program of theirs is missing. Only root can install them, as only root can start the engine.
.PHONY: docker-packages
docker-packages:
ifneq ($(SKIP_DOCKER),1)
	@$(call install,dockerd,docker.io)
	@$(call install,docker-compose,docker-compose)
endif

# Another apt-get at work is waited for.
APT_GET := apt-get -o DPkg::Lock::Timeout=300

# $(call install,PROGRAM,PACKAGE)
install = command -v $(1) >/dev/null || { \
	echo "Installing Debian's $(2) for $(1) (less than a minute)"; \
	{ [ "$$(id -u)" = 0 ] && $(APT_GET) update -qq && DEBIAN_FRONTEND=noninteractive $(APT_GET) install -y -qq --no-install-recommends $(2) >/dev/null; } || { \
	echo "There is no $(1), and apt-get cannot install $(2) here: install it yourself." >&2; exit 1; }; }

## test-kubernetes: the example for Kubernetes, on an API server of its own (SKIP_KUBERNETES=1 leaves it out)
.PHONY: test-kubernetes
test-kubernetes: $(TRAEFIK) kubernetes-tools
	cd e2e && $(GO) test -race -count=1 -v ./kubernetes

.PHONY: kubernetes-tools
ifneq ($(SKIP_KUBERNETES),1)
kubernetes-tools: $(BUILD)/kube-apiserver
	@$(call install,etcd,etcd-server)
	@$(call install,kubectl,kubernetes-client)
else
kubernetes-tools:
endif

## test-observability: the examples for Prometheus and Grafana, with a Prometheus of its own (SKIP_OBSERVABILITY=1 leaves
## test-observability: them out)
.PHONY: test-observability
test-observability: $(TRAEFIK) prometheus
	cd e2e && $(GO) test -race -count=1 -v ./observability

# Debian's package is unpacked, not installed: nobody has to be root or wait for another apt, and no server is started.
.PHONY: prometheus
ifneq ($(SKIP_OBSERVABILITY),1)
prometheus: $(if $(shell command -v prometheus && command -v promtool),,$(BUILD)/prometheus)
else
prometheus:
endif

$(BUILD)/prometheus:
	@echo "Downloading Debian's prometheus (19 MB)"
	@rm -rf $(BUILD)/debian && mkdir -p $(BUILD)/debian
	@cd $(BUILD)/debian && { apt-get download -qq prometheus 2>/dev/null || \
		{ apt-get update -qq && apt-get download -qq prometheus; } || { \
		echo "There is no prometheus, and apt-get cannot download it here: install it yourself." >&2; exit 1; }; }
	@cd $(BUILD)/debian && dpkg-deb --extract prometheus_*.deb . && mv usr/bin/prometheus usr/bin/promtool $(BUILD)
	@rm -rf $(BUILD)/debian
	@touch $@

## lambdalocal-image: the local Lambda endpoint with its functions, as the image lambdalocal for Docker
.PHONY: lambdalocal-image
lambdalocal-image:
	rm -rf $(BUILD)/image
	cd e2e && CGO_ENABLED=0 $(GO) build -o $(BUILD)/image/ ./cmd/lambdalocal ./functions/...
	docker build --tag lambdalocal --file examples/docker/lambdalocal.Dockerfile $(BUILD)/image

## traefik: build Traefik, if there is none
.PHONY: traefik
traefik: $(TRAEFIK)

$(BUILD)/traefik: e2e/go.mod e2e/go.sum
	@echo "Building Traefik (about 8 minutes the first time on 2 cores; TRAEFIK=path names one that you have)"
	cd e2e && CGO_ENABLED=0 $(GO) build -o $@ -ldflags "-s -w -X github.com/traefik/traefik/v3/pkg/version.Version=$$($(GO) list -m -f '{{.Version}}' github.com/traefik/traefik/v3)" github.com/traefik/traefik/v3/cmd/traefik
	@touch $@

$(BUILD)/kube-apiserver: e2e/kubernetes/apiserver/go.mod e2e/kubernetes/apiserver/go.sum
	@echo "Building Kubernetes' API server (about 4 minutes the first time on 2 cores)"
	cd e2e/kubernetes/apiserver && $(GO) build -o $@ -ldflags "-s -w" k8s.io/kubernetes/cmd/kube-apiserver
	@touch $@

$(BUILD)/yaegi: e2e/go.mod e2e/go.sum
	@echo "Building Yaegi (about 1 minute the first time on 2 cores)"
	cd e2e && $(GO) build -o $@ github.com/traefik/yaegi/cmd/yaegi
	@touch $@

$(BUILD)/golangci-lint: e2e/tools/go.mod e2e/tools/go.sum
	@echo "Building golangci-lint (about 2 minutes the first time on 2 cores)"
	cd e2e/tools && $(GO) build -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@touch $@

$(BUILD)/benchstat: e2e/tools/go.mod e2e/tools/go.sum
	cd e2e/tools && $(GO) build -o $@ golang.org/x/perf/cmd/benchstat
	@touch $@

## clean: remove what these targets have built
.PHONY: clean
clean:
	rm -rf $(BUILD)
