#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# tests/arch/layers.sh -- a room includes only the rooms it may know, and only one room SimGrid.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"

# ROOM: the rooms it may include, beside itself. A new arrow is a decision, to be made here too.
arrows='
base:
comm:       base
collective: base comm
platform:   base
timing:     base
trace:      base
store:      base
engine:     base comm collective timing trace platform
workloads:  base
algorithms: base comm
analysis:   base store
run:        base comm collective platform timing trace store engine workloads algorithms analysis
cli:        base platform store run analysis
main:       base cli
tests:      base comm collective platform timing trace store engine workloads algorithms analysis run
'

# check_layers < lines of "FILE:LINE:#include ..."; prints and fails for each that is not allowed.
check_layers() {
    awk -v arrows="$arrows" '
        function room_of(path, part) {
            split(path, part, "/")
            if (path == "sim/main.c") return "main"
            return part[1] == "sim" ? part[2] : part[1]
        }
        function complain(why) { print place ": " why; bad = 1 }
        BEGIN {
            lines = split(arrows, line, "\n")
            for (i = 1; i <= lines; i++) {
                words = split(line[i], word, " ")
                if (words == 0) continue
                room = substr(word[1], 1, length(word[1]) - 1)
                known[room]; may[room, room]
                for (w = 2; w <= words; w++) may[room, word[w]]
            }
        }
        {
            split($0, part, ":")
            file = part[1]; place = part[1] ":" part[2]
            from = room_of(file)
            if (!(from in known)) complain("the room " from " has no arrows in tests/arch/layers.sh")
            if ($0 ~ /<(simgrid|xbt)[\/.]/ && file !~ /^sim\/engine\/simgrid\//)
                complain("only sim/engine/simgrid may include SimGrid")
            if (match($0, /"[^"]*"/) == 0) next
            header = substr($0, RSTART + 1, RLENGTH - 2)
            to = room_of(header)
            if (header !~ /\//) complain("\"" header "\": name the header by its path from the root")
            else if (!(to in known)) complain("\"" header "\" is in no room")
            else if (!((from, to) in may)) complain(from " may not include " to " (" header ")")
        }
        END { exit bad }'
}

includes() {
    project_files '*.c' '*.h' | xargs grep -nHE '^[[:space:]]*#[[:space:]]*include'
}

planted() { check_layers <<<"$1"; }
must_fail "algorithms that know workloads" planted 'algorithms/outer/x.c:3:#include "workloads/workload.h"'
must_fail "a base that knows comm" planted 'sim/base/x.h:9:# include "sim/comm/comm.h"'
must_fail "an engine that knows the store" planted 'sim/engine/pool.c:1:#include "sim/store/store.h"'
must_fail "a library that includes tests" planted 'sim/run/run.c:1:#include "tests/helpers/check.h"'
must_fail "a run that knows the command line" planted 'sim/run/run.c:1:#include "sim/cli/cli.h"'
must_fail "SimGrid outside its room" planted 'sim/engine/thread/x.c:1:#include <simgrid/actor.h>'
must_fail "SimGrid's own log outside its room" planted 'sim/run/x.c:1:#include <xbt/log.h>'
must_fail "a header without its path" planted 'sim/base/x.c:1:#include "vec.h"'
must_fail "a room nobody knows" planted 'sim/attic/x.c:1:#include "sim/base/vec.h"'
must_pass "an allowed arrow" planted 'analysis/table.c:1:#include "sim/store/store.h"'
must_pass "a room's own headers" planted 'sim/engine/simgrid/x.c:1:#include "sim/engine/pool.h"'
must_pass "SimGrid in its room" planted 'sim/engine/simgrid/x.c:1:#include <simgrid/actor.h>'

count=$(includes | wc -l)
if ((count < 100)); then
    echo "only $count #include lines found: the check looks in the wrong place"
    exit 1
fi
includes | check_layers
