// SPDX-License-Identifier: GPL-3.0-or-later
// reproduction.js -- what was run, exactly: experiments, hashes, versions, and how to run it again.
"use strict";

const {element} = report;

const mostShown = 20; // before a button asks for the rest

function unique(values) {
    return [...new Set(values.filter((value) => value !== null && value !== undefined))];
}

/* ---- what went wrong, or nearly ---- */

// Each text once, errors before warnings: {text, runs[], error}.
function notesOf(data) {
    const notes = new Map();
    const note = (text, run, error) => {
        if (!notes.has(text)) {
            notes.set(text, {text, runs: [], error});
        }
        notes.get(text).runs.push(run);
    };
    data.runs.filter((run) => run.error).forEach((run) => note(run.error, run, true));
    data.runs.forEach((run) => run.warnings.forEach((text) => note(text, run, false)));
    return [...notes.values()];
}

function drawNotes(box, data) {
    const notes = notesOf(data);
    if (notes.length === 0) {
        return;
    }
    element("h3", {text: "Warnings and errors"}, box);
    const list = element("ul", {class: "notes"}, box);
    for (const {text, runs, error} of notes) {
        const item = element("li", {}, list);
        element("em", {text: error ? "error" : "warning", class: error ? null : "mild"}, item);
        const who = runs.length === data.runs.length && runs.length > 1 ? "every run"
            : runs.length > 3 ? `${runs.length} runs, such as ${runs[0].name}`
                              : unique(runs.map((run) => run.name)).join(", ");
        item.append(` ${text} `);
        element("span", {text: `(${who})`, class: "quiet"}, item);
    }
}

/* ---- one variant ---- */

function hashesOf(runs) {
    return [
        ["seeds", (run) => run.seed],
        ["status", (run) => run.status],
        ["run id", (run) => run.run_id],
        ["experiment", (run) => run.hashes.experiment],
        ["platform", (run) => run.hashes.platform],
        ["data", (run) => run.hashes.data],
        ["parameters", (run) => run.hashes.parameters],
        ["decides the numbers", (run) => run.trajectory_key],
        ["decides the seconds", (run) => run.timing_key],
        ["slowmo", (run) => run.version],
        ["network model", (run) => run.network_model],
        ["began", (run) => run.created],
    ].map(([name, of]) => [name, unique(runs.map(of)).join(", ")])
        .filter(([, text]) => text !== "");
}

function drawVariant(variant, data, box) {
    const details = element("details", {}, box);
    const summary = element("summary", {}, details);
    report.sample(variant, summary);
    element("span", {text: variant.name}, summary);
    if (variant.status !== "finished") {
        element("em", {text: variant.status}, summary);
    }
    details.addEventListener("toggle", () => {
        if (details.open && details.children.length === 1) {
            fillVariant(variant, data, element("div", {}, details));
        }
    });
    return details;
}

function fillVariant(variant, data, box) {
    const runs = variant.runs.map((r) => data.runs[r]);
    const timing = runs.every((run) => run.hashes.data === null) ? " --timing-only" : "";
    const command = `slowmo run FILE.yaml${timing}`;
    element(
        "p", {
            text: `Save this as FILE.yaml, then ${command}` +
                (runs.length > 1
                     ? `; --seed N for the other seeds (${runs.map((run) => run.seed).join(", ")}).`
                     : ".")
        },
        box);
    const bar = element("div", {class: "controls"}, box);
    report.copyButton("Copy the experiment", () => variant.experiment, bar);
    report.copyButton("Copy the command", () => command, bar);
    element("pre", {text: variant.experiment, tabindex: "0"}, box);
    const hashes = element("dl", {class: "hashes"}, box);
    for (const [name, text] of hashesOf(runs)) {
        const pair = element("div", {}, hashes);
        element("dt", {text: name}, pair);
        element("dd", {text}, pair);
    }
}

report.section({
    id: "reproduction",
    title: "Run it again",
    about: "Each variant's experiment with every default written out, and the hashes that tell " +
        "whether another run is the same one.",
    draw(box, data) {
        const list = element("div", {class: "experiments"}, box);
        const {variants} = data;
        variants.slice(0, mostShown).forEach((variant) => drawVariant(variant, data, list));
        if (variants.length > mostShown) {
            const more = element(
                "button",
                {type: "button", class: "button", text: `Show all ${variants.length} variants`},
                box);
            more.addEventListener("click", () => {
                variants.slice(mostShown).forEach((variant) => drawVariant(variant, data, list));
                more.remove();
            });
        }
        if (variants.length === 1) {
            list.firstChild.open = true;
        }
        drawNotes(box, data);
        element("p", {class: "about", text: `Written by slowmo ${data.version}.`}, box);
    },
});
