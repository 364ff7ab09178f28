# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2034
# tests/arch/common.sh -- what the checks share; sourced by each as: SCRIPT SOURCE_DIR BUILD_DIR.
set -uo pipefail
source_dir=$1 build_dir=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$source_dir" || exit 1

# project_files PATTERN...: the project's files, one a line: what git tracks, or everything but the
# build where there is no git.
project_files() {
    if [[ -e .git ]] && git ls-files -- "$@" 2>/dev/null; then
        return
    fi
    local file pattern
    find . -path ./build -prune -o -path ./.git -prune -o -type f -printf '%P\n' |
        while IFS= read -r file; do
            for pattern in "$@"; do
                # shellcheck disable=SC2053 # a pattern, as git takes it
                if [[ $file == $pattern ]]; then
                    echo "$file"
                fi
            done
        done
}

# must_fail WHAT COMMAND...: the check itself is checked on something that breaks the rule.
must_fail() {
    local what=$1
    shift
    if "$@" >/dev/null; then
        echo "this check does not notice $what"
        exit 1
    fi
}

# must_pass WHAT COMMAND...
must_pass() {
    local what=$1
    shift
    if ! "$@"; then
        echo "this check complains about $what"
        exit 1
    fi
}
