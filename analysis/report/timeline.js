// SPDX-License-Identifier: GPL-3.0-or-later
// timeline.js -- a few steps of each algorithm as pipelines are drawn: a row a worker, its device
// above its network, time to the right, one scale for all.
"use strict";

const {element, svg, quantity, digits, unitOf, colours} = report;

const deviceHeight = 20;
const networkHeight = 9;
const rowGap = 7;
const headHeight = 20;
const axisHeight = 22;
const letterWidth = 6.8; // of 12 px text
const mostUnlike = 4;    // longest over shortest drawing that share a scale unasked
const unseen = 2;        // pixels: what is narrower parts no text

// What is drawn of each name: full and short text, class of its rectangle, and what a hint says.
const kinds = {
    load: {text: "load", short: "L", css: "tl-load", says: "input pipeline"},
    forward: {text: "forward", short: "F", css: "tl-forward", says: "forward pass"},
    backward: {text: "backward", short: "B", css: "tl-backward", says: "backward pass"},
    compute: {text: "compute", short: "C", css: "tl-backward", says: "forward and backward pass"},
    update: {text: "update", short: "U", css: "tl-update", says: "optimizer's update"},
    devices: {
        text: "devices",
        short: "D",
        css: "tl-devices",
        says: "all-reduce among the worker's own devices"
    },
    communication: {text: "waits", short: "", css: "tl-exposed", says: "waits for the network"},
    idle:
        {text: "", short: "", css: "tl-idle", says: "idle: waits for a rank that is not there yet"},
    "all-reduce": {text: "", short: "", css: "tl-network", says: "all-reduce"},
    "device all-reduce":
        {text: "", short: "", css: "tl-devices", says: "all-reduce among the worker's own devices"},
    message: {text: "", short: "", css: "tl-message", says: "message"},
};
const unknown = {
    text: "",
    short: "",
    css: "tl-idle",
    says: ""
};

/* ---- data ---- */

const tracks = ["program", "devices", "stream", "message"];
const isOnDevice = (span) => span.track === "program" || span.track === "devices";

// The columns of a timeline as spans, and what all its drawings need to know of them.
function read(timeline) {
    const columns = timeline.spans;
    const at = (name, i) => columns[name] ? columns[name][i] : null;
    const spans = columns.rank.map((rank, i) => ({
                                       rank: timeline.ranks[rank],
                                       track: tracks[columns.track[i]],
                                       name: timeline.names[columns.name[i]],
                                       step: at("step", i),
                                       round: at("round", i),
                                       start: columns.start[i],
                                       end: columns.start[i] + columns.seconds[i],
                                       seconds: columns.seconds[i],
                                       bytes: at("bytes", i),
                                       from: at("from", i),
                                   }));
    const begun = new Set(); // spans of a rank come in the order of their starts
    for (const span of spans.filter((one) => one.step !== null && isOnDevice(one))) {
        const key = `${span.rank} ${span.step}`;
        span.begins = !begun.has(key);
        begun.add(key);
    }
    const steps = [...new Set(spans.map((span) => span.step).filter((step) => step !== null))];
    return {...timeline, spans, steps: steps.sort((a, b) => a - b), total: timeline.steps};
}

// Where a round begins: the first step that belongs to another round than the one before.
function turn(timeline) {
    const rounds = new Map();
    for (const span of timeline.spans) {
        if (span.step !== null && span.round !== null && !rounds.has(span.step)) {
            rounds.set(span.step, span.round);
        }
    }
    return timeline.steps.find(
        (step) => rounds.has(step - 1) && rounds.get(step) !== rounds.get(step - 1));
}

// So many steps of those there are, with the first turn of a round in their middle.
function stepsShown(timeline, count) {
    const turned = turn(timeline);
    const begin = turned === undefined ? 0 : timeline.steps.indexOf(turned) - Math.floor(count / 2);
    const first = Math.max(0, Math.min(begin, timeline.steps.length - count));
    return timeline.steps.slice(first, first + count);
}

