// SPDX-License-Identifier: GPL-3.0-or-later
// platform_network.js -- what lies between workers: stacks of them below, switches above.
//
// Places that are alike are drawn one by one while they are few and it is known which hangs on
// which, else once with their number.
"use strict";

const {element, svg, tip} = report;
const {plural, sayLink, speedOf, workerWord, lookOf, line, box, words, wrap, letterWidth} =
    report.platform;

const pillHeight = 26;
const stackHeight = 56;
const lineHeight = 18;
const mostDrawn = 8;  // places of one node
const leastCell = 40; // pixels for a stack

const isWorker = (node) => node.kind !== undefined;
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

/* ---- what is drawn how often ---- */

// Links between the same nodes with the same values, whatever device of a worker they are at; a is
// the node that is nearer to the workers.
function joinEdges(description, levels) {
    const groups = new Map();
    for (const edge of description.edges) {
        const turned = levels[edge.a] > levels[edge.b];
        const [a, b] = turned ? [edge.b, edge.a] : [edge.a, edge.b];
        const each = turned ? [edge.each[1], edge.each[0]] : edge.each;
        const key = [a, b, edge.link].join();
        const group = groups.get(key) || {a, b, each: [0, 0], bandwidth: [], latency: []};
        group.link = description.links[edge.link];
        group.each = group.each.map((count, end) => count + each[end]);
        group.bandwidth.push(...(edge.bandwidth || []));
        group.latency.push(...(edge.latency || []));
        groups.set(key, group);
    }
    const ends = (list) => list.length > 0 ? [Math.min(...list), Math.max(...list)] : null;
    return [...groups.values()].map((group) => ({
                                        ...group,
                                        bandwidth: ends(group.bandwidth),
                                        latency: ends(group.latency),
                                    }));
}

// How many links every node is from the nearest worker.
function levelsOf({nodes, edges}) {
    const levels = nodes.map((node) => isWorker(node) ? 0 : Infinity);
    for (let i = 0; i < nodes.length; i++) {
        for (const {a, b} of edges) {
            levels[a] = Math.min(levels[a], levels[b] + 1);
            levels[b] = Math.min(levels[b], levels[a] + 1);
        }
    }
    return levels.map((level) => Number.isFinite(level) ? level : 1);
}

const joinsAll = (edge, nodes) =>
    edge.each[0] === nodes[edge.b].count && edge.each[1] === nodes[edge.a].count;

// Whether it is known which of the places of a and b, drawn one by one, are joined.
function isKnown(edge, nodes) {
    const [a, b] = [nodes[edge.a].count, nodes[edge.b].count];
    if (edge.a === edge.b) {
        return a <= 2;
    }
    return a === 1 || b === 1 || edge.each[0] === 1 || edge.each[1] === 1 || joinsAll(edge, nodes);
}

// How many stacks of a node of workers are drawn: one for each point that they hang on.
function countStacks(index, nodes, edges, single) {
    const own = edges.filter(({a, b}) => a === index || b === index);
    const [parent, ...others] = new Set(own.map(({a, b}) => a === index ? b : a));
    const {count} = nodes[index];
    if (parent === index && others.length === 0 && count === 2) {
        return 2;
    }
    const alone = others.length === 0 && single[parent] && own.every(({each}) => each[0] === 1);
    return alone && count % nodes[parent].count === 0 ? nodes[parent].count : 1;
}

