#!/usr/bin/env bash
# Runs every fuzz target for the given time: go takes one target a call.
set -euo pipefail
time=${1:-30s}
grep -rlE '^func Fuzz[A-Za-z0-9_]*\(' --include='*_test.go' . | while read -r file; do
	grep -oE '^func Fuzz[A-Za-z0-9_]*' "$file" | awk '{ print $2 }' | while read -r target; do
		go test -run '^$' -fuzz "^${target}\$" -fuzztime "$time" "./$(dirname "$file")"
	done
done
