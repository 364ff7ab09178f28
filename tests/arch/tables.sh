#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# tests/arch/tables.sh -- the tables of the pages of studies are those that their CSV files give.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"

tables=analysis/studies/tables.sh
page=analysis/studies/README.md

check_page() { "$tables" --check "$1"; }

sed '/made by analysis/,/^$/ s/^\(| allreduce .*\)[0-9]/\1x/' "$page" >"$scratch/number.md"
must_fail "a number that drifted" check_page "$scratch/number.md"
sed '0,/: made by analysis/ s/^<!-- [a-z0-9_]*:/<!-- no_such_table:/' "$page" >"$scratch/name.md"
must_fail "a table that nobody makes" check_page "$scratch/name.md" 2>/dev/null

# each study has a section, and its file is there
check_sections() {
    local file name bad=0
    for file in analysis/studies/*.yaml; do
        name=$(basename "$file" .yaml)
        grep -q "($name.yaml)" "$1" || { echo "$1: $name is not there"; bad=1; }
    done
    for name in $(grep -o '([a-z0-9_]*\.yaml)' "$1" | tr -d '()'); do
        [[ -f analysis/studies/$name ]] || { echo "$1: there is no $name"; bad=1; }
    done
    return "$bad"
}

sed 's/(quickstart.yaml)/(quickend.yaml)/' "$page" >"$scratch/missing.md"
must_fail "a study that is not on the page" check_sections "$scratch/missing.md"

status=0
"$tables" --check || status=1
check_sections "$page" || status=1
exit "$status"
