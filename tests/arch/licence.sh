#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# tests/arch/licence.sh -- every source file says its licence in one of its first two lines.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"

check_licence() {
    local file bad=0
    for file in "$@"; do
        head -n 2 "$file" | grep -q 'SPDX-License-Identifier: GPL-3.0-or-later' ||
            { echo "$file:1: no SPDX-License-Identifier line"; bad=1; }
    done
    return "$bad"
}

printf '/* sim/x.c */\n' >"$scratch/without.c"
printf '\n\n/* SPDX-License-Identifier: GPL-3.0-or-later */\n' >"$scratch/late.c"
must_fail "a file without the line" check_licence "$scratch/without.c"
must_fail "a file where it stands too low" check_licence "$scratch/late.c"

mapfile -t files < <(project_files '*.c' '*.h' '*.js' '*.css' '*.html' '*.sh' '*CMakeLists.txt' slowmo .ci/run)
((${#files[@]} > 20)) && check_licence "${files[@]}"
