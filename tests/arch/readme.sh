#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# tests/arch/readme.sh -- the README's list is what `slowmo list` prints, its options exist, and the
# algorithm it adds compiles.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"

# block MARK FILE: the fenced block after the line that holds MARK.
block() { awk -v mark="$1" 'index($0, mark) { on = 1 } on && /^```/ { if (inside) exit; inside = 1; next } inside' "$2"; }

check_list() { diff <("$build_dir/slowmo" list) <(block '<!-- what `slowmo list` prints' "$1"); }

# every --option that the README shows is one of `run` or of `platform make`
check_options() {
    local option bad=0 known
    known=" $("$build_dir/slowmo" run --help | grep -o -e '--[a-z-]*' | tr '\n' ' ') --format --nodes --slow --bench "
    for option in $(grep -o -e '[ `]--[a-z][a-z-]*' "$1" | tr -d ' `' | sort -u); do
        [[ $known == *" $option "* ]] || { echo "$1: $option is no option"; bad=1; }
    done
    return "$bad"
}

check_algorithm() {
    block 'An outer optimizer is one' "$1" >"$scratch/bmuf.c"
    { echo '#include "algorithms/outer/outer.h"'; echo 'extern const struct sm_outer sm_outer_bmuf;'
      cat "$scratch/bmuf.c"; } >"$scratch/with_list.c"
    "${CC:-cc}" -std=gnu17 -I"$source_dir" -Wall -Wextra -Werror -Wmissing-prototypes -c \
        "$scratch/with_list.c" -o "$scratch/bmuf.o"
}

sed 's/X(none) X(average)/X(none)/; s/  slowmo         slow/  slowno         slow/' README.md >"$scratch/other.md"
must_fail "a list that drifted" check_list "$scratch/other.md"
sed 's/--timing-only/--timing-lonely/' README.md >"$scratch/option.md"
must_fail "an option that is none" check_options "$scratch/option.md"
sed 's/s->mu \* s->d/s->nu * s->d/' README.md >"$scratch/broken.md"
must_fail "an algorithm that does not compile" check_algorithm "$scratch/broken.md" 2>/dev/null

status=0
check_list README.md || status=1
check_options README.md || status=1
check_algorithm README.md || status=1
exit "$status"
