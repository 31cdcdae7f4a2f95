# Needs Go, make and bash; the browser test chromium and node as well, which it installs. `make help` lists the targets; `make test`
# is what CI runs.

SHELL := bash
.NOTPARALLEL:
.DEFAULT_GOAL := help

# All modules of the workspace, also where the environment switches workspaces off.
export GOWORK := $(CURDIR)/go.work

LINTER := bin/golangci-lint
# How long each fuzz target runs.
FUZZTIME ?= 10s
# Which benchmarks run, how often and how long each.
BENCH ?= .
BENCHCOUNT ?= 1
BENCHTIME ?= 1s
# How many runs a storm has, and the seed of the first: by chance where it is empty.
STORM ?= 100000
SEED ?=
# Flags of the crash run: see go run ./internal/crashrun/cmd/crash -h.
CRASH ?=
# Flags of the pairs matrix: -seed, -sample.
PAIRS ?=

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: test
test: servers build tidy vet lint unit failpoints fuzz example browser ## Run everything that CI runs, in this order, and stop at the first failure
	@echo '==> all passed'

.PHONY: check
check: build vet lint-changed quick ## Before a commit: compile, vet, lint what has changed, run the tests without the race detector

.PHONY: servers
servers: ## Install the servers that tests start, as root by apt-get, if they are missing
	@scripts/step $@ scripts/servers || echo '==> without these servers, the tests that need them are skipped'

.PHONY: build
build: ## Compile all modules
	@scripts/step $@ go build -o /dev/null work

.PHONY: tidy
tidy: ## Check that every module requires what it needs and no more
	@scripts/step $@ scripts/tidy

.PHONY: vet
vet: ## Run go vet on all modules, tests included
	@scripts/step $@ go vet work

.PHONY: lint
lint: $(LINTER) ## Run golangci-lint on all modules
	@scripts/step $@ scripts/lint run

.PHONY: lint-changed
lint-changed: $(LINTER) ## Run golangci-lint on the packages that have changed since the last commit
	@scripts/step $@ scripts/lint-changed

.PHONY: quick
quick: ## Run all tests without the race detector; what has not changed since is not run again
	@scripts/step $@ go test work

.PHONY: fmt
fmt: $(LINTER) ## Format all modules
	@scripts/step $@ scripts/lint fmt

.PHONY: unit
unit: ## Run all tests with the race detector, in random order; lattice, budgets and rule tags are among them
	@scripts/step $@ scripts/unit

.PHONY: arch
arch: ## Run the checks of the source tree only: lattice, package comments, budgets, rule tags
	@scripts/step $@ go test ./internal/archtest

.PHONY: failpoints
failpoints: ## Kill processes at every named step of the queue, in a build that has these names
	@scripts/step $@ go test -tags failpoints -run '^TestWhateverIsBegunIsFinishedByTheNext$$|^TestNothingIsLostOrDoneTwiceWhateverDies$$/^failpoints$$' \
		./connector/sqlite ./internal/crashrun

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME (10s)
	@scripts/step $@ scripts/fuzz $(FUZZTIME)

.PHONY: example
example: ## Run the main example and check its result
	@scripts/step $@ scripts/check-example

.PHONY: storm
storm: ## Let code that is not ours panic, hang and lag everywhere, in 100,000 runs in virtual time (STORM=1000 SEED=7)
	@scripts/step $@ env STORM=$(STORM) SEED=$(SEED) go test ./runner -run '^TestStorm$$' -count 1 -timeout 1h

.PHONY: crash
crash: ## Kill a pipeline at random, 100 times and more, ask it 200 times to end, and count what came out (CRASH='-seed 1 -only kills')
	@scripts/step $@ go run -tags failpoints ./internal/crashrun/cmd/crash $(CRASH)

.PHONY: pairs
pairs: ## Run each part with every other: all triples and a sample of the product, at most 30 minutes (PAIRS='-seed 7 -sample 300')
	@scripts/step $@ go test -count=1 -timeout=30m ./internal/pairs -whole $(PAIRS)

.PHONY: browser
browser: ## Look at the console in a real browser; installs chromium and playwright-core where they are missing
	@scripts/step $@ scripts/browser

.PHONY: pictures
pictures: ## Make the pictures of docs/images again; takes five minutes
	@scripts/step $@ env BROWSER=required scripts/browser pictures

.PHONY: bench
bench: ## Run the benchmarks, each beside a peer: BENCH (.), BENCHCOUNT (1), BENCHTIME (1s)
	@scripts/step $@ go test -run='^$$' -bench='$(BENCH)' -count=$(BENCHCOUNT) -benchtime=$(BENCHTIME) ./internal/bench/...

.PHONY: compare
compare: ## Measure beside the peers, by turns, and print the tables of docs/performance.md (two or three minutes)
	@go run ./internal/bench/cmd/compare

.PHONY: run
run: ## Run the main example: 10,000 wildlife strikes into out/
	@go run ./examples/birdstrikes run

.PHONY: clean
clean: ## Remove what the targets above made
	rm -rf bin out

# The linter's dependencies are a module of their own, so that no user ever sees them. Building it takes a minute or two,
# and again only when its version changes.
$(LINTER): tools/go.mod tools/go.sum
	@scripts/step $@ env GOWORK=off go build -C tools -ldflags='-s -w' -o ../$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@touch $@
