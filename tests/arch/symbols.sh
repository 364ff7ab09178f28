#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# tests/arch/symbols.sh -- every global name of a library begins with sm_ and belongs to one room;
# no library but the command line's ends the process or writes to the user.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"

forbidden='exit quick_exit abort printf vprintf puts putchar perror stdout'

# check_symbols LIBRARY...
check_symbols() {
    # ASan adds a name for each global variable
    nm -A -g --defined-only "$@" 2>/dev/null | grep -v '__odr_asan' >"$scratch/defined"
    nm -A -u "$@" 2>/dev/null >"$scratch/used"
    awk -v forbidden="$forbidden" '
        function room_of(path, part) { sub(/\.a:.*/, "", path); sub(/.*libsm_/, "", path); return path }
        BEGIN {
            n = split(forbidden, word, " ")
            for (i = 1; i <= n; i++) { never[word[i]]; never["__" word[i] "_chk"] }
        }
        NF < 3 { next } # headings
        { name = $NF; room = room_of($1) }
        FILENAME ~ /defined$/ {
            if (name !~ /^sm_/) { print room ": the global name " name " does not begin with sm_"; bad = 1 }
            if (name in owner && owner[name] != room) {
                print name " is defined in " owner[name] " and in " room; bad = 1
            }
            owner[name] = room
        }
        FILENAME ~ /used$/ && name in never && room != "cli" { print room ": a library may not use " name " (" $1 ")"; bad = 1 }
        END { exit bad }' "$scratch/defined" "$scratch/used"
}

# planted "C of room a" "C of room b", or of those in $rooms
planted() {
    local room libraries=()
    for room in ${rooms:-a b}; do
        "${CC:-cc}" -xc -c -o "$scratch/$room.o" - <<<"${1-}" || exit 1
        rm -f "$scratch/libsm_$room.a"
        ar rc "$scratch/libsm_$room.a" "$scratch/$room.o"
        libraries+=("$scratch/libsm_$room.a")
        shift
    done
    check_symbols "${libraries[@]}"
}
must_fail "a name without prefix" planted 'int sm_x; int y;' 'int sm_z;'
must_fail "a name in two rooms" planted 'int sm_x;' 'int sm_x = 1;'
must_fail "a library that exits" planted 'int sm_x;' 'void exit(int); void sm_f(void) { exit(1); }'
must_fail "a library that prints" planted 'int sm_x;' 'int puts(const char *); void sm_f(void) { puts("x"); }'
rooms='a cli' must_pass "a command line that prints" planted 'int sm_x;' 'int puts(const char *); void sm_f(void) { puts("x"); }'
must_pass "file-local names" planted 'static int x; int *sm_f(void) { return &x; }' 'int sm_x; static int y; int *sm_g(void) { return &y; }'

mapfile -t libraries < <(find "$build_dir" -maxdepth 1 -name 'libsm_*.a')
if ((${#libraries[@]} < 12)); then
    echo "only ${#libraries[@]} libraries found in $build_dir"
    exit 1
fi
check_symbols "${libraries[@]}"
