#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# tests/arch/readme.sh -- the README's list is what `slowmo list` prints, its options exist, and
# the algorithm it adds is in the tree.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"

# block MARK FILE: the fenced block after the line that holds MARK.
block() { awk -v mark="$1" 'index($0, mark) { on = 1 } on && /^```/ { if (inside) exit; inside = 1; next } inside' "$2"; }

check_list() { diff <("$build_dir/slowmo" list) <(block '<!-- what `slowmo list` prints' "$1"); }

# every --option that the README shows is one of a command's, or of `platform make`
check_options() {
    local option command bad=0 known=" --nodes --slow --bench "
    for command in run sweep explain analyse report compare export plot; do
        known+=" $("$build_dir/slowmo" "$command" --help | grep -o -e '--[a-z-]*' | tr '\n' ' ') "
    done
    for option in $(grep -o -e '[ `]--[a-z][a-z-]*' "$1" | tr -d ' `' | sort -u); do
        [[ $known == *" $option "* ]] || { echo "$1: $option is no option"; bad=1; }
    done
    return "$bad"
}

# Every added line of the diff stands in the file it is said to be added to, in that order; the new
# file is nothing but these lines.
check_algorithm() {
    local part=$scratch/part bad=0 file
    rm -rf "$part" && mkdir "$part"
    block 'An outer optimizer is one' "$1" | awk -v part="$part" '
        /^\+\+\+ / { file = part "/" ++count; print $2 > (part "/names"); next }
        /^\+/ { print substr($0, 2) > file }'
    local i=0
    while read -r file; do
        i=$((i + 1))
        awk 'NR == FNR { want[++n] = $0; next } $0 == want[at + 1] { at++ } END { exit at < n }' \
            "$part/$i" "$file" || { echo "$1: $file does not hold the lines that the diff adds"; bad=1; }
    done <"$part/names"
    diff "$part/1" algorithms/outer/lookahead.c || bad=1
    ((i == 3)) || { echo "$1: $i files in the diff, expected 3"; bad=1; }
    return "$bad"
}

sed 's/^  slowmo  */  slowno /' README.md >"$scratch/other.md"
must_fail "a list that drifted" check_list "$scratch/other.md"
sed 's/--timing-only/--timing-lonely/' README.md >"$scratch/option.md"
must_fail "an option that is none" check_options "$scratch/option.md"
sed 's/^+    X(lookahead)/+    X(lookbehind)/' README.md >"$scratch/broken.md"
must_fail "a list entry that is not there" check_algorithm "$scratch/broken.md" >/dev/null
sed 's/^+lookahead_step/+lookahead_walk/' README.md >"$scratch/broken.md"
must_fail "a file that changed" check_algorithm "$scratch/broken.md" >/dev/null

status=0
check_list README.md || status=1
check_options README.md || status=1
check_algorithm README.md || status=1
exit "$status"
