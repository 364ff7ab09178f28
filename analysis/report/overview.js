// SPDX-License-Identifier: GPL-3.0-or-later
// overview.js -- what the store holds, and its results in a few sentences.
"use strict";

const {element, quantity, judgement} = report;

const space = "\u00a0";

function plural(count, word) {
    return `${count}${space}${word}${count === 1 ? "" : "s"}`;
}

function unique(values) {
    return [...new Set(values.filter((value) => value !== null && value !== undefined))];
}

// "8", "8, 16 and 32", "8 to 64" for many.
function listOf(values) {
    if (values.length < 2) {
        return String(values[0]);
    }
    if (values.length > 4 && values.every(Number.isFinite)) {
        return `${Math.min(...values)} to ${Math.max(...values)}`;
    }
    if (values.length > 4) {
        return `${values.slice(0, 3).join(", ")} and ${values.length - 3} more`;
    }
    return `${values.slice(0, -1).join(", ")} and ${values[values.length - 1]}`;
}

/* ---- what there is ---- */

// A fact that all variants share, or the values of the setting that differs.
function valuesOf(data, key, shared) {
    return data.keys.some((other) => other.key === key)
        ? unique(
              data.variants.map((variant) => variant.settings[key] && variant.settings[key].text))
        : unique([shared]);
}

function describe(data) {
    const {facts, runs, variants} = data;
    const trained = runs.some((run) => run.hashes.data !== null);
    const models = valuesOf(data, "workload.model", facts.model);
    const sets = valuesOf(data, "workload.dataset", facts.dataset);
    const platforms = valuesOf(data, "platform.file", facts.platform);
    const profiles = valuesOf(data, "timing.profile", facts.profile);
    const seeds = unique(runs.map((run) => run.seed));
    const facets = [
        [
            "Runs",
            `${runs.length}` +
                (variants.length < runs.length && variants.length > 0
                     ? ` of ${plural(variants.length, "variant")}, ${plural(seeds.length, "seed")}`
                     : "")
        ],
        ["Workers", listOf(unique(runs.map((run) => run.workers)).sort((a, b) => a - b))],
        ["Steps", listOf(unique(runs.map((run) => run.steps)).sort((a, b) => a - b))],
        [
            "Model and data",
            trained ? `${listOf(models)} on ${listOf(sets)}` : "none: simulated seconds only"
        ],
        ["Platform", platforms.length > 0 ? listOf(platforms) : null],
        ["Compute times", profiles.length > 0 ? listOf(profiles) : null],
        [
            "Sent as one model",
            listOf(unique(runs.map((run) => quantity(run.wire_bytes_per_model, "bytes"))))
        ],
    ];
    return facets.filter(([, text]) => text !== null);
}

/* ---- sentences: what comes before a variant's name, the name, what comes after ---- */

function seconds(value) {
    return quantity(value, "seconds", 3);
}

function interval(low, high, text) {
    return low === null || low === high ? ""
                                        : ` (95${space}% interval ${text(low)} to ${text(high)})`;
}

// Who reaches the target with all seeds, and how soon.
function soonest(data) {
    const tried = data.variants.filter((variant) => variant.seeds > 0);
    const reached = tried.filter((variant) => variant.target.reached === variant.seeds);
    const targets = unique(reached.map((variant) => variant.target.value));
    if (reached.length < 2 || targets.length !== 1) {
        return null;
    }
    reached.sort((a, b) => a.target.seconds.mean - b.target.seconds.mean);
    const [first] = reached;
    const last = reached[reached.length - 1];
    const {mean, low, high} = first.target.seconds;
    const missed = tried.length - reached.length;
    const rest = missed > 0 ? `${missed} of ${tried.length} variants miss it with a seed or more`
                            : `the last, ${last.name}, needs ${seconds(last.target.seconds.mean)}`;
    return [
        "",
        first.name,
        ` reaches ${quantity(targets[0], "share")} first, after ${seconds(mean)} of simulated ` +
            `time${interval(low, high, seconds)}; ${rest}.`,
    ];
}

