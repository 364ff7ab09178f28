#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# tests/memcheck/short.sh PROGRAM -- no wrong access and no lost memory in a run of four workers.
set -euo pipefail
command -v valgrind >/dev/null || exit 77
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# The run is a process of its own, whose exit status says nothing of valgrind: what counts is that
# no process has anything in its log.
valgrind --quiet --leak-check=full --errors-for-leak-kinds=definite --show-leak-kinds=definite \
    --trace-children=yes --log-file="$scratch/valgrind.%p" \
    "$1" run "$(dirname "$0")/short.yaml" --store "$scratch/results.db" --json >"$scratch/out"
grep -q '"status":"finished"' "$scratch/out" # it did run
compgen -G "$scratch/valgrind.*" >/dev/null  # and valgrind watched
cat "$scratch"/valgrind.*
[[ -z $(cat "$scratch"/valgrind.*) ]]
