# make          lint and test, as CI does
# make test     go test -race -shuffle=on ./...; installs missing parts where it may
# make lint     vet, gofmt, staticcheck, go.mod, cross-builds
# make bench    benchmarks with ratios        BENCH=regexp BENCHTIME=1s PKG=./sync
# make fuzz     every fuzz target for a while FUZZTIME=30s PKG=./settings
# make parts    what the tests need, and whether it is there

PKG       ?= ./...
BENCH     ?= .
BENCHTIME ?= 1s
FUZZTIME  ?= 30s

.PHONY: all test lint bench fuzz parts

all: lint test

test:
	@.ci/test $(PKG)

lint:
	@.ci/lint

bench:
	@.ci/bench '$(BENCH)' '$(BENCHTIME)' $(PKG)

fuzz:
	@.ci/fuzz '$(FUZZTIME)' $(PKG)

parts:
	@.ci/install --list
