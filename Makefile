# `make help` lists what can be made. The first target lists it too; `make test` needs nothing but Go.

# The modules of this repository: the root, and those nested in it.
MODULES := $(patsubst %/go.mod,%,$(sort $(shell find . -name go.mod -not -path '*/testdata/*')))

TESTFLAGS    ?=
FUZZTIME     ?= 10s
BENCHTIME    ?= 1s
BENCHFLAGS   ?=
COVER        ?= cover.out
COVER_ROOT   ?= 95.0
COVER_MEMORY ?= 90.0
VULNDB       ?= $(lastword $(sort $(wildcard ../shared/vulndb/*.tgz)))

# The tools are pinned in internal/tools/go.mod and built when they are first used.
TOOL := go tool -modfile=$(CURDIR)/internal/tools/go.mod

# $(call each,COMMAND) runs COMMAND in every module and stops at the first that fails.
each = @set -e; for m in $(MODULES); do echo "[$$m] $(strip $(1))"; (cd $$m && $(1)); done

.PHONY: help test race soak fuzz bench loops cover lint fmt vuln golden rules

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

test: ## vet and test every module: fast, needs nothing but Go
	$(call each,go vet ./...)
	$(call each,go test $(TESTFLAGS) ./...)

# What one goroutine does alone, at length, the race detector need not see: it does with RACESKIP=none.
RACESKIP ?= ^(TestLaw|TestLimitOf|TestTampered|TestNoRoom|TestHeadLeaves|TestFaultSweep|TestPaidFaultSweep|TestCrash|TestVerifyFinds|TestCivil|TestSchedule|TestDenied|TestStates)

race: ## test what has goroutines of its own with the race detector, in random order (needs a C compiler)
	@set -e; for m in $(filter-out ./bench ./store/drivertest ./store/postgres/pgxtx,$(MODULES)); do \
	  echo "[$$m] go test -race"; (cd $$m && go test -race -shuffle=on -skip '$(RACESKIP)' $(TESTFLAGS) ./...); done

soak: ## try the stores at length: more failovers, longer histories, more random commands (10 minutes)
	CREDITS_TEST_FAILOVERS=10 CREDITS_TEST_HISTORY=1000000 CREDITS_TEST_COMMANDS=100000 CREDITS_TEST_KILLS=3000 \
	  go -C store/drivertest test -count=1 -timeout 60m -run 'TestFailover|HistoryCost|TestEquivalence|TestSQLiteKill' .

fuzz: ## run every fuzz target in turn, each for FUZZTIME=10s
	@internal/tools/fuzz.sh $(FUZZTIME) $(MODULES)

bench: ## measure against floors and a naive baseline, and write PERFORMANCE.md (15 minutes; BENCHFLAGS=-small for one)
	go -C bench run . $(BENCHFLAGS)

loops: ## run every Go benchmark once, each for BENCHTIME=1s
	$(call each,go test -run='^$$' -bench=. -benchmem -benchtime=$(BENCHTIME) ./...)

cover: ## test the root module and fail where too little of it was run
	go test -covermode=atomic -coverpkg=./... -coverprofile=$(COVER) $(TESTFLAGS) ./...
	@internal/tools/cover.sh $(COVER) example.com/credits=$(COVER_ROOT) example.com/credits/store/memory=$(COVER_MEMORY)

lint: ## formatting, vet, staticcheck, tidy modules
	@echo "gofumpt -l ."; found=$$($(TOOL) gofumpt -l .) || exit 1; \
	  if [ -n "$$found" ]; then echo "not formatted (make fmt):"; echo "$$found"; exit 1; fi
	$(call each,go vet ./...)
	$(call each,$(TOOL) staticcheck -checks all ./...)
	$(call each,go mod tidy -diff)

fmt: ## format every Go file
	$(TOOL) gofumpt -w .

vuln: ## known vulnerabilities that the code can reach (VULNDB is an archive or a URL)
	@internal/tools/vuln.sh "$(VULNDB)" $(MODULES)

golden: ## write the golden files anew: read the diff before you keep it
	@internal/tools/golden.sh $(MODULES)

rules: ## write the README's table of where each rule is proven
	go run ./internal/rules -w