// The best of what the variants are judged by.
function highest(data) {
    if (!data.judged) {
        return null;
    }
    const {name, moreIsBetter} = data.judged;
    const judged = data.variants.filter(
        (variant) => variant.measure.name === name && variant.measure.mean !== null);
    if (judged.length === 0) {
        return null;
    }
    const sign = moreIsBetter ? -1 : 1;
    judged.sort(
        (a, b) => sign * (a.measure.mean - b.measure.mean) || a.seconds.mean - b.seconds.mean);
    const [best] = judged;
    const {mean, low, high} = best.measure;
    // other networks have the same numbers at other seconds
    const next = judged.find((variant) => variant.measure.mean !== mean);
    const short = (value) => judgement(value, 3);
    const result =
        `${short(mean)}${interval(low, high, short)}, after ${seconds(best.seconds.mean)}`;
    return [
        "",
        best.name,
        next === undefined
            ? ` ends with ${name === "accuracy" ? "an" : "a"} ${name} of ${result}.`
            : ` ends with the ${moreIsBetter ? "highest" : "lowest"} ${name}, ${result}; next is ` +
                `${next.name} with ${short(next.measure.mean)}.`,
    ];
}

// The largest gain over a base; all-reduce where the experiment names no other.
function fastest(data) {
    const faster = data.variants.filter((variant) => variant.speedUp.mean !== null);
    if (faster.length === 0) {
        return null;
    }
    const best = faster.reduce((a, b) => b.speedUp.mean > a.speedUp.mean ? b : a);
    const {mean, low, high, base} = best.speedUp;
    const times = (value) => report.digits(value, 3);
    return [
        mean > 1 ? "The largest speed-up to the target is that of "
                 : "No variant reaches the target sooner than its base; nearest comes ",
        best.name,
        `: ${times(mean)} times as fast as ${data.variants[base].name}` +
            `${interval(low, high, times)}.`,
    ];
}

// Of the time of an iteration, where that is all there is to compare.
function shortest(data) {
    const timed = data.variants.filter((variant) => variant.step.seconds !== null);
    if (data.judged || timed.length === 0) {
        return null;
    }
    timed.sort((a, b) => a.step.seconds - b.step.seconds);
    const [first] = timed;
    const last = timed[timed.length - 1];
    const share = quantity(last.step.communication / last.step.seconds, "share", 2);
    const waits = `${share} of it is communication that nothing hides`;
    return timed.length < 2
        ? ["An iteration of ", first.name, ` takes ${seconds(first.step.seconds)}; ${waits}.`]
        : [
              "An iteration is shortest with ", first.name,
              `, ${seconds(first.step.seconds)}, and longest with ${last.name}, ` +
                  `${seconds(last.step.seconds)}: ${waits}.`
          ];
}

// The same against all-reduce, or what else the experiment compares with.
function faster(data) {
    const timed = data.variants.filter(
        (variant) => variant.step.seconds !== null && variant.speedUp.base !== null);
    const ratio = (variant) =>
        data.variants[variant.speedUp.base].step.seconds / variant.step.seconds;
    if (data.judged || timed.length === 0) {
        return null;
    }
    const best = timed.reduce((a, b) => ratio(b) > ratio(a) ? b : a);
    const base = data.variants[best.speedUp.base].name;
    return ratio(best) > 1
        ? ["", best.name, ` is ${report.digits(ratio(best), 3)} times as fast as ${base}.`]
        : ["No variant is faster than ", base, "."];
}

function failed(data) {
    const broken = data.runs.filter((run) => run.status !== "finished");
    if (broken.length === 0) {
        return null;
    }
    const kinds = unique(broken.map((run) => run.status)).map((status) => {
        const count = broken.filter((run) => run.status === status).length;
        return `${count} ${status}`;
    });
    const names = listOf(unique(broken.map((run) => run.name)));
    return [
        `${broken.length} of ${plural(data.runs.length, "run")} did not finish ` +
            `(${kinds.join(", ")}) and stand in no mean: `,
        names,
        ".",
    ];
}

report.section({
    id: "overview",
    draw(box, data) {
        element("h1", {text: data.title}, box);
        const facts = element("dl", {class: "facts"}, box);
        for (const [name, text] of describe(data)) {
            const pair = element("div", {}, facts);
            element("dt", {text: name}, pair);
            element("dd", {text}, pair);
        }
        const found = [soonest, highest, fastest, shortest, faster, failed]
                          .map((find) => find(data))
                          .filter(Boolean);
        const list = element("ul", {class: "findings"}, found.length > 0 ? box : null);
        for (const [before, name, after] of found) {
            const item = element("li", {}, list);
            item.append(before);
            element("strong", {text: name}, item);
            item.append(after);
        }
    },
});
