#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# tests/golden/regenerate.sh BUILD -- writes the goldens anew from the programs in folder BUILD;
# gradients.txt only where Debian's python3-torch is installed.
# Look at `git diff tests/golden` afterwards; the commit says old, new and why.
set -eu
[ $# -eq 1 ] || { echo "usage: $0 BUILD" >&2; exit 2; }
golden=$(dirname "$0")
new=$(mktemp)
trap 'rm -f "$new"' EXIT
"$1/tests/golden_timeline" --print > "$new"
cat "$new" > "$golden/timeline.txt"
status=0
/usr/bin/python3 -B "$golden/../torch/gradients.py" golden "$1/tests/torch/torch_problem" > "$new" || status=$?
case $status in
0) cat "$new" > "$golden/gradients.txt" ;;
77) cat "$new" ;;
*) exit "$status" ;;
esac