// The first workers, the last one where it is out of line (it is slow for good), and servers.
function ranksShown(timeline, count) {
    const workers = timeline.ranks.filter((rank) => rank < timeline.workers);
    const servers = timeline.ranks.filter((rank) => rank >= timeline.workers);
    const last = workers[workers.length - 1];
    const shown = workers.slice(0, count);
    if (last !== workers.length - 1 && !shown.includes(last)) {
        shown[shown.length - 1] = last;
    }
    return [...shown, ...servers.slice(0, Math.max(1, count / 4))];
}

// What one drawing shows: all that its workers do from the first beginning of these steps to their
// last end. Who is faster is in later steps by then. Spans get the pieces of them that are seen,
// at .. till, in seconds after the begin.
function cut(timeline, choice) {
    const ranks = ranksShown(timeline, choice.workers);
    const steps = stepsShown(timeline, choice.steps);
    const own = timeline.spans.filter((span) => ranks.includes(span.rank));
    const inSteps = own.filter((span) => steps.includes(span.step) && span.track !== "message");
    const begin = Math.min(...inSteps.map((span) => span.start));
    const end = Math.max(...inSteps.map((span) => span.end));
    const spans = own.filter((span) => span.end > begin && span.start < end)
                      .map((span) => ({
                               ...span,
                               at: Math.max(span.start, begin) - begin,
                               till: Math.min(span.end, end) - begin,
                               begins: span.begins && span.start >= begin
                           }));
    return {timeline, ranks, steps, length: end - begin, spans: spans.sort((a, b) => a.at - b.at)};
}

// One of each strategy first, then of each algorithm, then others in their order.
function chooseFirst(data, timelines, most) {
    const algorithmOf = (timeline) => data.runs[data.variants[timeline.variant].runs[0]].algorithm;
    const names = [
        ({strategy}) => strategy,
        ({strategy, outer, compression}) => [strategy, outer, compression].join(" "),
    ];
    const chosen = new Set();
    for (const nameOf of names) {
        const seen = new Set([...chosen].map((timeline) => nameOf(algorithmOf(timeline))));
        for (const timeline of timelines) {
            if (!seen.has(nameOf(algorithmOf(timeline)))) {
                seen.add(nameOf(algorithmOf(timeline)));
                chosen.add(timeline);
            }
        }
    }
    timelines.forEach((timeline) => chosen.add(timeline));
    return new Set([...chosen].slice(0, most));
}

/* ---- one block ---- */

// Steps of 1, 2 or 5 times a power of ten, at least `least` pixels apart.
function tickStep(seconds, width, least) {
    const rough = seconds * least / width;
    const power = 10 ** Math.floor(Math.log10(rough));
    return [1, 2, 5, 10].map((times) => times * power).find((step) => step >= rough * 0.999);
}

function drawAxis(parent, {longest, width, top, bottom, px}) {
    const step = tickStep(longest, width, 64);
    const {factor, unit} = unitOf(longest, "seconds");
    for (let i = 0; i * step <= longest * 1.0001; i++) {
        const x = px(i * step);
        svg("line", {class: "grid", x1: x, x2: x, y1: top, y2: bottom}, parent);
        const text = digits(i * step / factor, 6) + (i === 0 ? `\u00a0${unit}` : "");
        const anchor = i === 0 ? "start" : x > width - 20 ? "end" : "middle";
        svg("text", {class: "quiet tl-text", x, y: bottom + 15, "text-anchor": anchor, text},
            parent);
    }
}

// Text in the middle of a bar: as much of it as fits.
function drawText(parent, kind, x, y, width) {
    const text =
        [kind.text, kind.short].find((words) => words && words.length * letterWidth + 4 <= width);
    if (text) {
        svg("text", {
            class: `tl-text tl-in ${kind.css}-text`,
            x: x + width / 2,
            y,
            "text-anchor": "middle",
            text
        },
            parent);
    }
}

// One rectangle a span, [index, span]; neighbours of one name (backward, cut into buckets) share
// their text.
function drawDevice(parent, spans, y, px) {
    let group = null;
    const flush = () =>
        group && drawText(parent, group.kind, group.x, y + 14.5, group.end - group.x);
    for (const [index, span] of spans) {
        const kind = kinds[span.name] || unknown;
        const x = px(span.at);
        const end = px(span.till);
        svg("rect", {
            class: kind.css,
            x,
            y,
            width: Math.max(end - x, 0.5),
            height: deviceHeight,
            "data-span": index
        },
            parent);
        if (end - x < unseen) {
            continue;
        }
        if (group && group.kind === kind && group.step === span.step && x - group.end < unseen) {
            group.end = end;
        } else {
            flush();
            group = {kind, x, end, step: span.step};
        }
    }
    flush();
}

