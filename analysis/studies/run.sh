#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# analysis/studies/run.sh -- runs studies and renews what is kept of them: run.sh [-j JOBS] NAME...
# A store is left in build/studies/NAME.db, begun anew. Then analysis/studies/tables.sh.
set -euo pipefail

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
root=$(dirname "$(dirname "$here")")
slowmo=${SLOWMO:-$root/slowmo}
stores=$root/build/studies

# sweep NAME CSV OPTION...: every run of a study, and a row for those that differ in their seed.
sweep() {
    local name=$1 csv=$2
    shift 2
    rm -f "$stores/$csv".db*
    "$slowmo" sweep "$here/$name.yaml" --store "$stores/$csv.db" "${jobs[@]}" "$@"
    "$slowmo" export "$stores/$csv.db" --format seeds -o "$here/$csv.csv"
}

# sweep_time NAME STEPS: the seconds of today, without gradients, of a study in epochs.
sweep_time() {
    sweep "$1" "$1_time" --timing-only --set 'sweep.seed=[2]' --set epochs=0 --set "steps=$2"
}

# ties STORE KEY BASE NAME...: for several accuracies a row "NAME ACCURACY", where the seconds to it of
# BASE and NAME tie over the key, with the interval over the seeds; none where one does not reach it.
ties() {
    local store=$1 key=$2 base=$3 target name
    printf 'name,at,low,high\n'
    shift 3
    for target in 0.78 0.80 0.82 0.84; do
        for name in "$@"; do
            "$slowmo" analyse "$store" --target "$target" --tie "$base,$name" --over "$key" \
                --by seconds_to_target --json 2>/dev/null |
                sed -n "s/.*\"ties\":\[{\"at\":\([^,]*\),\"interval\":\[\([^]]*\)\].*/$name $target,\1,\2/p" ||
                true
        done
    done
}

jobs=()
if [[ ${1-} == -j ]]; then
    jobs=(--jobs "$2")
    shift 2
fi
(($# > 0)) || { echo "usage: run.sh [-j JOBS] NAME..." >&2; exit 2; }
mkdir -p "$stores"
for name in "$@"; do
    case $name in
    paper_time_*) sweep "$name" "$name" --timing-only ;;
    *) sweep "$name" "$name" ;;
    esac
    case $name in
    paper_table1_small) sweep_time "$name" 2344 ;;
    effect_of_tau) sweep_time "$name" 1152 ;;
    paper_time_imagenet)
        sweep "$name" "${name}_25gbps" --timing-only --set 'platform.bandwidth."*_eth"=25Gbps'
        ;;
    network_speed)
        ties "$stores/$name.db" 'platform.bandwidth."*_eth"' allreduce \
            local local-slowmo sgp sgp-slowmo osgp >"$here/${name}_ties.csv"
        ;;
    esac
done