// How often each node is drawn: points one by one while they are few, and where what is drawn once
// for many is not joined to some of them only.
function countPlaces(nodes, edges) {
    const single = nodes.map((node) => !isWorker(node) && node.count <= mostDrawn);
    const count = () => nodes.map((node, index) => {
        const points = single[index] ? node.count : 1;
        return isWorker(node) ? countStacks(index, nodes, edges, single) : points;
    });
    let counts = count();
    const unclear = (edge) => {
        const ends = [edge.a, edge.b];
        const once = ends.some((end) => counts[end] === 1 && nodes[end].count > 1);
        return once ? !joinsAll(edge, nodes) : !isKnown(edge, nodes);
    };
    for (;;) {
        const edge = edges.find(
            ({a, b, ...rest}) => (single[a] || single[b]) && a !== b &&
                (counts[a] > 1 || counts[b] > 1) && unclear({a, b, ...rest}));
        if (!edge) {
            break;
        }
        single[edge.a] = single[edge.b] = false;
        counts = count();
    }
    for (const {a, b} of edges.filter((edge) => edge.a === edge.b && !isKnown(edge, nodes))) {
        single[a] = single[b] = false;
    }
    counts = count();
    const stacks = sum(counts.filter((_, index) => isWorker(nodes[index])));
    return stacks > 2 * mostDrawn ? nodes.map(() => 1) : counts;
}

// Which places of a are joined to which of b.
function pairsOf(edge, counts, nodes) {
    const [ours, theirs] = [counts[edge.a], counts[edge.b]];
    const all = joinsAll(edge, nodes);
    const hangs = (i, j) =>
        ours >= theirs ? Math.floor(i * theirs / ours) === j : Math.floor(j * ours / theirs) === i;
    const pairs = [];
    for (let i = 0; i < ours; i++) {
        for (let j = 0; j < theirs; j++) {
            if (edge.a === edge.b ? i < j : all || hangs(i, j)) {
                pairs.push([i, j]);
            }
        }
    }
    return pairs;
}

// The places of each row, from the workers up, and the pairs that are joined.
function layOut(description, levels, edges) {
    const {nodes} = description;
    const counts = countPlaces(nodes, edges);
    const rows = Array.from({length: Math.max(...levels) + 1}, () => []);
    const places = nodes.map(
        (node, index) => Array.from({length: counts[index]}, (_, i) => ({
                                                                 node,
                                                                 index,
                                                                 i,
                                                                 level: levels[index],
                                                                 stands: node.count / counts[index],
                                                                 below: [],
                                                             })));
    places.flat().forEach((place) => rows[place.level].push(place));
    const lines = [];
    for (const edge of edges) {
        const pairs = pairsOf(edge, counts, nodes);
        for (const [i, j] of pairs) {
            const [low, high] = [places[edge.a][i], places[edge.b][j]];
            lines.push({low, high, edge, many: pairs.length > 12});
            if (low.level < high.level) {
                high.below.push(low);
            }
        }
    }
    if (rows.length > 1) { /* stacks stand beneath what they hang on */
        const order = new Map();
        rows[1].forEach((place, i) => place.below.forEach((low) => order.set(low, i)));
        rows[0].sort((one, other) => order.get(one) - order.get(other) || one.index - other.index);
    }
    return {rows, lines, edges, levels, drawn: counts};
}

// Sites as panels, where each is one place with its workers beneath: [{group, point}].
function panelsOf(description, rows) {
    const used = new Map();
    const panels = (description.sites || []).map((site) => {
        const points = site.nodes.filter(([index]) => !isWorker(description.nodes[index]));
        const [[index, count] = []] = points;
        const i = used.get(index) || 0;
        used.set(index, i + 1);
        const point = (rows[1] || []).find((place) => place.index === index && place.i === i);
        const inside = point ? sum(point.below.map(({stands}) => stands)) : 0;
        const fits = points.length === 1 && count === 1 && inside === site.workers;
        return fits ? {group: site.group, point} : null;
    });
    return panels.every(Boolean) ? panels : [];
}

/* ---- words ---- */

// What the lines above a row are: "8 × InfiniBand 200 Gbit/s, 7 µs", and where they are not all the
// same, whose.
function labelsOf(description, {edges, levels, drawn}, level, width) {
    const counts = new Map();
    let word = "switch";
    const up = ({a, b, link}) => link && levels[a] === level && levels[b] > level;
    for (const edge of edges.filter(up)) {
        const node = description.nodes[edge.a];
        const once = isWorker(node) || (drawn[edge.a] === 1 && node.count > 1);
        const rails = once && edge.each[0] > 1 ? `${edge.each[0]} × ` : "";
        const dashed = edge.link.dash ? ` (${edge.link.dash})` : "";
        const text = `${rails}${sayLink(edge.link, edge)}${dashed}`;
        word = isWorker(node) ? workerWord(description.kinds[node.kind]) : word;
        counts.set(text, (counts.get(text) || 0) + node.count);
    }
    const whose = ([text, count]) => counts.size > 1 ? `${plural(count, word)}: ${text}` : text;
    return [...counts].map(whose).flatMap((text) => wrap(text, width));
}

