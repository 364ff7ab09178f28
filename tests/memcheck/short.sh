#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# tests/memcheck/short.sh PROGRAM -- no wrong access and no lost memory in a run of four workers.
set -euo pipefail
command -v valgrind >/dev/null || exit 77
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite \
    --trace-children=yes \
    "$1" run "$(dirname "$0")/short.yaml" --store "$scratch/results.db" --json >"$scratch/out"
grep -q '"status":"finished"' "$scratch/out" # it did run
