# What there is to do with syncfs: `make help`.

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS := -s -w -X syncfs/cmd/daemon.Version=$(VERSION)
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
DIR ?= $(HOME)/Sync
# Executions, not a duration: its end may fail a target of which nothing is wrong (golang/go#75804).
FUZZTIME ?= 300000x
BENCHTIME ?= 1s
TIMES ?= 1
export GOFLAGS := -buildvcs=false

# All is tested under the race detector but test/e2e, which runs the real binary.
RACE = $(shell go list ./... | grep -v /test/e2e)

.PHONY: all help build run test check race e2e demo fuzz stress bench clean
all: build ## build bin/syncfs

help: ## say what there is to do
	@awk -F ':.*## ' '/^[a-z].*## /{printf "  make %-8s %s\n", $$1, $$2}' Makefile

build:
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/syncfs ./cmd/syncfs

run: ## set up, build, and mount ~/Sync (DIR=... for another folder)
	@sh test/setup.sh run
	@$(MAKE) --no-print-directory build
	@sh test/run.sh '$(DIR)'

test: ## all that CI runs, set-up included
	@sh test/setup.sh test
	@$(MAKE) --no-print-directory check race e2e

check: ## gofmt, vet, staticcheck
	@unformatted=$$(gofmt -l $$(git ls-files '*.go' 2>/dev/null || find . -name '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not as gofmt has it:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	@sh test/staticcheck.sh $(STATICCHECK)

race: build
	go test -race -timeout 15m $(RACE)

e2e: build
	SYNCFS=$(CURDIR)/bin/syncfs go test -timeout 20m ./test/e2e

demo: ## both examples of the paper, on this machine, step by step
	@sh test/setup.sh run
	@$(MAKE) --no-print-directory build
	@go run ./test/demo -syncfs bin/syncfs

fuzz: ## every fuzz target, FUZZTIME=300000x times
	@sh test/fuzz.sh $(FUZZTIME)

stress: ## the long runs: random histories, crashes, kills, all tests under load (TIMES=... for longer)
	@sh test/setup.sh test
	@$(MAKE) --no-print-directory build
	@SYNCFS=$(CURDIR)/bin/syncfs sh test/stress.sh $(TIMES)

bench: ## benchmarks of the parts, of the main job against rsync, of the mount against the folder underneath
	@sh test/setup.sh test
	@$(MAKE) --no-print-directory build
	go test -timeout 1h -run '^$$' -bench . -benchtime $(BENCHTIME) $$(go list ./... | grep -v /test/bench)
	SYNCFS=$(CURDIR)/bin/syncfs go test -timeout 3h -run '^$$' -bench . -benchtime 1x ./test/bench
	SYNCFS=$(CURDIR)/bin/syncfs SYNCFS_BENCH=1 go test -timeout 1h -count 1 -v -run GoSourceFromAnEmptyStart ./test/e2e

clean: ## remove what was built
	rm -rf bin