// Of places that are joined to others of their row.
function loopsOf(description, edges, levels, width) {
    return edges.filter(({a, b}) => levels[a] === levels[b]).flatMap((edge) => {
        const {a, b, each, link} = edge;
        const node = description.nodes[a];
        const word = isWorker(node) ? workerWord(description.kinds[node.kind]) : "switch";
        const among = a === b && node.count > 2;
        const who = among ? `each ${word} to ${plural(each[0], "other")}` : `${word} to ${word}`;
        const dashed = link && link.dash ? ` (${link.dash})` : "";
        return wrap(`${who}: ${link ? sayLink(link, edge) : "directly"}${dashed}`, width);
    });
}

/* ---- drawing ---- */

function drawStack(parent, place, description, width, y) {
    const kind = description.kinds[place.node.kind];
    const group = svg("g", {class: kind.unlike ? "pf-odd" : null}, parent);
    for (const shift of place.stands > 1 ? [6, 3] : []) {
        box(group, "pf-behind", place.x + shift, y - shift, width, stackHeight - 6, 7);
    }
    box(group, "pf-box", place.x, y, width, stackHeight - 6, 7);
    const number = plural(place.stands, workerWord(kind));
    const speed = kind.devices > 1 ? `${kind.devices} × ${speedOf(kind)}` : speedOf(kind);
    const fits = speedOf(kind).length * letterWidth <= width - 4;
    words(group, place.x, y + (fits ? 21 : 29), [number, `× ${place.stands}`, ""], width - 4);
    words(group, place.x, y + 39, [speed, speedOf(kind), ""], width - 4, "quiet");
    const here = place.stands < place.node.count ? `, ${place.stands} of them here` : "";
    tip(group,
        () => [`${number} like ${kind.name.replace(/_?gpu\d+$/, "")}`,
               `workers ${place.node.ranks}${here}`,
               `${plural(kind.devices, "device")} of ${speedOf(kind)}`,
               kind.unlike,
    ].filter(Boolean));
}

function drawPoint(parent, place, description, width, y) {
    const hub = description.links[place.node.hub];
    const names = hub ? [`all share ${sayLink(hub)}`, sayLink(hub), "shared"] : ["switch"];
    const times = (name) => place.stands > 1 ? `${place.stands} × ${name}` : name;
    const group = svg("g", {}, parent);
    const rest = place.stands > 1 ? [`× ${place.stands}`, ""] : [""];
    box(group, "pf-point", place.x, y, width, pillHeight, pillHeight / 2);
    words(group, place.x, y + 17.5, [...names.map(times), ...rest], width - 8);
    tip(group,
        () => [hub ? names[0] : "Where links meet", hub ? "" : "without a limit of its own"]);
}

// Where the places of each row stand; the whole width.
function placeRows(rows, width) {
    const cell = Math.max(width / rows[0].length, leastCell);
    const whole = cell * rows[0].length;
    rows.forEach((row, level) => {
        const even = row.map((_, i) => whole * (i + 0.5) / row.length);
        const over = row.map(({below}) => sum(below.map(({x}) => x)) / below.length);
        const clash = over.some((x, i) => !(x >= 0) || (i > 0 && x - over[i - 1] < leastCell - 1));
        row.forEach((place, i) => {
            place.x = level !== 1 || clash ? even[i] : over[i];
        });
        const gaps = row.map((place, i) => i > 0 ? place.x - row[i - 1].x : whole);
        const most = row.some(({node}) => node.hub !== undefined) ? 290 : 180;
        row.width = Math.min(level > 0 ? most : 200, Math.min(...gaps) - (level > 0 ? 6 : 18));
    });
    return {cell, whole};
}

