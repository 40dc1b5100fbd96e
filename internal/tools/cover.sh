#!/usr/bin/env bash
# Prints the coverage of each package of a profile and fails below the least
# that is asked for.
#
#   cover.sh PROFILE [PACKAGE=PERCENT]...
#
# A profile that several test binaries wrote has a block once for each of them:
# it counts as covered when any of them ran it.
set -euo pipefail

profile=$1
shift
awk -v want="$*" '
	/^mode:/ { next }
	{
		statements[$1] = $2
		if ($3 > 0) run[$1] = 1
	}
	END {
		for (block in statements) {
			package = block
			sub(/\/[^\/]*$/, "", package)
			all[package] += statements[block]
			if (block in run) covered[package] += statements[block]
		}
		split(want, pairs, " ")
		for (i in pairs) {
			split(pairs[i], pair, "=")
			least[pair[1]] = pair[2]
			if (!(pair[1] in all)) {
				printf "%-46s  no statement seen, at least %.1f%% wanted\n", pair[1], pair[2]
				failed = 1
			}
		}
		for (package in all) {
			percent = 100 * covered[package] / all[package]
			note = ""
			if (package in least) {
				note = sprintf("  (at least %.1f%%)", least[package])
				if (percent < least[package]) {
					note = note "  TOO LOW"
					failed = 1
				}
			}
			printf "%-46s %5.1f%%%s\n", package, percent, note | "sort"
		}
		close("sort")
		exit failed
	}' "$profile"
