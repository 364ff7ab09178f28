#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# analysis/studies/tables.sh -- makes the tables of the pages from the CSV files beside it. In a page
# a table stands below the line
#   <!-- NAME: made by analysis/studies/tables.sh -->
# where NAME is a function of tables.awk.  --check: changes nothing, fails where a page has other
# tables. Pages: this folder's and the top README, or those that are named.
set -euo pipefail

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
check=no
if [[ ${1-} == --check ]]; then
    check=yes
    shift
fi
(($# > 0)) || set -- "$here/README.md" "$here/../../README.md"

made='^<!-- ([a-z0-9_]+): made by analysis/studies/tables\.sh -->$'

# page FILE: it with the tables of today.
page() {
    local line old=no
    while IFS= read -r line; do
        if [[ $line =~ $made ]]; then
            printf '%s\n' "$line"
            awk -v table="${BASH_REMATCH[1]}" -f "$here/tables.awk" "$here"/*.csv || return 1
            old=yes
        elif [[ $old == no || $line != '|'* ]]; then
            printf '%s\n' "$line"
            old=no
        fi
    done <"$1"
}

status=0
for file in "$@"; do
    text=$(page "$file")
    if [[ $check == yes ]]; then
        diff <(printf '%s\n' "$text") "$file" || status=1
    else
        printf '%s\n' "$text" >"$file"
    fi
done
exit "$status"
