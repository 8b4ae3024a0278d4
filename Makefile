# The commands of this project. Everything works with only Go installed, except where a line says so.
TOOLS := go tool -modfile=internal/tools/go.mod

.PHONY: run test lint generate bench bench-peers soak conformance check
run: ## start a demo: server, experiment, simulated visitors, report
	go run ./cmd/assay demo

test: ## all tests, with the race detector
	go test -race -shuffle=on ./...

lint: ## format, vet, house rules
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	go vet ./...
	$(TOOLS) golangci-lint run ./...

generate: ## the server code from the OpenAPI document
	go generate ./...

bench: ## the benchmarks behind README's figures
	go test -run '^$$' -bench . -benchmem ./...

bench-peers: ## our engine beside the libraries of nine other products, in one run (about half an hour)
	cd internal/bench && GOFLAGS=-mod=mod go run ./compare

ROUNDS ?= 50
soak: ## the event log's suite 50 times in a row with the race detector, on memory, Pebble and EventStoreDB's client against our server (about half an hour)
	go test -race -timeout 6h -count=$(ROUNDS) -run 'KeepsThePromises' ./eventlog/eventlogtest
	go test -race -timeout 6h -count=$(ROUNDS) -run 'KeepsThePromises' ./eventlog/pebblelog
	go test -race -timeout 6h -count=$(ROUNDS) -run 'KeepsThePromises' ./eventlog/esdb

conformance: ## assay-conformance, the program that checks a real EventStoreDB or KurrentDB server named by ASSAY_EVENTSTORE
	CGO_ENABLED=0 go test -c -trimpath -o assay-conformance ./eventlog/esdb/conformance

check: ## what CI runs
	.ci/run