function drawNetwork(parent, spans, y, px) {
    for (const [index, span] of spans) {
        const kind = kinds[span.name] || unknown;
        const x = px(span.at);
        svg("rect", {
            class: kind.css,
            x,
            y,
            width: Math.max(px(span.till) - x, 1),
            height: networkHeight,
            "data-span": index
        },
            parent);
    }
}

// Numbers of the steps of the uppermost row.
function drawHead(parent, view, px, width) {
    const own = view.spans.filter((span) => span.rank === view.ranks[0]);
    const round = new Map(own.map((span) => [span.step, span.round]));
    let free = 0;
    for (const {step, at} of own.filter((span) => span.begins)) {
        const turned = round.get(step) !== null && round.has(step - 1) &&
            round.get(step) !== round.get(step - 1);
        const text = (free === 0 ? `step ${step}` : `${step}`) +
            (turned ? ` · round ${round.get(step)}` : "");
        const room = 2 + report.axes.textWidth(text);
        const x = px(at);
        if (x >= free && x + room <= width) {
            svg("text", {class: "quiet tl-text", x: x + 2, y: 14, text}, parent);
            free = x + room + 6;
        }
    }
}

// From sender to receiver, where both are shown.
function drawArrows(parent, view, rows, px) {
    const middle = (rank) => rows.get(rank) + deviceHeight + networkHeight / 2;
    view.spans.forEach((span, index) => {
        if (span.track !== "message" || !rows.has(span.from)) {
            return;
        }
        const [x1, y1, x2, y2] = [px(span.at), middle(span.from), px(span.till), middle(span.rank)];
        const length = Math.hypot(x2 - x1, y2 - y1) || 1;
        const [ux, uy] = [(x2 - x1) / length, (y2 - y1) / length];
        const head = `M${x2 - 7 * ux - 3 * uy},${y2 - 7 * uy + 3 * ux}L${x2},${y2}L${
            x2 - 7 * ux + 3 * uy},${y2 - 7 * uy - 3 * ux}`;
        svg("path", {class: "tl-arrow", d: `M${x1},${y1}L${x2},${y2}${head}`, "data-span": index},
            parent);
    });
}

function rankName(timeline, rank) {
    return rank < timeline.workers ? `worker ${rank}` : `server ${rank - timeline.workers}`;
}

function describe(view, span) {
    const kind = kinds[span.name] || unknown;
    const lines = [
        kind.says || span.name,
        `${rankName(view.timeline, span.rank)}, ${quantity(span.seconds, "seconds")}`
    ];
    if (span.step !== null) {
        lines.push(`step ${span.step}` + (span.round !== null ? `, round ${span.round}` : ""));
    }
    if (span.from !== null) {
        lines.push(`from ${rankName(view.timeline, span.from)}`);
    }
    if (span.bytes !== null) {
        lines.push(quantity(span.bytes, "bytes"));
    }
    lines.push(`${quantity(view.timeline.origin + span.start, "seconds", 6)} after the start`);
    return lines;
}

