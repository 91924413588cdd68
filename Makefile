.DEFAULT_GOAL := help
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: test
test: ## the tests, as a contributor runs them
	go test ./...

.PHONY: race
race: ## the tests with the race detector
	go test -race ./...

.PHONY: lint
lint: ## gofmt, go vet, go mod tidy, staticcheck
	test -z "$$(gofmt -l .)"
	go vet ./...
	go mod tidy -diff
	go run $(STATICCHECK) ./...

.PHONY: proof
proof: ## the proofs in full (CRMLOG_TEST_POSTGRES for PostgreSQL)
	CRMLOG_PROOF=full go test -p 1 -count=1 -timeout 40m -v ./note ./internal/proof ./internal/explorer

.PHONY: fuzz
fuzz: ## each fuzz target for a while (FUZZTIME=30s)
	./internal/fuzz.sh $(or $(FUZZTIME),30s)

.PHONY: bench
bench: ## the benchmarks
	go test -run '^$$' -bench . -benchmem ./...

.PHONY: screenshots
screenshots: ## the pictures in docs/images, with Chromium
	go run ./internal/screenshots

.PHONY: ci
ci: ## what CI runs
	bash .ci/run
