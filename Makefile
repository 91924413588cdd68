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

BENCH := go test -run '^$$' -benchmem
.PHONY: bench
bench: ## the benchmarks, five runs of each in turn, to docs/bench.txt (CRMLOG_TEST_POSTGRES, CRMLOG_BENCH_ROWS)
	for run in 1 2 3 4 5; do \
		$(BENCH) -bench 'Router|JSON' ./internal/bench && \
		$(BENCH) -bench '(Log|Floor)/./././callers=1$$' -benchtime 300x ./internal/bench && \
		$(BENCH) -bench '(Log|Floor)/./././callers=(8|64)' -benchtime 3000x ./internal/bench && \
		$(BENCH) -bench Beside -benchtime 20x ./internal/bench && \
		$(BENCH) -bench 'Hot/./././callers=64' -benchtime 2000x ./internal/bench && \
		$(BENCH) -bench Tenants -benchtime 10000x ./internal/bench && \
		$(BENCH) -bench Backfill -benchtime 5x ./internal/bench && \
		$(BENCH) -bench 'Add$$' -benchtime 200x ./note && \
		$(BENCH) -bench GroupCommit -benchtime 2000x ./sqlstore || exit 1; \
	done > docs/bench.txt
	$(BENCH) -timeout 60m -bench ClaimCommit -benchtime 20000x ./sqlstore >> docs/bench.txt

.PHONY: plots
plots: ## the plots and tables of docs/performance.md, out of docs/bench.txt
	go run ./internal/benchplot < docs/bench.txt

.PHONY: screenshots
screenshots: ## the pictures in docs/images, with Chromium
	go run ./internal/screenshots

.PHONY: ci
ci: ## what CI runs
	bash .ci/run
