#!/usr/bin/env bash
# Looks for known vulnerabilities that the modules can reach.
#
#   vuln.sh DATABASE MODULE...
#
# DATABASE is an archive of the vulnerability database (a .tgz that holds db/) or
# a URL such as https://vuln.go.dev. Without one nothing is checked, which fails
# when CI=true.
set -euo pipefail

database=$1
shift
tools=$(cd "$(dirname "$0")" && pwd)/go.mod

case $database in
*://*) url=$database ;;
*)
	if [ ! -f "$database" ]; then
		echo "NOT CHECKED for vulnerabilities: no database ${database:+at $database}" >&2
		echo "  (make vuln VULNDB=https://vuln.go.dev asks the public one)" >&2
		[ "${CI:-}" != true ]
		exit
	fi
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' EXIT
	tar -xzf "$database" -C "$dir"
	url=file://$dir/db
	echo "database: $(basename "$database")"
	;;
esac

for module in "$@"; do
	echo "govulncheck $module"
	(cd "$module" && go tool -modfile="$tools" govulncheck -db "$url" ./...)
done
