#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# tests/arch/content.sh -- no large file, and no word that means something in one place only.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"

largest=1048576 # bytes
# with brackets, so that this file does not hold the words
everywhere='issue [#]'
# tests may look for data there and skip when there is none
outside_tests='[.][.]/shared|[^[:alnum:]]/work/'

# check_content FILE...
check_content() {
    local file bad=0
    for file in "$@"; do
        if (($(stat -c %s "$file") > largest)); then
            echo "$file: over $largest bytes"
            bad=1
        fi
    done
    ! grep -nHIiE -e "$everywhere" "$@" || bad=1
    printf '%s\0' "$@" | grep -zv '^tests/' |
        { ! xargs -0 grep -nHIE -e "$outside_tests" /dev/null; } || bad=1
    return "$bad"
}

planted() { printf '%s\n' "$1" >"$scratch/planted.txt"; check_content "$scratch/planted.txt"; }
must_fail "a ticket" planted "see issue ""#7"
must_fail "a path of one machine" planted "open(\"/wo""rk/data\")"
must_fail "a neighbour's folder" planted ".""./shared/data"
must_pass "harmless text" planted "a framework/workload issue"
truncate -s 1048577 "$scratch/large"
must_fail "a large file" check_content "$scratch/large"

mapfile -t files < <(project_files '*')
((${#files[@]} > 20)) && check_content "${files[@]}"
