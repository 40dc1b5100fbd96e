#!/usr/bin/env bash
# Writes the golden files anew: runs the tests that have a flag -update with it,
# and the example programs whose output is kept.
#
#   golden.sh MODULE...
set -euo pipefail

for module in "$@"; do
	cd "$module"
	go list -f '{{.ImportPath}} {{.Dir}}' ./... | while read -r package dir; do
		grep -qsE 'flag\.Bool(Var)?\(.*"update"' "$dir"/*_test.go || continue
		echo "go test $package -update"
		go test -count=1 "$package" -update </dev/null
	done
	cd - >/dev/null
done

for golden in examples/*/testdata/golden.txt; do
	[ -e "$golden" ] || continue
	example=./${golden%/testdata/golden.txt}
	echo "go run $example > $golden"
	go run "$example" >"$golden.new" && mv "$golden.new" "$golden"
done
