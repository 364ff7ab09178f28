#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# tests/arch/format.sh -- sources are as clang-format 14 writes them; skipped where it is missing.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"

tool=$(command -v clang-format-14 || command -v clang-format) || exit 77
"$tool" --version | grep -q 'version 14\.' || exit 77

cp .clang-format "$scratch"
printf 'int  sm_x ( void );\n' >"$scratch/wrong.h"
must_fail "spaces too many" "$tool" --dry-run -Werror "$scratch/wrong.h" 2>/dev/null
printf "const x = {a:'b'};\n" >"$scratch/wrong.js"
must_fail "a script's spaces" "$tool" --dry-run -Werror "$scratch/wrong.js" 2>/dev/null

mapfile -t files < <(project_files '*.c' '*.h' '*.js')
((${#files[@]} > 20)) && "$tool" --dry-run -Werror "${files[@]}"
