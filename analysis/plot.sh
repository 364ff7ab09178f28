#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# analysis/plot.sh -- test accuracy against simulated seconds of every run in a store, as SVG on
# standard output: ./slowmo run && analysis/plot.sh results.db > accuracy.svg   (needs gnuplot)
set -euo pipefail

store=${1:?usage: analysis/plot.sh STORE.db > PICTURE.svg}
root=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/..
data=$(mktemp -d)
trap 'rm -rf "$data"' EXIT

"$root/slowmo" export "$store" --format csv >"$data/rows.csv"
# one block of "seconds accuracy" lines a run, in the order of the store; plain names need no CSV
# parser: the columns used here hold no quotes
awk -F, -v blocks="$data/blocks" -v names="$data/names" '
    NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
    $column["run"] != run { if (run != "") print "\n" > blocks
                            run = $column["run"]; print $column["name"] > names }
    $column["test_accuracy"] != "" { print $column["sim_seconds"], 100 * $column["test_accuracy"] > blocks }
' "$data/rows.csv"

gnuplot <<PLOT
set terminal svg noenhanced size 800,460 font "sans-serif,13" background "white"
set xlabel "simulated seconds"
set ylabel "test accuracy of the consensus model, %"
set yrange [60:90]
set grid lc rgb "#dddddd"
set border 3 lc rgb "#888888"
set tics nomirror
set key bottom right
# Okabe and Ito: colours that the colour-blind can tell apart
array colour[8] = ["#000000", "#E69F00", "#D55E00", "#56B4E9", "#0072B2", "#009E73", "#CC79A7", "#F0E442"]
names = system("tr ' ' '~' < $data/names")
plot for [i=1:words(names)] "$data/blocks" index i-1 using 1:2 with lines lw 2 \
     lc rgb colour[(i-1)%8+1] dt 1+(i+1)%2 title word(names, i)
PLOT