// Rows from the top down; labels stand above the row that their lines begin at.
function stackRows(rows, labels, arcs) {
    let y = arcs ? 34 : 12;
    for (let level = rows.length - 1; level >= 0; level--) {
        rows[level].y = y;
        y += level > 0 ? pillHeight + 38 + lineHeight * labels[level - 1].length : stackHeight;
    }
    return y;
}

function drawPanels(picture, panels, rows, cell, bottom) {
    for (const {group, point} of panels) {
        const xs = point.below.map(({x}) => x);
        const [left, right] = [Math.min(...xs) - cell / 2, Math.max(...xs) + cell / 2];
        const top = rows[1].y - 9;
        const middle = (left + right) / 2;
        box(picture, "pf-site", middle, top, right - left - 6, bottom + 20 - top, 10);
        words(
            picture, middle, bottom + 12, [`site ${group}`, `${group}`], right - left - 6, "quiet");
    }
}

// Between places of a row: straight to the next one, over those between.
function drawBeside(picture, one, other, row, look) {
    const height = one.level > 0 ? pillHeight : stackHeight;
    const far = Math.abs(row.indexOf(one) - row.indexOf(other)) - 1;
    if (far === 0) {
        line(picture, [one.x, row.y + height / 2], [other.x, row.y + height / 2], look);
        return;
    }
    const peak = row.y - Math.min(32, 14 + 10 * far);
    const d = `M${one.x} ${row.y} C${one.x} ${peak} ${other.x} ${peak} ${other.x} ${row.y}`;
    svg("path", {d, ...look}, picture);
}

function drawLines(picture, lines, rows, cell) {
    for (const {low, high, edge, many} of lines) {
        const look = lookOf(edge.link);
        if (many) {
            look["stroke-width"] /= 2;
        }
        if (low.level === high.level) {
            drawBeside(picture, low, high, rows[low.level], look);
            continue;
        }
        const bundle = low.level === 0 ? Math.min(8, edge.each[0]) : 1;
        const spread = Math.min(9, (cell - 20) / bundle);
        for (let k = 0; k < bundle; k++) {
            const shift = (k - (bundle - 1) / 2) * spread;
            const [top, bottom] = [rows[high.level].y + pillHeight, rows[low.level].y];
            line(picture, [low.x + shift, bottom], [high.x + shift, top], look);
        }
    }
}

report.platform.drawNetwork = (frame, description, width) => {
    const levels = levelsOf(description);
    const edges = joinEdges(description, levels);
    const layout = layOut(description, levels, edges);
    const {rows, lines} = layout;
    const panels = panelsOf(description, rows);
    const labels = rows.map((_, level) => labelsOf(description, layout, level, width - 16));
    const loops = loopsOf(description, edges, levels, width - 16);
    const {cell, whole} = placeRows(rows, width);
    const arcs = lines.some(({low, high}) => low.level === high.level && low !== high);
    const bottom = stackRows(rows, labels, arcs);
    const foot = (panels.length > 0 ? 26 : 4) + lineHeight * loops.length;
    const picture =
        svg("svg", {
            width: whole,
            height: bottom + foot,
            role: "img",
            "aria-label": "what lies between workers",
        },
            element("div", {class: "scroll pf-wide"}, frame));
    drawPanels(picture, panels, rows, cell, bottom);
    drawLines(picture, lines, rows, cell);
    rows.forEach((row, level) => {
        const draw = level > 0 ? drawPoint : drawStack;
        row.forEach((place) => draw(picture, place, description, row.width, row.y));
        labels[level].forEach((text, i) => {
            const y = row.y - 19 - lineHeight * (labels[level].length - 1 - i);
            words(picture, Math.min(whole, width) / 2, y, text, Infinity, "pf-halo");
        });
    });
    loops.forEach((text, i) => {
        words(picture, width / 2, bottom + foot - 4 - lineHeight * (loops.length - 1 - i), text);
    });
};