// One algorithm. longest: seconds that the width stands for.
function drawBlock(box, data, view, {longest, width, labels, arrows}) {
    const {timeline} = view;
    const variant = data.variants[timeline.variant];
    const block = element("figure", {class: "tl-block"}, box);
    const caption = element("figcaption", {}, block);
    const title = element("div", {}, caption);
    report.sample(variant, title);
    element("strong", {text: variant.name}, title);
    const last = view.steps[view.steps.length - 1];
    element(
        "span", {
            text: `steps ${view.steps[0]} to ${last} of ${timeline.total}; ` +
                `all of them took ${quantity(variant.step.seconds, "seconds")} each on average`
        },
        caption);

    const rows = new Map();
    let y = headHeight;
    for (const rank of view.ranks) {
        rows.set(rank, y);
        y += deviceHeight + networkHeight + rowGap;
    }
    const bottom = y;
    const height = bottom + axisHeight;
    const frame = element("div", {class: "tl-frame"}, block);
    const names =
        svg("svg", {class: "tl-names", width: labels, height, "aria-hidden": "true"}, frame);
    const scroll = element("div", {class: "scroll tl-scroll"}, frame);
    const figure =
        svg("svg", {
            width,
            height,
            role: "img",
            "aria-label": `${variant.name}: what ${view.ranks.length} of its workers do in steps ${
                view.steps[0]} to ${last}`
        },
            scroll);
    const px = (seconds) => seconds * (width - 1) / longest;

    drawAxis(figure, {longest, width, top: headHeight, bottom, px});
    for (const rank of view.ranks) {
        const top = rows.get(rank);
        const own = [...view.spans.entries()].filter(([, span]) => span.rank === rank);
        const onDevice = own.filter(([, span]) => isOnDevice(span));
        const [begin, end] =
            [onDevice[0][1].at, Math.max(...onDevice.map(([, span]) => span.till))];
        const name = svg(
            "text", {class: "tl-text", x: 0, y: top + 14.5, text: rankName(timeline, rank)}, names);
        svg("title", {text: rankName(timeline, rank)}, name);
        svg("rect",
            {class: "tl-row", x: px(begin), y: top, width: px(end - begin), height: deviceHeight},
            figure);
        drawDevice(figure, onDevice, top, px);
        drawNetwork(figure, own.filter(([, span]) => !isOnDevice(span)), top + deviceHeight, px);
        for (const [, {at}] of onDevice.filter(([, span]) => span.begins)) {
            svg("line", {
                class: "tl-step",
                x1: px(at),
                x2: px(at),
                y1: top - 3,
                y2: top + deviceHeight + networkHeight
            },
                figure);
        }
    }
    drawHead(figure, view, px, width);
    if (arrows) {
        drawArrows(figure, view, rows, px);
    }

    // One listener for all bars: there are thousands.
    const say = (event) => {
        const index = event.target.dataset ? event.target.dataset.span : undefined;
        if (index === undefined) {
            report.hideHint();
        } else {
            report.showHint(describe(view, view.spans[index]), event.clientX, event.clientY);
        }
    };
    figure.addEventListener("pointermove", say);
    figure.addEventListener("pointerdown", say);
    figure.addEventListener(
        "pointerleave", (event) => event.pointerType !== "touch" && report.hideHint());
    return scroll;
}

/* ---- the section ---- */

const legend = [
    ["load", "load"],
    ["forward", "forward"],
    ["backward", "backward"],
    ["update", "update"],
    ["exposed", "waits for the network"],
    ["network", "all-reduce"],
    ["message", "message"],
    ["devices", "inside a worker"],
    ["row", "idle"],
];
// Which of them there are.
const inLegend = {
    exposed: ["communication"],
    network: ["all-reduce"],
    devices: ["devices", "device all-reduce"],
    backward: ["backward", "compute"],
    row: ["idle"],
};

function drawLegend(box, timelines) {
    const names = new Set(timelines.flatMap((timeline) => timeline.names));
    const list = element("div", {class: "tl-legend"}, box);
    for (const [css, text] of legend) {
        if (!(inLegend[css] || [css]).some((name) => names.has(name))) {
            continue;
        }
        const item = element("span", {}, list);
        const picture = svg("svg", {width: 22, height: 12, "aria-hidden": "true"}, item);
        const thin = css === "network" || css === "message";
        svg("rect",
            {class: `tl-${css}`, x: 0.5, y: thin ? 2.5 : 0.5, width: 21, height: thin ? 7 : 11},
            picture);
        element("span", {text}, item);
    }
}

// The stripes of waiting; all drawings refer to them.
function drawPatterns(box) {
    const home =
        svg("svg", {width: 0, height: 0, class: "tl-patterns", "aria-hidden": "true"}, box);
    const stripes =
        svg("pattern", {
            id: "tl-stripes",
            width: 6,
            height: 6,
            patternUnits: "userSpaceOnUse",
            patternTransform: "rotate(45)"
        },
            svg("defs", {}, home));
    svg("rect", {width: 6, height: 6, fill: "#fbe3d3"}, stripes);
    svg("rect", {width: 1.8, height: 6, fill: colours[1]}, stripes);
}

