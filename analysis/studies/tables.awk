# SPDX-License-Identifier: GPL-3.0-or-later
# analysis/studies/tables.awk -- a table of a page from the studies' CSV files (slowmo export
# --format seeds): awk -v table=NAME -f tables.awk *.csv. For another table write a function and
# name it at the end.

# ---- reading ----

# cells[1..n] of a line, quoted as in RFC 4180.
function split_row(line, cells,    n, rest) {
    rest = line ","
    for (n = 0; rest != "";) {
        if (substr(rest, 1, 1) == "\"" && match(rest, /^"([^"]|"")*",/)) {
            cells[++n] = substr(rest, 2, RLENGTH - 3)
            gsub(/""/, "\"", cells[n])
        } else {
            match(rest, /^[^,]*,/)
            cells[++n] = substr(rest, 1, RLENGTH - 1)
        }
        rest = substr(rest, RLENGTH + 1)
    }
    return n
}

FNR == 1 {
    study = FILENAME
    sub(/.*\//, "", study)
    sub(/\.csv$/, "", study)
    split_row($0, head)
    next
}

# rows[study, 1..count[study]] are the names, value[study, name, column] the cells, as text.
{
    n = split_row($0, cells)
    rows[study, ++count[study]] = cells[1]
    for (i = 2; i <= n; i++)
        value[study, cells[1], head[i]] = cells[i]
}

# ---- writing ----

function get(study, row, column) {
    if (!((study, row, column) in value)) {
        print "no " column " of " row " in " study ".csv" > "/dev/stderr"
        failed = 1
    }
    return value[study, row, column]
}

# With so many decimals; nothing where there is none.
function number(text, factor, decimals) {
    return text == "" ? "" : sprintf("%." decimals "f", text * factor)
}

# As many decimals as make three digits.
function digits(text, factor,    x) {
    x = text * factor
    return text == "" ? "" : sprintf(x < 9.995 ? "%.2f" : x < 99.95 ? "%.1f" : "%.0f", x)
}

function with_deviation(study, row, mean, sd, factor, decimals,    m, s) {
    m = number(get(study, row, mean), factor, decimals)
    s = number(get(study, row, sd), factor, decimals)
    return s == "" ? m : m " ± " s
}

function accuracy(study, row) {
    return with_deviation(study, row, "accuracy_mean", "accuracy_sd", 100, 2)
}

function gain(study, row) {
    if (get(study, row, "gain_mean") == "")
        return ""
    return sprintf("%+.2f (%+.2f .. %+.2f)", 100 * get(study, row, "gain_mean"),
                   100 * get(study, row, "gain_low"), 100 * get(study, row, "gain_high"))
}

function milliseconds(study, row) { return number(get(study, row, "seconds_per_step"), 1e3, 0) }

# Mean and deviation of the seeds that reach it, and how many those are where it is not all.
function to_target(study, row, what, decimals,    reached) {
    reached = get(study, row, "reached")
    if (reached + 0 == 0)
        return "-"
    return with_deviation(study, row, what "_to_target", what "_to_target_sd", 1, decimals) \
        (reached + 0 < get(study, row, "seeds") + 0 ? " (" reached ")" : "")
}

function share(study, row, what) {
    return number(get(study, row, "sim_" what) / get(study, row, "sim_seconds"), 100, 0)
}

function title(text,    n, i, line) {
    n = split(text, cells, /\|/)
    line = "|"
    for (i = 1; i <= n; i++)
        line = line "---|"
    print "| " text " |"
    print line
}

# ---- the tables ----

function quickstart(    i, row) {
    title(" | accuracy % | ms a step | s to 83 % | simulated s")
    for (i = 1; i <= count[table]; i++) {
        row = rows[table, i]
        printf "| %s | %s | %s | %s | %s |\n", row, accuracy(table, row), milliseconds(table, row),
            to_target(table, row, "seconds", 1), number(get(table, row, "sim_seconds"), 1, 1)
    }
}

# ms of table 2a of the paper, and of its section 4
function published_times(paper,    pairs, i, n) {
    n = split("allreduce 420 local 294 local-slowmo 282 osgp 271 osgp-slowmo 271 sgp 304 " \
              "sgp-slowmo 302 sgp-double 402", pairs, " ")
    for (i = 1; i <= n; i += 2)
        paper[pairs[i]] = pairs[i + 1]
}

function paper_time_imagenet(    paper, i, row, own) {
    published_times(paper)
    title("ms an iteration | simulated | published | difference")
    for (i = 1; i <= count[table]; i++) {
        row = rows[table, i]
        own = 1e3 * get(table, row, "seconds_per_step")
        printf "| %s | %.1f | %d | %+.1f %% |\n", row, own, paper[row], 100 * (own / paper[row] - 1)
    }
}

function paper_time_imagenet_what_if(    paper, i, row, study, other, label) {
    study = "paper_time_imagenet"
    other = study "_25gbps"
    published_times(paper)
    label["allreduce"] = "AllReduce, in buckets during backward"
    label["local"] = "Local SGD, tau 12"
    label["local-slowmo"] = "Local SGD + SlowMo, tau 12"
    label["osgp"] = "OSGP"
    label["osgp-slowmo"] = "OSGP + SlowMo, tau 48"
    label["sgp"] = "SGP"
    label["sgp-slowmo"] = "SGP + SlowMo, tau 48"
    label["sgp-double"] = "SGP that pushes the momentum too"
    title("ms an iteration | 10 Gbit/s, simulated | 10 Gbit/s, published | 25 Gbit/s, simulated")
    for (i = 1; i <= count[study]; i++) {
        row = rows[study, i]
        printf "| %s | %.1f | %s | %.1f |\n", label[row], 1e3 * get(study, row, "seconds_per_step"),
            paper[row], 1e3 * get(other, row, "seconds_per_step")
    }
}

function paper_time_sgp(    i, name) {
    title("ms an iteration, servers | 4 | 8 | 16 | 32")
    for (name = "allreduce"; name != ""; name = name == "sgp" ? "" : "sgp") {
        printf "| %s |", name
        for (i = 4; i <= 32; i *= 2)
            printf " %s |", milliseconds(table, name " workers=" i)
        print ""
    }
    print "| allreduce, published | 700 | 900 | 1090 | 1300 |"
    print "| sgp, published |  |  |  | 410 |"
}

function paper_table1_small(    paper, i, row) {
    split("allreduce 92.66:420 local 91.73:294 local-slowmo 93.20:282 osgp 93.17:271 " \
          "osgp-slowmo 93.74:271 sgp 93.90:304 sgp-slowmo 94.32:302", cells, " ")
    for (i = 1; i in cells; i += 2)
        paper[cells[i]] = cells[i + 1]
    title(" | accuracy % | gain | ms a step | paper: accuracy % | paper: ms")
    for (i = 1; i <= count[table]; i++) {
        row = rows[table, i]
        split(row in paper ? paper[row] : ":", cells, ":")
        printf "| %s | %s | %s | %s | %s | %s |\n", row, accuracy(table, row), gain(table, row),
            milliseconds("paper_table1_small_time", row), cells[1], cells[2]
    }
}

function paper_table1_small_gain(    i, n, base, study) {
    study = "paper_table1_small"
    title(" | accuracy % | gain by SlowMo | ms a step")
    n = split("allreduce local osgp sgp dpsgd", base, " ")
    for (i = 1; i <= n; i++)
        printf "| %s | %s | %s | %s |\n", base[i], accuracy(study, base[i]),
            (study, base[i] "-slowmo", "gain_mean") in value ? gain(study, base[i] "-slowmo") : "",
            milliseconds("paper_table1_small_time", base[i])
}

function paper_table1_less_data(    i, row) {
    title(" | accuracy % | against AllReduce | last training loss")
    for (i = 1; i <= count[table]; i++) {
        row = rows[table, i]
        printf "| %s | %s | %s | %s |\n", row, accuracy(table, row), gain(table, row),
            number(get(table, row, "final_train_loss"), 1, 3)
    }
}

function alpha_beta(    a, b, i, j) {
    split("0.5 1.0 1.5", a, " ")
    split("0 0.2 0.4 0.6 0.7 0.8 0.9", b, " ")
    title("alpha \\ beta | 0 | 0.2 | 0.4 | 0.6 | 0.7 | 0.8 | 0.9")
    for (i = 1; i <= 3; i++) {
        printf "| %s |", a[i]
        for (j = 1; j <= 7; j++)
            printf " %s |", number(get(table, table " alpha=" a[i] " beta=" b[j], "accuracy_mean"), 100, 2)
        print ""
    }
}

function effect_of_tau(    names, taus, i, j) {
    split("local local-slowmo sgp-slowmo", names, " ")
    split("4 12 48 96", taus, " ")
    title("accuracy %, ms a step | tau 4 | tau 12 | tau 48 | tau 96")
    for (i = 1; i <= 3; i++) {
        printf "| %s |", names[i]
        for (j = 1; j <= 4; j++)
            printf " %s, %s ms |",
                number(get(table, names[i] " tau=" taus[j], "accuracy_mean"), 100, 2),
                milliseconds(table "_time", names[i] " tau=" taus[j])
        print ""
    }
}

function network_speed(    names, n, i, j, speeds, m, row, heading) {
    n = split("allreduce local local-slowmo sgp sgp-slowmo osgp", names, " ")
    m = split("1 2 3 4 5 7 10 15 25 40 100", speeds, " ")
    heading = "s to 82 % at Gbit/s"
    for (j = 1; j <= m; j++)
        heading = heading " | " speeds[j]
    title(heading " | steps | accuracy %")
    for (i = 1; i <= n; i++) {
        printf "| %s |", names[i]
        for (j = 1; j <= m; j++) {
            row = names[i] " \"*_eth\"=" speeds[j] "Gbps"
            printf " %s |", digits(get(table, row, "seconds_to_target"), 1)
        }
        printf " %s | %s |\n", to_target(table, row, "steps", 0), accuracy(table, row)
    }
}

# For the top page: fewer speeds, and where AllReduce ties.
function network_speed_short(    names, n, i, j, speeds, m, study, tie, gbit) {
    study = "network_speed"
    gbit = 8e-9
    n = split("allreduce osgp sgp sgp-slowmo local local-slowmo", names, " ")
    m = split("1 3 10 25 100", speeds, " ")
    title("s to 82 % | 1 Gbit/s | 3 | 10 | 25 | 100 | AllReduce is first from")
    for (i = 1; i <= n; i++) {
        printf "| %s |", names[i]
        for (j = 1; j <= m; j++)
            printf " %s |", digits(get(study, names[i] " \"*_eth\"=" speeds[j] "Gbps", "seconds_to_target"), 1)
        tie = names[i] " 0.82"
        if (i == 1)
            print "  |"
        else
            printf " %s Gbit/s (%s .. %s) |\n", digits(get(study "_ties", tie, "at"), gbit),
                digits(get(study "_ties", tie, "low"), gbit), digits(get(study "_ties", tie, "high"), gbit)
    }
}

function network_speed_ties(    names, n, i, t, row, gbit) {
    n = split("local local-slowmo sgp sgp-slowmo osgp", names, " ")
    gbit = 8e-9
    title("Gbit/s | to 78 % | to 80 % | to 82 % | to 84 %")
    for (i = 1; i <= n; i++) {
        printf "| %s |", names[i]
        for (t = 78; t <= 84; t += 2) {
            row = names[i] " 0." t
            if ((table, row, "at") in value)
                printf " %s (%s .. %s) |", digits(get(table, row, "at"), gbit),
                    digits(get(table, row, "low"), gbit), digits(get(table, row, "high"), gbit)
            else
                printf " - |"
        }
        print ""
    }
}

function topologies(    i, name, star, tree, distance) {
    title(" | accuracy % | distance of models | steps to 80 % | ms a step, one switch | s to 80 % | " \
          "ms, fat tree | s to 80 %")
    for (i = 1; i <= count[table]; i++) {
        star = rows[table, i]
        if (star !~ / file=star_32$/)
            continue
        name = tree = star
        sub(/ .*/, "", name)
        sub(/star_32/, "fattree_64", tree)
        distance = get(table, star, "final_consensus_distance") + 0
        printf "| %s | %s | %s | %s | %s | %s | %s | %s |\n", name, accuracy(table, star),
            distance < 1e-9 ? "0" : sprintf("%.2g", distance), to_target(table, star, "steps", 0),
            milliseconds(table, star), to_target(table, star, "seconds", 1),
            milliseconds(table, tree), to_target(table, tree, "seconds", 1)
    }
}

function stragglers_row(name, i) {
    return name " distribution=" (i == 5 ? "pareto" : "lognormal") " cv=" \
        (i == 2 ? "0.1" : i == 3 ? "0.25" : i == 4 || i == 5 ? "0.5" : "0") " slow_fraction=" \
        (i == 6 ? "0.0625" : "0")
}

# what: "seconds" to the target, "idle" share of the time, "accuracy".
function stragglers_table(what,    names, n, i, j, row) {
    n = split("allreduce local-slowmo sgp adpsgd async", names, " ")
    title(what ", cv | 0 | 0.1 | 0.25 | 0.5 | 0.5, Pareto | one slow worker")
    for (i = 1; i <= n; i++) {
        printf "| %s |", names[i]
        for (j = 1; j <= 6; j++) {
            row = stragglers_row(names[i], j)
            printf " %s |", what ~ /^s / ? to_target("stragglers", row, "seconds", 1) : \
                what ~ /^idle/ ? share("stragglers", row, "idle") : accuracy("stragglers", row)
        }
        print ""
    }
}

function cross_datacenter_diloco(    i, row, tau, megabytes) {
    title(" | tau | ms a step | MB a step out of a site | accuracy % | steps to 83 % | min to 83 %")
    for (i = 1; i <= count[table]; i++) {
        row = rows[table, i]
        tau = 1
        name = row
        if (match(row, /-[0-9]+$/)) {
            tau = substr(row, RSTART + 1)
            name = substr(row, 1, RSTART - 1)
        }
        # an all-reduce between s sites takes 2 (s - 1) / s of the model out of each
        megabytes = 2 * 3 / 4 * 248.879616 / tau
        printf "| %s | %d | %s | %s | %s | %s | %s |\n", name, tau, milliseconds(table, row),
            digits(megabytes, 1), accuracy(table, row), to_target(table, row, "steps", 0),
            get(table, row, "reached") + 0 == 0 ? "-" : \
                with_deviation(table, row, "seconds_to_target", "seconds_to_target_sd", 1 / 60, 1)
    }
}

# The row of m workers that take an m-th of the steps.
function speedup_row(study, name, m,    i, want) {
    want = "^" name " workers=" m " "
    for (i = 1; i <= count[study]; i++)
        if (rows[study, i] ~ want)
            return rows[study, i]
}

# Least squares of ln y = a + slope ln m over m = 1, 2, 4 .. last: "slope ± its standard error".
function slope(y, last,    m, n, sx, sy, sxx, sxy, syy, b, rest) {
    n = sx = sy = sxx = sxy = syy = 0
    for (m = 1; m <= last; m *= 2) {
        n++
        sx += log(m)
        sy += log(y[m])
        sxx += log(m) ^ 2
        sxy += log(m) * log(y[m])
        syy += log(y[m]) ^ 2
    }
    sxx -= sx * sx / n
    sxy -= sx * sy / n
    syy -= sy * sy / n
    b = sxy / sxx
    rest = syy - b * sxy
    return sprintf("%.2f ± %.2f", b, sqrt((rest > 0 ? rest : 0) / (n - 2) / sxx))
}

function linear_speedup(    names, n, i, m, y, row, all) {
    n = split("allreduce local local-slowmo sgp", names, " ")
    title("steps to 77 %, workers | 1 | 2 | 4 | 8 | 16 | 32 | slope to 8 | slope to 32")
    for (i = 1; i <= n; i++) {
        printf "| %s |", names[i]
        all = 1
        for (m = 1; m <= 32; m *= 2) {
            row = speedup_row("linear_speedup", names[i], m)
            y[m] = get("linear_speedup", row, "steps_to_target")
            all = all && y[m] != ""
            printf " %s |", to_target("linear_speedup", row, "steps", 0)
        }
        printf " %s | %s |\n", slope(y, 8), all ? slope(y, 32) : "-"
    }
}

function linear_speedup_seconds(    names, n, i, m, row, first, seconds) {
    n = split("allreduce local local-slowmo sgp", names, " ")
    title("times as fast to 77 %, workers | 1 | 2 | 4 | 8 | 16 | 32")
    for (i = 1; i <= n; i++) {
        printf "| %s |", names[i]
        for (m = 1; m <= 32; m *= 2) {
            row = speedup_row("linear_speedup", names[i], m)
            seconds = get("linear_speedup", row, "seconds_to_target")
            if (m == 1)
                first = seconds
            printf " %s |", seconds == "" ? "-" : sprintf("%.1f", first / seconds)
        }
        print ""
    }
}

# AllReduce on f = |x|^2 / 2, d = 1000 coordinates that start at 1, noise of deviation 1:
# E f = d/2 ((1 - g)^2K + g (1 - (1 - g)^2K) / (m (2 - g))), g = 0.002 m, K = 3200 / m.
function linear_speedup_quadratic(    names, n, i, m, g, left) {
    n = split("allreduce local local-slowmo sgp", names, " ")
    title("loss after 3200 / m steps, m | 1 | 2 | 4 | 8 | 16 | 32")
    printf "| AllReduce, exactly |"
    for (m = 1; m <= 32; m *= 2) {
        g = 0.002 * m
        left = exp(2 * 3200 / m * log(1 - g))
        printf " %.3f |", 500 * (left + g * (1 - left) / (m * (2 - g)))
    }
    print ""
    for (i = 1; i <= n; i++) {
        printf "| %s |", names[i]
        for (m = 1; m <= 32; m *= 2)
            printf " %s |", with_deviation(table, speedup_row(table, names[i], m), "loss_mean", "loss_sd", 1, 3)
        print ""
    }
}

END {
    if (table == "quickstart") quickstart()
    else if (table == "paper_time_imagenet") paper_time_imagenet()
    else if (table == "paper_time_imagenet_what_if") paper_time_imagenet_what_if()
    else if (table == "paper_time_sgp") paper_time_sgp()
    else if (table == "paper_table1_small") paper_table1_small()
    else if (table == "paper_table1_small_gain") paper_table1_small_gain()
    else if (table == "paper_table1_less_data") paper_table1_less_data()
    else if (table == "alpha_beta") alpha_beta()
    else if (table == "effect_of_tau") effect_of_tau()
    else if (table == "network_speed") network_speed()
    else if (table == "network_speed_short") network_speed_short()
    else if (table == "network_speed_ties") network_speed_ties()
    else if (table == "topologies") topologies()
    else if (table == "stragglers") stragglers_table("s to 82 %")
    else if (table == "stragglers_idle") stragglers_table("idle %")
    else if (table == "stragglers_accuracy") stragglers_table("accuracy %")
    else if (table == "cross_datacenter_diloco") cross_datacenter_diloco()
    else if (table == "linear_speedup") linear_speedup()
    else if (table == "linear_speedup_seconds") linear_speedup_seconds()
    else if (table == "linear_speedup_quadratic") linear_speedup_quadratic()
    else {
        print "no table " table > "/dev/stderr"
        failed = 1
    }
    exit failed
}
