// SPDX-License-Identifier: GPL-3.0-or-later
// platform.js -- the machine drawn: what lies between workers, what is inside of one, its links,
// and what differs where a store has several.
"use strict";

const {element, quantity, digits} = report;
const {plainName, plural, perSecond, range, marksOf, sayRanks, speedOf, drawNetwork, drawInside} =
    report.platform;

const mostInside = 4; // kinds of workers
const mostAlike = 4;  // links of one name that have other values
const capital = (text) => text[0].toUpperCase() + text.slice(1);
const shortFile = (file) => file.replace(/^.*\//, "").replace(/\.xml$/, "");

/* ---- what is out of line ---- */

// A link is drawn with a dash where most of its name are of another kind.
function markOdd({links}) {
    for (const link of links) {
        const alike = links.filter(({name}) => name === link.name).map(({count}) => count);
        if (link.count * 3 <= Math.max(...alike)) {
            link.dash = link.busy ? "dotted" : "dashed";
        }
    }
}

// What a kind has other than the most frequent one of as many devices.
function markUnlike({kinds}) {
    const usual = [...kinds].sort((one, other) => other.count - one.count);
    for (const kind of kinds) {
        const common = usual.find(({devices}) => devices === kind.devices);
        if (common.count >= 2 * kind.count) {
            const slow = speedOf(common) !== speedOf(kind);
            const other = kind.devices > 1 ? "other links inside" : "another link inside";
            kind.unlike = slow ? `${speedOf(kind)} a device` : other;
        }
    }
}

/* ---- words and links ---- */

function sayTraffic(flow) {
    const where = flow.ways ? `${plural(flow.ways, "way")} of links` : plural(flow.routes, "route");
    const amounts = [
        flow.load && `${quantity(flow.load, "share")} of the bandwidth`,
        flow.rate && quantity(flow.rate, "bytes/s"),
        flow.flows && plural(flow.flows, "flow"),
    ];
    return `Others ask for ${amounts.find(Boolean)} on ${where}${
        flow.random ? ", at random" : ""}.`;
}

function factsOf(description, runs) {
    const {workers, sampled, sites = [], traffic = [], settings = []} = description;
    const devices = Math.round(description.devices / (sampled || workers));
    const each = devices > 1 ? ` with ${plural(devices, "device")} each` : "";
    const usual = description.kinds.filter(({unlike}) => !unlike);
    const speeds = [...new Set(usual.map(speedOf))].slice(0, 3).join(" or ");
    const unlike = description.kinds.filter((kind) => kind.unlike).slice(0, 4);
    const used = [...new Set(runs.map((run) => run.workers))].sort((a, b) => a - b);
    const fewer = used.length > 1 || (used.length === 1 && used[0] < workers);
    const where = sites.length > 1 ? ` at ${plural(sites.length, "site")}` : "";
    return [
        `${plural(workers, "worker")}${each}${where}, ${speeds} a device.`,
        ...unlike.map((kind) => `${capital(sayRanks(kind))}: ${kind.unlike}.`),
        fewer && `Runs use the first ${used.join(", ")}.`,
        sampled && `Drawn from the first ${digits(sampled, 7)} workers.`,
        description.contradicts &&
            "Its ways contradict each other: what its links join is not drawn.",
        description.gaps && "Some zones have no route to each other: what joins them is not drawn.",
        description.irregular && "Too many of its parts differ to draw how they are joined.",
        description.coarse && !description.irregular &&
            "What differs in speed only is drawn alike, with the range of its values.",
        ...traffic.map(sayTraffic),
        settings.length > 0 && `The file sets ${settings.join(", ")}.`,
    ].filter(Boolean)
        .join(" ");
}

function drawTable(parent, titles, rows) {
    const frame = element("div", {class: "scroll pf-table", tabindex: 0}, parent);
    const table = element("table", {}, frame);
    const head = element("tr", {}, element("thead", {}, table));
    const css = (i) => i > 0 ? "number" : null;
    titles.forEach((text, i) => element("th", {class: css(i), scope: "col", text}, head));
    const body = element("tbody", {}, table);
    for (const cells of rows) {
        const row = element("tr", {}, body);
        cells.forEach((text, i) => element(i > 0 ? "td" : "th", {class: css(i), text}, row));
    }
    return body;
}

// Links of a name with many values become one row, with ranges.
function foldLinks(links) {
    const names = new Map();
    links.forEach((link) => names.set(link.name, [...(names.get(link.name) || []), link]));
    return [...names.values()].flatMap(
        (alike) => alike.length > mostAlike ? [alike] : alike.map((link) => [link]));
}

function drawLinks(parent, {links, more}) {
    const marked = links.some((link) => marksOf(link).length > 0);
    const titles = ["Links", "Number", "Line rate", "For payload", "Share", "Latency"];
    const ends = (alike, valueOf, write) => {
        const values = alike.map(valueOf);
        return range([Math.min(...values), Math.max(...values)], write);
    };
    const rates = (alike, shareOf, write) => {
        const ups = ends(alike, (link) => link.bandwidth * shareOf(link), write);
        const down = alike.some((link) => link.down);
        const downOf = (link) => (link.down || link.bandwidth) * shareOf(link);
        return down ? `${ups} up, ${ends(alike, downOf, write)} down` : ups;
    };
    const rows = foldLinks(links).map(
        (alike) =>
            [plainName(alike[0].name),
             digits(alike.reduce((sum, {count}) => sum + count, 0), 7),
             rates(alike, () => 1, (value) => quantity(value, "bytes/s", 5)),
             rates(alike, ({goodput}) => goodput, perSecond),
             ends(alike, ({goodput}) => goodput, (value) => quantity(value, "share", 4)),
             ends(alike, ({latency}) => latency, (value) => quantity(value || NaN, "seconds", 4)),
             ...(marked ? [[...new Set(alike.flatMap(marksOf))].join(", ")] : []),
    ]);
    drawTable(parent, marked ? [...titles, ""] : titles, rows);
    if (more) {
        element("p", {class: "quiet", text: `And ${plural(more, "link")} of other kinds.`}, parent);
    }
}

/* ---- several platforms ---- */

// What can differ between two platforms: a map from titles to sets of texts.
function valuesOf(description) {
    const values = new Map();
    const add = (title, text) => {
        values.set(title, (values.get(title) || new Set()).add(text));
    };
    add("File", shortFile(description.file));
    add("Workers", digits(description.workers, 7));
    description.kinds.forEach((kind) => add("Speed of a device", speedOf(kind)));
    for (const link of description.links) {
        const name = plainName(link.name);
        add(name, quantity(link.bandwidth, "bytes/s", 5));
        add(`${name}, latency`, quantity(link.latency, "seconds", 4));
        add(`${name}, share for payload`, quantity(link.goodput, "share", 4));
    }
    (description.traffic || []).forEach((flow) => add("Traffic of others", sayTraffic(flow)));
    return values;
}

// The titles that tell some of them apart, and of each platform its texts.
function differencesOf(list) {
    const all = list.map(({description}) => valuesOf(description));
    const say = (values, title) => [...(values.get(title) || ["\u2013"])].join(", ");
    const titles = [...new Set(all.flatMap((values) => [...values.keys()]))].filter(
        (title) => new Set(all.map((values) => say(values, title))).size > 1);
    return {titles, texts: all.map((values) => titles.map((title) => say(values, title)))};
}

// What tells it from the others, in a line.
function nameOf({description}, {titles}, texts) {
    const others = texts.filter((_, i) => titles[i] !== "File").slice(0, 3);
    return [shortFile(description.file), ...others].join(", ");
}

/* ---- the section ---- */

function drawPlatform(parent, {description, runs}) {
    parent.replaceChildren();
    const facts = element("p", {}, parent);
    element("strong", {text: `${shortFile(description.file)}: `}, facts);
    facts.append(factsOf(description, runs));
    const figures = element("div", {class: "pf-figures"}, parent);
    const narrow = element("div", {}, figures);
    const wide = element("div", {}, figures);
    if (description.nodes && description.nodes.length > 0) {
        const figure = element("figure", {}, narrow);
        const caption = element("figcaption", {}, figure);
        element("strong", {text: "Between workers"}, caption);
        element(
            "span", {text: "line rate and latency of each link; the thicker, the faster"}, caption);
        const frame = element("div", {}, figure);
        report.responsive(frame, (width) => {
            frame.replaceChildren();
            drawNetwork(frame, description, width);
        });
    }
    const drawn = new Set();
    description.kinds.map((kind, index) => ({kind, index}))
        .sort((one, other) => other.kind.count - one.kind.count)
        .slice(0, mostInside)
        .forEach(({index}) => drawInside(narrow, wide, description, index, drawn));
    figures.classList.toggle("pf-one", drawn.size === 0);
    drawLinks(parent, description);
}

// A list to choose from, and what differs.
function drawChoice(parent, list, show) {
    const differences = differencesOf(list);
    const names = list.map((entry, i) => nameOf(entry, differences, differences.texts[i]));
    const choice = element("label", {class: "pf-choice controls", text: "Platform"}, parent);
    const select = element("select", {}, choice);
    names.forEach((text, value) => element("option", {value, text}, select));
    select.addEventListener("change", () => show(list[select.value]));
    const shown = differences.titles.slice(0, 8);
    const rows = list.map((entry, i) => {
        const texts = differences.texts[i].slice(0, shown.length);
        return [...texts, `${entry.runs.length}`];
    });
    const body = drawTable(parent, [...shown, "Runs"], rows);
    body.closest(".pf-table").classList.toggle("pf-many", list.length > 8);
}

report.section({
    id: "platform",
    title: "Platform",
    about: "The machine that the simulator had: what hangs on what, how fast, and how far away.",
    draw(parent, data) {
        const list = Object.entries(data.platforms || {})
                         .filter(([, description]) => description.version === 1)
                         .map(([hash, description]) => ({
                                  description,
                                  runs: data.runs.filter((run) => run.platform === hash),
                              }));
        if (list.length === 0) {
            return false;
        }
        list.forEach(({description}) => {
            markOdd(description);
            markUnlike(description);
        });
        const picture = element("div", {});
        if (list.length > 1) {
            drawChoice(parent, list, (entry) => drawPlatform(picture, entry));
        }
        parent.append(picture);
        drawPlatform(picture, list[0]);
        return true;
    },
});