function drawChips(box, data, timelines, shown, redraw) {
    if (timelines.length < 2) {
        return;
    }
    const chips = element(
        "div", {class: "chips controls", role: "group", "aria-label": "Algorithms shown"}, box);
    for (const timeline of timelines) {
        const variant = data.variants[timeline.variant];
        const chip = element(
            "button", {type: "button", class: "chip", "aria-pressed": String(shown.has(timeline))},
            chips);
        report.sample(variant, chip);
        element("span", {text: variant.name}, chip);
        chip.addEventListener("click", () => {
            if (!shown.delete(timeline)) {
                shown.add(timeline);
            }
            chip.setAttribute("aria-pressed", String(shown.has(timeline)));
            redraw();
        });
    }
}

// Narrow boxes are moved together, for they share their scale.
function moveTogether(scrolls) {
    for (const scroll of scrolls) {
        scroll.addEventListener("scroll", () => {
            for (const other of scrolls) {
                if (other.scrollLeft !== scroll.scrollLeft) {
                    other.scrollLeft = scroll.scrollLeft;
                }
            }
        }, {passive: true});
    }
}

function drawTimelines(box, data) {
    const timelines =
        (data.timelines || []).map(read).filter((timeline) => timeline.steps.length > 0);
    if (timelines.length === 0) {
        return false;
    }
    const narrow = box.clientWidth < 600;
    const shown = chooseFirst(data, timelines, narrow ? 4 : 6); // until others are chosen
    const choice = {same: true, arrows: true, steps: 4, workers: 4};
    const viewsShown = () => timelines.filter((timeline) => shown.has(timeline))
                                 .map((timeline) => cut(timeline, choice));
    const lengths = viewsShown().map((view) => view.length);
    choice.same = Math.max(...lengths) <= mostUnlike * Math.min(...lengths);
    let width = 0;
    let draw = () => {};

    drawPatterns(box);
    const controls = element("div", {class: "controls"}, box);
    const pick = (label, key, options) => report.pick(
        {
            label,
            options,
            value: choice[key],
            change(value) {
                choice[key] = value;
                draw();
            }
        },
        controls);
    if (timelines.length > 1) {
        pick("Scale", "same", [[true, "same scale"], [false, "fit each"]]);
    }
    if (timelines.some((timeline) => timeline.steps.length > 4)) {
        pick("Steps", "steps", [[4, "4 steps"], [8, "8 steps"]]);
    }
    if (timelines.some(
            (timeline) => timeline.ranks.filter((rank) => rank < timeline.workers).length > 4)) {
        pick("Workers", "workers", [[4, "4 workers"], [8, "8 workers"]]);
    }
    if (timelines.some((timeline) => timeline.names.includes("message"))) {
        pick("Messages", "arrows", [[true, "arrows"], [false, "no arrows"]]);
    }
    drawChips(box, data, timelines, shown, () => draw());
    drawLegend(box, timelines);
    const blocks = element("div", {class: "tl-blocks"}, box);
    draw = () => {
        blocks.replaceChildren();
        const views = viewsShown();
        const longest = Math.max(...views.map((view) => view.length));
        const labels = narrow ? 66 : 76;
        const paper = document.documentElement.classList.contains("printing");
        const room = Math.max(width - labels, paper ? 0 : choice.steps * 110);
        moveTogether(views.map((view) => drawBlock(blocks, data, view, {
                                   longest: choice.same ? longest : view.length,
                                   width: room,
                                   labels,
                                   arrows: choice.arrows
                               })));
    };
    report.responsive(blocks, (now) => {
        width = now;
        draw();
    });
    return true;
}

report.section({
    id: "timeline",
    title: "What workers do",
    about:
        "A few steps of simulated time, around the end of the first round where there are rounds. Above: what a " +
        "worker's devices compute, or what they wait for. Below: what its network carries. Dark lines are where a " +
        "step begins; arrows are messages between workers that are shown.",
    draw: drawTimelines,
});
