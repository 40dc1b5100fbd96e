#!/usr/bin/env bash
# Runs every fuzz target of the modules in turn.
#
#   fuzz.sh TIME MODULE...     TIME is a duration or a count of runs: 10s, 100000x
set -euo pipefail

fuzztime=$1
shift
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# The fuzzer of Go before 1.27 now and then calls its own end of time a failure
# (go.dev/issue/75804). That failure says nothing else and leaves no input.
ended_by_time_alone() {
	[ "$(sed -n '/^--- FAIL: /,/^FAIL$/p' "$log" | sed 1d)" = $'    context deadline exceeded\nFAIL' ]
}

targets=0
for module in "$@"; do
	cd "$module"
	list=$(go test -list '^Fuzz' ./...)
	# The names stand before the line of their package: "ok  PACKAGE  TIME".
	pairs=$(awk '/^Fuzz/ { names[++n] = $1 } $1 == "ok" { for (i = 1; i <= n; i++) print $2, names[i]; n = 0 }' <<<"$list")
	while read -r package target; do
		[ -n "$package" ] || continue
		targets=$((targets + 1))
		echo "fuzz $package $target for $fuzztime"
		if ! go test -run='^$' -fuzz="^$target\$" -fuzztime="$fuzztime" "$package" </dev/null >"$log" 2>&1; then
			cat "$log"
			ended_by_time_alone || exit 1
			echo "the failure above is the fuzzer's own end of time: no input failed"
		else
			tail -n 3 "$log"
		fi
	done <<<"$pairs"
	cd - >/dev/null
done
echo "$targets fuzz targets"
