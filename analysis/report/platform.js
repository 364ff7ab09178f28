// SPDX-License-Identifier: GPL-3.0-or-later
// platform.js -- the machine drawn: what lies between workers, and what is inside of one.
//
// The description (sim/platform/describe.h) counts what is alike. Places that are alike are drawn
// one by one while they are few and it is known which hangs on which, else once with their number.
"use strict";

const {element, svg, quantity, digits} = report;

const pillHeight = 26;
const stackHeight = 62;
const lineHeight = 18;
const letterWidth = 6.9;  // of 12.5 px text
const mostDrawn = 8;      // instances of one place

/* ---- words ---- */

const media = {
    eth: "Ethernet",
    ib: "InfiniBand",
    nvlink: "NVLink",
    pcie: "PCIe",
    plx: "PCIe",
    qpi: "QPI",
    upi: "UPI",
    wan: "WAN",
    lan: "LAN",
    backbone: "backbone",
};

// "server*_nvlink_*_*" is NVLink; a name without a known word stands as it is.
function mediumOf(name) {
    const words = name.toLowerCase().split(/[^a-z]+/);
    const known = words.find((word) => media[word]);
    return known ? media[known]
                 : name.replace(/[*\\]/g, "").replace(/^[_.-]+|[_.-]+$/g, "") || "link";
}

const plural = (count, word) => count === 1
    ? `1 ${word}`
    : `${digits(count, 7)} ${word}${/ (s | x | ch) $ /.test(word) ? "es" : "s"}`;

const perSecond = (value, unit) =>
    unit === "bytes" ? `${quantity(value, "bytes", 4)}/s` : quantity(value, "bytes/s", 4);

// "1 to 10 Gbit/s"
function span(range, write) {
    const [least, most] = range.map(write);
    const [number, unit] = least.split("\u00a0");
    const same = most.endsWith(`\u00a0${unit}`);
    return least === most ? most : `${same ? number : least} to ${most}`;
}

function rateOf(link, inside, range) {
    const unit = inside ? "bytes" : "bytes/s";
    return range ? span(range, (value) => perSecond(value, unit)) : perSecond(link.bandwidth, unit);
}

function marksOf(link) {
    return [
        link.busy && "traffic of others",
        link.varies && "varies with time",
        link.dies && "goes down",
        link.unshared && "not shared",
    ].filter(Boolean);
}

// "Ethernet 10 Gbit/s, 10 µs"
function sayLink(link, {inside = false, bandwidth = null, latency = null} = {}) {
    const delay = latency ? span(latency, (value) => quantity(value, "seconds", 3))
                          : quantity(link.latency, "seconds", 3);
    return [
        `${mediumOf(link.name)} ${rateOf(link, inside, bandwidth)}`, delay, ...marksOf(link)
    ].join(", ");
}

function speedOf(kind) {
    const write = (value) => quantity(value, "FLOP/s", 4);
    const [least, most] = [Math.min(...kind.speeds), Math.max(...kind.speeds)];
    return span([least, most], write);
}

/* ---- looks of links ---- */

const between = "#d55e00";
const insides = {
    NVLink: "#009e73",
    PCIe: "#7c8792",
    QPI: "#5b4b9a"
};

// As thick as it is fast, a pixel more every ten times.
const thickness = (bandwidth) =>
    Math.min(5.5, Math.max(1.1, 1.2 + Math.log10(bandwidth * 8 / 1e9)));

function lookOf(link, inside) {
    if (!link) {
        return {stroke: "#9aa4af", "stroke-width": 1};
    }
    const colour = inside ? insides[mediumOf(link.name)] || "#0072b2" : between;
    return {
        stroke: link.dies || link.varies ? "#a4343a" : colour,
        "stroke-width": thickness(link.bandwidth),
        "stroke-dasharray": link.dies || link.varies ? "3 4"
            : link.odd                               ? "8 4"
                                                     : null,
    };
}

// A link is odd where most of its name are of another kind.
function markOdd(description) {
    for (const link of description.links) {
        const most = Math.max(
            ...description.links.filter(({name}) => name === link.name).map(({count}) => count));
        link.odd = link.count * 3 <= most;
    }
}

function line(parent, from, to, link, inside) {
    svg("line",
        {class: "pf-link", x1: from.x, y1: from.y, x2: to.x, y2: to.y, ...lookOf(link, inside)},
        parent);
}

function curve(parent, path, link, inside) {
    svg("path", {class: "pf-link", d: path, ...lookOf(link, inside)}, parent);
}

function label(parent, x, y, text, anchor = "middle", quiet = false) {
    svg("text",
        {class: `pf-text pf-in pf-halo${quiet ? " quiet" : ""}`, x, y, "text-anchor": anchor, text},
        parent);
}

// Lines of at most so many pixels, broken behind commas.
function wrap(text, width) {
    const room = Math.max(12, Math.floor(width / letterWidth));
    const lines = [];
    for (const piece of text.split(/(?<=,) /)) {
        const last = lines.length - 1;
        if (last >= 0 && lines[last].length + piece.length + 1 <= room) {
            lines[last] += ` ${piece}`;
        } else {
            lines.push(piece);
        }
    }
    return lines;
}

/* ---- between workers ---- */

const isWorker = (node) => node.kind !== undefined;

// Links between the same nodes with the same values, whatever device of a worker they are at.
function joined(description) {
    const groups = new Map();
    for (const edge of description.edges) {
        const key = [edge.a, edge.b, edge.link].join(" ");
        const group = groups.get(key) || {...edge, each: [0, 0], bandwidths: [], latencies: []};
        group.each = group.each.map((count, i) => count + edge.each[i]);
        group.bandwidths.push(...(edge.bandwidth || []));
        group.latencies.push(...(edge.latency || []));
        groups.set(key, group);
    }
    return [...groups.values()].map(
        (group) => ({
            ...group,
            bandwidth: group.bandwidths.length
                ? [Math.min(...group.bandwidths), Math.max(...group.bandwidths)]
                : null,
            latency: group.latencies.length
                ? [Math.min(...group.latencies), Math.max(...group.latencies)]
                : null,
        }));
}

// How many links every node is from the nearest worker.
function levelsOf(nodes, edges) {
    const levels = nodes.map((node) => isWorker(node) ? 0 : Infinity);
    for (let changed = true; changed;) {
        changed = false;
        for (const {a, b} of edges) {
            for (const [from, to] of [[a, b], [b, a]]) {
                if (levels[from] + 1 < levels[to]) {
                    levels[to] = levels[from] + 1;
                    changed = true;
                }
            }
        }
    }
    return levels.map((level) => Number.isFinite(level) ? level : 1);
}

// Whether it is known which of the places a and b, drawn one by one, are joined.
function isKnown(edge, nodes) {
    const [a, b] = [nodes[edge.a].count, nodes[edge.b].count];
    if (edge.a === edge.b) {
        return a <= 2;
    }
    return a === 1 || b === 1 || edge.each[0] === 1 || edge.each[1] === 1 ||
        (edge.each[0] === b && edge.each[1] === a);
}

// Which nodes are drawn one by one: points while they are few, and workers as one stack for each
// point that they hang on.
function instancesOf(nodes, edges) {
    const single = nodes.map((node) => !isWorker(node) && node.count <= mostDrawn);
    for (const edge of edges) {
        if (single[edge.a] && single[edge.b] && !isKnown(edge, nodes)) {
            single[edge.a] = single[edge.b] = false;
        }
    }
    return nodes.map((node, index) => {
        if (!isWorker(node)) {
            return single[index] ? node.count : 1;
        }
        const own = edges.filter(({a, b}) => a !== b && (a === index || b === index));
        const parents = new Set(own.map(({a, b}) => a === index ? b : a));
        const [parent] = parents;
        const fits = parents.size === 1 && !isWorker(nodes[parent]) && single[parent] &&
            node.count % nodes[parent].count === 0 &&
            (nodes[parent].count === 1 ||
             own.every((edge) => edge.each[edge.a === index ? 0 : 1] === 1));
        return fits ? nodes[parent].count : 1;
    });
}

// Which instances of a are joined to which of b.
function pairsOf(edge, counts, nodes) {
    const [many, few] = [counts[edge.a], counts[edge.b]];
    const pairs = [];
    const all = edge.each[0] === nodes[edge.b].count && edge.each[1] === nodes[edge.a].count;
    for (let i = 0; i < many; i++) {
        for (let j = 0; j < few; j++) {
            const hangs =
                many >= few ? Math.floor(i * few / many) === j : Math.floor(j * many / few) === i;
            if (edge.a === edge.b ? i < j : all || hangs) {
                pairs.push([i, j]);
            }
        }
    }
    return pairs;
}

// The places of each row, from the workers up, each with where it is and how many it stands for.
function rowsOf(nodes, edges, levels, counts) {
    const rows = [];
    nodes.forEach((node, index) => {
        const row = rows[levels[index]] = rows[levels[index]] || [];
        for (let i = 0; i < counts[index]; i++) {
            row.push({node, index, i, of: node.count / counts[index], down: []});
        }
    });
    const find = (index, i) =>
        rows[levels[index]].find((place) => place.index === index && place.i === i);
    for (const edge of edges) {
        for (const [i, j] of pairsOf(edge, counts, nodes)) {
            const ends = [find(edge.a, i), find(edge.b, j)];
            const [low, high] = levels[edge.a] <= levels[edge.b] ? ends : [ends[1], ends[0]];
            if (low.down !== high.down && levels[low.index] < levels[high.index]) {
                high.down.push(low);
            }
        }
    }
    for (let level = 1; level < rows.length; level++) { /* children stand beneath their parents */
        const order = new Map();
        rows[level].forEach(
            (place, i) => place.down.forEach((low) => order.has(low) || order.set(low, i)));
        if (level === 1) {
            rows[0].sort((a, b) => order.get(a) - order.get(b) || a.index - b.index);
        }
    }
    return {rows, find};
}

// The sites as panels, where each has one place beside its workers: [{group, places}].
function panelsOf(description, rows) {
    const panels = [];
    const used = new Map();
    for (const site of description.sites || []) {
        const points = site.nodes.filter(([index]) => !isWorker(description.nodes[index]));
        const [[index, count] = []] = points;
        if (points.length !== 1 || count !== 1 || !rows[1]) {
            return [];
        }
        const i = used.get(index) || 0;
        used.set(index, i + 1);
        const point = rows[1].find((place) => place.index === index && place.i === i);
        const inside = point ? point.down.filter((place) => place.node.kind !== undefined) : [];
        if (inside.reduce((sum, place) => sum + place.of, 0) !== site.workers) {
            return [];
        }
        panels.push({group: site.group, point, places: inside});
    }
    return panels;
}

const drawWord = (kind) => kind.devices > 1 ? "server" : "worker";

// What a link's line says: "8 × InfiniBand 200 Gbit/s, 7 µs".
function sayEdge(edge, description, level, several) {
    const link = description.links[edge.link];
    const low = description.nodes[edge.a];
    const each = edge.each[0];
    const rails = level === 0 && each > 1 ? `${each} × ` : "";
    const who = several && isWorker(low)
        ? `${plural(low.count, drawWord(description.kinds[low.kind]))}: `
        : "";
    return link ? `${who}${rails}${sayLink(link, edge)}` : "";
}

function drawStack(parent, place, description, x, y, width) {
    const kind = description.kinds[place.node.kind];
    const group = svg("g", {class: kind.unlike ? "pf-odd" : null}, parent);
    const behind = place.of > 1 ? [6, 3] : [];
    for (const shift of behind) {
        svg("rect", {
            class: "pf-behind",
            x: x - width / 2 + shift,
            y: y - shift + 6,
            width: width - 6,
            height: stackHeight - 12,
            rx: 7
        },
            group);
    }
    svg("rect", {
        class: "pf-box",
        x: x - width / 2,
        y: y + 6,
        width: width - 6,
        height: stackHeight - 12,
        rx: 7
    },
        group);
    const middle = x - 3;
    const texts = [
        [`${plural(place.of, drawWord(kind))}`, `× ${place.of}`, `${place.of}`],
        [
            kind.devices > 1 ? `${kind.devices} × ${speedOf(kind)}` : speedOf(kind), speedOf(kind),
            kind.devices > 1 ? `${kind.devices} dev.` : ""
        ],
    ];
    texts.forEach((choices, i) => {
        const text = choices.find((words) => words.length * letterWidth <= width - 10);
        if (text) {
            svg("text", {
                class: `pf-text pf-in${i > 0 ? " quiet" : ""}`,
                x: middle,
                y: y + 29 + i * 17,
                "text-anchor": "middle",
                text
            },
                group);
        }
    });
    const here = place.of < place.node.count ? `, ${place.of} of them here` : "";
    report.tip(
        group,
        () => [`${plural(place.of, drawWord(kind))} like ${kind.name.replace(/_?gpu\d+$/, "")}`,
               `workers ${place.node.ranks}${here}`,
               `${plural(kind.devices, "device")} of ${speedOf(kind)}`,
               kind.unlike,
    ].filter(Boolean));
}

function drawPill(parent, place, description, x, y, width) {
    const hub = description.links[place.node.hub];
    const text = hub ? `all share ${rateOf(hub, false)}` : "switch";
    const group = svg("g", {}, parent);
    svg("rect",
        {class: "pf-point", x: x - width / 2, y, width, height: pillHeight, rx: pillHeight / 2},
        group);
    const words = place.of > 1 ? `${text}, ${place.of} of them` : text;
    const fit = [words, place.of > 1 ? `× ${place.of}` : text, ""].find(
        (t) => t.length * letterWidth <= width - 8);
    svg("text", {
        class: "pf-text pf-in",
        x,
        y: pillHeight / 2 + y + 4.5,
        "text-anchor": "middle",
        text: fit
    },
        group);
    report.tip(
        group,
        () =>
            [place.of > 1 ? `${place.of} places like this` : "Where links meet",
             hub ? sayLink(hub) : "without a limit of its own"]);
}

// What stands in a gap between rows, or beside one: the links there.
function gapLabels(description, edges, levels, level, width) {
    const own = edges.filter(
        ({a, b}) => Math.min(levels[a], levels[b]) === level && levels[a] !== levels[b]);
    const texts = [...new Set(own.map((edge) => {
                      const turned = levels[edge.a] <= levels[edge.b]
                          ? edge
                          : {...edge, a: edge.b, b: edge.a, each: [edge.each[1], edge.each[0]]};
                      return sayEdge(turned, description, level, own.length > 1);
                  }))].filter(Boolean);
    return texts.flatMap((text) => wrap(text, width));
}

function drawNetwork(box, description, width) {
    const {nodes} = description;
    const edges = joined(description);
    const levels = levelsOf(nodes, edges);
    let counts = instancesOf(nodes, edges);
    const stacks = (list) => list.reduce((sum, count, i) => sum + (levels[i] === 0 ? count : 0), 0);
    if (stacks(counts) > 2 * mostDrawn) {
        counts = counts.map(() => 1);
    }
    const {rows, find} = rowsOf(nodes, edges, levels, counts);
    const panels = panelsOf(description, rows);
    const cell = Math.max(width / rows[0].length, 46);
    const whole = Math.max(width, cell * rows[0].length);

    // places
    const labels = rows.map(
        (row, level) => level + 1 < rows.length
            ? gapLabels(description, edges, levels, level, width - 20)
            : []);
    let y = 8;
    for (let level = rows.length - 1; level >= 0; level--) {
        rows[level].y = y;
        y += (level === 0 ? stackHeight : pillHeight);
        if (level > 0) {
            y += 34 + lineHeight * labels[level - 1].length;
        }
    }
    rows[0].forEach((place, i) => {
        place.x = cell * (i + 0.5);
    });
    for (let level = 1; level < rows.length; level++) {
        const row = rows[level];
        const own = (place) => place.down.reduce((sum, low) => sum + low.x, 0) / place.down.length;
        const tidy = level === 1 && row.every((place) => place.down.length > 0);
        const xs = row.map((place, i) => tidy ? own(place) : whole * (i + 0.5) / row.length);
        const clash = xs.some((x, i) => i > 0 && x - xs[i - 1] < 24);
        row.forEach((place, i) => {
            place.x = clash ? whole * (i + 0.5) / row.length : xs[i];
        });
        row.width = Math.min(
            190,
            Math.min(whole, ...row.map((place, i) => i > 0 ? place.x - row[i - 1].x : whole)) - 6);
    }
    const loops = edges.filter(({a, b}) => levels[a] === levels[b]);
    const sayLoop = (edge) => {
        const who = isWorker(nodes[edge.a]) ? "each" : "each switch";
        const link = description.links[edge.link];
        return `${who} joined to ${edge.each[0]} others: ${
            link ? sayLink(link, edge) : "directly"}`;
    };
    const loopTexts =
        loops.filter(({a, b}) => a === b).flatMap((edge) => wrap(sayLoop(edge), width - 20));
    const foot = (panels.length > 0 ? 24 : 4) + lineHeight * loopTexts.length;
    const frame = element("div", {class: "scroll"}, box);
    const picture =
        svg("svg", {
            width: whole,
            height: y + foot,
            viewBox: `0 0 ${whole} ${y + foot}`,
            role: "img",
            "aria-label": "what lies between workers"
        },
            frame);
    picture.style.maxWidth = "none";

    for (const panel of panels) {
        const left = Math.min(...panel.places.map(({x}) => x)) - cell / 2 + 3;
        const right = Math.max(...panel.places.map(({x}) => x)) + cell / 2 - 3;
        const top = rows[1].y - 8;
        svg("rect",
            {class: "pf-site", x: left, y: top, width: right - left, height: y + 20 - top, rx: 10},
            picture);
        label(picture, (left + right) / 2, y + 14, `site ${panel.group}`, "middle", true);
    }

    // links
    for (const edge of edges) {
        const link = description.links[edge.link];
        for (const [i, j] of pairsOf(edge, counts, nodes)) {
            const [a, b] = [find(edge.a, i), find(edge.b, j)];
            const [low, high] = levels[edge.a] <= levels[edge.b] ? [a, b] : [b, a];
            const same = levels[edge.a] === levels[edge.b];
            const bottom = rows[levels[high.index]].y + (same ? stackHeight / 2 : pillHeight);
            const top = rows[levels[low.index]].y +
                (same                          ? stackHeight / 2
                     : levels[low.index] === 0 ? 6
                                               : 0);
            const lines = levels[low.index] === 0 && !same
                ? Math.min(8, edge.each[levels[edge.a] <= levels[edge.b] ? 0 : 1])
                : 1;
            const spread = Math.min(9, (cell - 24) / lines);
            for (let k = 0; k < lines; k++) {
                const shift = (k - (lines - 1) / 2) * spread;
                line(
                    picture, {x: low.x - (levels[low.index] === 0 ? 3 : 0) + shift, y: top},
                    {x: high.x + shift * (lines > 1 ? 1 : 0), y: bottom}, link, false);
            }
        }
    }

    // and over them the places and words
    rows.forEach((row, level) => {
        for (const place of row) {
            if (level === 0) {
                drawStack(picture, place, description, place.x, row.y, Math.min(cell - 8, 210));
            } else {
                drawPill(picture, place, description, place.x, row.y, Math.max(16, row.width));
            }
        }
        labels[level].forEach(
            (text, i) => label(
                picture, Math.min(whole, width) / 2,
                row.y - 12 - lineHeight * (labels[level].length - 1 - i), text));
    });
    loopTexts.forEach((text, i) => label(picture, width / 2, y + 14 + lineHeight * i, text));
}

/* ---- inside of a worker ---- */

// The NICs of a kind, by the place inside where each stands: what leaves a worker there.
function nicsOf(description, index) {
    const nics = new Map();
    (description.edges || [])
        .forEach(
            (edge) => [[edge.a, edge.ports[0]], [edge.b, edge.ports[1]]].forEach(([node, port]) => {
                if (port >= 0 && description.nodes[node].kind === index &&
                    description.links[edge.link]) {
                    nics.set(port, description.links[edge.link]);
                }
            }));
    return nics;
}

function deviceName(kind, device) {
    if (kind.devices === 1) {
        return "device";
    }
    return /gpu\d*$/i.test(kind.name) ? `GPU ${device}` : `${device}`;
}

function drawDevice(parent, kind, device, x, y, width, height) {
    svg("rect", {class: "pf-device", x: x - width / 2, y: y - height / 2, width, height, rx: 5},
        parent);
    const name = deviceName(kind, device);
    const text = name.length * letterWidth <= width - 4 ? name : `${device}`;
    svg("text", {class: "pf-text pf-in", x, y: y + 4.5, "text-anchor": "middle", text}, parent);
}

// The links of a list, each said once: "NVLink 50 GB/s, 3.4 µs".
function linkKey(box, links) {
    const key = element("figcaption", {}, box);
    for (const link of links) {
        const row = element("span", {}, key);
        const picture =
            svg("svg", {class: "sample", width: 28, height: 10, "aria-hidden": "true"}, row);
        svg("line", {x1: 2, y1: 5, x2: 26, y2: 5, ...lookOf(link, true)}, picture);
        row.append(` ${sayLink(link, {inside: true})}`);
    }
}

// Devices that are linked directly, in two rows; links within a row that pass others go round.
function drawMesh(box, description, kind, edges, width) {
    const columns = kind.devices > 4 ? Math.ceil(kind.devices / 2) : kind.devices;
    const twoRows = columns < kind.devices;
    const cell = Math.min(width / columns, 118);
    const size = Math.min(52, cell - 18);
    const left = (width - cell * columns) / 2;
    const longest = (row) => Math.max(
        0,
        ...edges
            .filter(([a, b]) => Math.floor(a / columns) === row && Math.floor(b / columns) === row)
            .map(([a, b]) => b - a - 1));
    const arch = (far) => far > 0 ? 12 + 16 * far : 0;
    const top = arch(longest(0)) + size / 2 + 4;
    const gap = twoRows ? 130 : 0;
    const height = top + gap + arch(twoRows ? longest(1) : 0) + size / 2 + 6;
    const at = (device) =>
        ({x: left + cell * (device % columns + 0.5), y: top + gap * Math.floor(device / columns)});
    const picture =
        svg("svg", {
            width,
            height,
            viewBox: `0 0 ${width} ${height}`,
            role: "img",
            "aria-label": "links between the devices of a worker"
        },
            box);
    for (const [a, b, index] of edges) {
        const link = description.links[index];
        const [from, to] = [at(a), at(b)];
        const far = b - a - 1;
        if (from.y !== to.y || far === 0) {
            line(picture, from, to, link, true);
            continue;
        }
        const side = from.y === top ? -1 : 1;
        const shift = size / 2 - 8 - 5 * far;
        const y = from.y + side * size / 2;
        const peak = y + side * (arch(far) * 1.28);
        const [x1, x2] = [from.x + shift, to.x - shift];
        curve(picture, `M${x1} ${y} C${x1 + 6} ${peak} ${x2 - 6} ${peak} ${x2} ${y}`, link, true);
    }
    for (let device = 0; device < kind.devices; device++) {
        const {x, y} = at(device);
        drawDevice(picture, kind, device, x, y, size, Math.min(size, 40));
    }
}

// Devices at the bottom, what joins them above as bars over those that they lead to, and NICs.
function drawTree(box, description, kind, edges, nics, width) {
    const total = kind.devices + kind.points;
    const neighbours = Array.from({length: total}, () => []);
    edges.forEach(([a, b, index]) => {
        neighbours[a].push({to: b, index});
        neighbours[b].push({to: a, index});
    });
    const isNic = (place) =>
        place >= kind.devices && nics.has(place) && neighbours[place].length === 1;
    const level = Array.from({length: total}, (_, i) => i < kind.devices ? 0 : Infinity);
    for (let queue = [...Array(kind.devices).keys()]; queue.length > 0;) {
        const place = queue.shift();
        for (const {to} of neighbours[place]) {
            if (level[to] === Infinity) {
                level[to] = level[place] + 1;
                queue.push(to);
            }
        }
    }
    // leaves from left to right: devices, and after those of a point the NIC that hangs on it
    const leaves = [];
    const parentOf = (place) =>
        neighbours[place].map(({to}) => to).find((to) => level[to] === level[place] + 1);
    for (let device = 0; device < kind.devices; device++) {
        leaves.push({device});
    }
    for (const port of nics.keys()) {
        if (port >= kind.devices && !isNic(port)) {
            const last = leaves.map(({device}) => device)
                             .filter((device) => device !== undefined && reaches(device, port))
                             .pop();
            const behind = leaves.findIndex(
                (leaf) => leaf.device === (last === undefined ? kind.devices - 1 : last));
            leaves.splice(behind + 1, 0, {nic: port});
        }
    }
    function reaches(device, point) {
        for (let place = device, steps = 0; place !== undefined && steps <= total;
             place = parentOf(place), steps++) {
            if (place === point) {
                return true;
            }
        }
        return false;
    }
    const cell = Math.min(width / leaves.length, 92);
    const size = Math.min(46, cell - 6);
    const left = (width - cell * leaves.length) / 2;
    const places = [];
    leaves.forEach((leaf, i) => {
        leaf.x = left + cell * (i + 0.5);
        if (leaf.device !== undefined) {
            places[leaf.device] = {left: leaf.x, right: leaf.x, x: leaf.x};
        }
    });
    const levels = Math.max(0, ...level.filter(Number.isFinite));
    for (let l = 1; l <= levels; l++) {
        for (let point = kind.devices; point < total; point++) {
            if (level[point] !== l) {
                continue;
            }
            const below =
                neighbours[point].filter(({to}) => level[to] === l - 1).map(({to}) => places[to]);
            const own = leaves.filter(({nic}) => nic === point).map(({x}) => ({left: x, right: x}));
            const both = [...below, ...own];
            const ends =
                [Math.min(...both.map((p) => p.left)), Math.max(...both.map((p) => p.right))];
            places[point] = {left: ends[0], right: ends[1], x: (ends[0] + ends[1]) / 2};
        }
    }
    const rowGap = 62;
    const rails = [...nics.keys()].filter((port) => port < kind.devices);
    const top = 8 + levels * rowGap;
    const rowY = (l) => top - l * rowGap;
    const height = top + 40 + (rails.length > 0 ? 58 : 6);
    const picture =
        svg("svg", {
            width,
            height,
            viewBox: `0 0 ${width} ${height}`,
            role: "img",
            "aria-label": "how the devices of a worker reach each other and the network"
        },
            box);
    const bottom = (l) => l === 0 ? rowY(0) : rowY(l) + 24;
    for (const [a, b, index] of edges) {
        const [low, high] = level[a] <= level[b] ? [a, b] : [b, a];
        const link = description.links[index];
        const x = places[low].x;
        if (level[low] === level[high]) {
            const [l, r] = places[low].x < places[high].x ? [places[low], places[high]]
                                                          : [places[high], places[low]];
            const y = rowY(level[low]) + 12;
            line(picture, {x: l.right, y}, {x: r.left, y}, link, true);
        } else {
            line(
                picture, {x, y: rowY(level[low]) + (level[low] === 0 ? 4 : 0)}, {
                    x: Math.min(Math.max(x, places[high].left - 8), places[high].right + 8),
                    y: bottom(level[high])
                },
                link, true);
        }
    }
    const drawNic = (x, y, link) => {
        const wide = Math.min(size, 44);
        svg("rect", {class: "pf-nic", x: x - wide / 2, y, width: wide, height: 24, rx: 5}, picture);
        svg("text", {class: "pf-text pf-in", x, y: y + 16.5, "text-anchor": "middle", text: "NIC"},
            picture);
        return link;
    };
    for (let point = kind.devices; point < total; point++) {
        const place = places[point];
        if (!place) {
            continue;
        }
        if (isNic(point)) {
            drawNic(place.x, rowY(level[point]), nics.get(point));
            continue;
        }
        const half = Math.min(size / 2, 20);
        svg("rect", {
            class: "pf-point",
            x: place.left - half,
            y: rowY(level[point]),
            width: place.right - place.left + 2 * half,
            height: 24,
            rx: 6
        },
            picture);
        const room = place.right - place.left + 2 * half;
        if (room > 60) {
            svg("text", {
                class: "pf-text pf-in",
                x: place.x,
                y: rowY(level[point]) + 16.5,
                "text-anchor": "middle",
                text: "switch"
            },
                picture);
        }
    }
    for (const leaf of leaves) {
        if (leaf.device !== undefined) {
            drawDevice(
                picture, kind, leaf.device, leaf.x, rowY(0) + 20, kind.devices > 1 ? size : 64, 36);
        } else {
            line(
                picture, {x: leaf.x, y: bottom(level[leaf.nic])}, {x: leaf.x, y: rowY(0) + 8}, null,
                true);
            drawNic(leaf.x, rowY(0) + 8, nics.get(leaf.nic));
        }
    }
    for (const port of rails) {
        const {x} = places[port];
        line(picture, {x, y: rowY(0) + 38}, {x, y: rowY(0) + 60}, nics.get(port), false);
        drawNic(x, rowY(0) + 58, nics.get(port));
    }
}

// One or two figures: links from device to device, and ways over switches.
function insideFigures(box, description, index) {
    const kind = description.kinds[index];
    const nics = nicsOf(description, index);
    const isDevice = (place) => place < kind.devices;
    const mesh = kind.edges.filter(([a, b]) => isDevice(a) && isDevice(b));
    const tree = kind.edges.filter(([a, b]) => !isDevice(a) || !isDevice(b));
    const head = (text, about) => {
        const figure = element("figure", {}, box);
        const caption = element("figcaption", {}, figure);
        element("strong", {text}, caption);
        element("span", {text: about}, caption);
        return figure;
    };
    const who =
        description.kinds.length > 1 ? ` (${plural(kind.count, "worker")}: ${kind.ranks})` : "";
    const linksOf = (edges) => [...new Set(edges.map(([, , link]) => link))]
                                   .filter((link) => link >= 0)
                                   .map((link) => description.links[link]);
    if (mesh.length > 0) {
        const rings = kind.rings > 1 ? `, all-reduced over ${kind.rings} rings` : "";
        const devices = `${plural(kind.devices, "device")} of ${speedOf(kind)}`;
        const figure = head(
            `Inside a server: from device to device${who}`,
            `${devices}, ${plural(mesh.length, "link")}${rings}`);
        const frame = element("div", {}, figure);
        report.responsive(frame, (width) => {
            frame.replaceChildren();
            drawMesh(frame, description, kind, mesh, width);
        });
        linkKey(figure, linksOf(mesh));
    }
    if (tree.length > 0) {
        const name = kind.devices > 1 ? "Inside a server: over switches" : "Inside a worker";
        const about = kind.devices > 1 && mesh.length === 0
            ? `${plural(kind.devices, "device")} of ${speedOf(kind)}`
            : kind.devices > 1 ? "for devices without a link of their own, and to the NIC"
                               : `a device of ${speedOf(kind)}`;
        const figure = head(`${name}${who}`, about);
        const frame = element("div", {}, figure);
        report.responsive(frame, (width) => {
            frame.replaceChildren();
            drawTree(frame, description, kind, tree, nics, width);
        });
        linkKey(figure, linksOf(tree));
    }
}

/* ---- words and tables ---- */

// What a kind has other than the most frequent one of as many devices.
function markUnlike(description) {
    const usual = [...description.kinds].sort((a, b) => b.count - a.count);
    for (const kind of description.kinds) {
        const common = usual.find(
            (other) =>
                other !== kind && other.devices === kind.devices && other.count >= 2 * kind.count);
        if (!common) {
            continue;
        }
        kind.unlike = speedOf(common) !== speedOf(kind)
            ? `${speedOf(kind)} where ${plural(common.count, "worker")} have ${speedOf(common)}`
            : `unlike ${plural(common.count, "other worker")}`;
    }
}

function factsOf(description, runs) {
    const devices = Math.round(description.devices / (description.sampled || description.workers));
    const used = [...new Set(runs.map((run) => run.workers))].sort((a, b) => a - b);
    const speeds = [...new Set(description.kinds.map(speedOf))];
    const {sites = [], traffic = [], settings = []} = description;
    const load = (flow) => flow.load ? `${quantity(flow.load, "share")} of their bandwidth`
        : flow.rate ? quantity(flow.rate, "bytes/s")
                    : plural(flow.flows, "flow");
    const each = devices > 1 ? ` with ${plural(devices, "device")} each` : "";
    const where = (flow) =>
        flow.ways ? `${plural(flow.ways, "way")} of links` : plural(flow.routes, "route");
    const when = (flow) => flow.random ? ", at random" : "";
    return [
        `${plural(description.workers, "worker")}${each}, ${
            speeds.slice(0, 3).join(" or ")} a device.`,
        used.length > 0 && !(used.length === 1 && used[0] === description.workers) &&
            `Runs use the first ${used.join(", ")}.`,
        sites.length > 1 && `${plural(sites.length, "site")}.`,
        description.sampled && `Drawn from the first ${description.sampled} workers.`,
        description.irregular && "Too many of its parts differ to draw how they are joined.",
        description.coarse && !description.irregular &&
            "Links of many speeds are drawn alike, with the range of their values.",
        ...traffic.map((flow) => `Others ask for ${load(flow)} on ${where(flow)}${when(flow)}.`),
        settings.length > 0 && `The file sets ${settings.join(", ")}.`,
    ].filter(Boolean)
        .join(" ");
}

function drawLinks(box, description) {
    const frame = element("div", {class: "scroll pf-links", tabindex: 0}, box);
    const table = element("table", {}, frame);
    const head = element("tr", {}, element("thead", {}, table));
    const titles = ["Links", "Number", "Line rate", "For payload", "Latency", ""];
    titles.forEach(
        (text, i) => element(
            "th", {
                class: i > 0 && i < 5 ? "number" : null,
                style: "padding: 6px 10px",
                text,
                scope: "col"
            },
            head));
    const body = element("tbody", {}, table);
    for (const link of description.links) {
        const row = element("tr", {}, body);
        const ways = link.duplex ? " each way" : "";
        const share = quantity(link.goodput, "share", 4);
        element("th", {scope: "row", text: link.name.replace(/\\/g, "")}, row);
        element("td", {class: "number", text: digits(link.count, 7)}, row);
        element(
            "td", {class: "number", text: `${quantity(link.bandwidth, "bytes/s", 5)}${ways}`}, row);
        element(
            "td", {
                class: "number",
                text: `${perSecond(link.bandwidth * link.goodput, "bytes")} (${share})`
            },
            row);
        element("td", {class: "number", text: quantity(link.latency, "seconds", 4)}, row);
        element("td", {class: "pf-mark", text: marksOf(link).join(", ")}, row);
    }
    if (description.more) {
        element(
            "p", {class: "quiet", text: `and ${plural(description.more, "link")} of other kinds`},
            box);
    }
}

/* ---- several platforms ---- */

// What can differ between two platforms: {title: text}.
function valuesOf(description) {
    const values = {File: description.file, Workers: digits(description.workers, 7)};
    const add = (title, text) => {
        values[title] = values[title] ? `${values[title]} / ${text}` : text;
    };
    description.kinds.forEach((kind) => add("Speed of a device", speedOf(kind)));
    for (const link of description.links) {
        const name = link.name.replace(/\\/g, "");
        add(`${name} bandwidth`, quantity(link.bandwidth, "bytes/s", 5));
        add(`${name} latency`, quantity(link.latency, "seconds", 4));
        add(`${name} goodput`, quantity(link.goodput, "share", 4));
    }
    (description.traffic || [])
        .forEach(
            (flow) =>
                add("Traffic of others",
                    flow.load       ? quantity(flow.load, "share")
                        : flow.rate ? quantity(flow.rate, "bytes/s")
                                    : `${flow.flows} flows`));
    for (const title of Object.keys(values)) {
        values[title] = [...new Set(values[title].split(" / "))].join(" / ");
    }
    return values;
}

function differences(list) {
    const all = list.map(({description}) => valuesOf(description));
    const titles = [...new Set(all.flatMap(Object.keys))];
    return {
        titles: titles.filter((title) => new Set(all.map((values) => values[title])).size > 1),
        all,
    };
}

const shortFile = (file) => file.replace(/^.*\//, "").replace(/\.xml$/, "");

// What tells it from the others, in a line.
function nameOf(entry, index, {titles, all}) {
    const others = titles.filter((title) => title !== "File")
                       .map((title) => all[index][title])
                       .filter(Boolean);
    return [shortFile(entry.description.file), ...others.slice(0, 3)].join(", ");
}

function drawDifferences(box, list, {titles, all}, choose) {
    const shown = titles.slice(0, 8);
    const frame = element("div", {class: "scroll pf-links", tabindex: 0}, box);
    const table = element("table", {}, frame);
    const head = element("tr", {}, element("thead", {}, table));
    [...shown, "Runs"].forEach(
        (text) =>
            element("th", {class: "number", style: "padding: 6px 10px", text, scope: "col"}, head));
    const body = element("tbody", {}, table);
    list.forEach((entry, i) => {
        const row = element("tr", {onclick: () => choose(i)}, body);
        shown.forEach(
            (title) => element(
                "td", {
                    class: "number",
                    text: all[i][title] === undefined ? "\u2013"
                        : title === "File"            ? shortFile(all[i][title])
                                                      : all[i][title]
                },
                row));
        element("td", {class: "number", text: `${entry.runs.length}`}, row);
    });
}

/* ---- the section ---- */

function drawPlatform(box, entry) {
    const {description, runs} = entry;
    box.replaceChildren();
    element("p", {text: factsOf(description, runs)}, box);
    const figures = element("div", {class: "pf-figures"}, box);
    if (description.nodes && description.nodes.length > 0) {
        const figure = element("figure", {}, figures);
        const caption = element("figcaption", {}, figure);
        element("strong", {text: "Between workers"}, caption);
        element("span", {text: "line rates each way; the thicker, the faster"}, caption);
        const frame = element("div", {}, figure);
        report.responsive(frame, (width) => {
            frame.replaceChildren();
            drawNetwork(frame, description, width);
        });
        figure.classList.toggle(
            "wide",
            description.nodes.reduce((sum, node) => sum + Math.min(node.count, 4), 0) > 8 ||
                description.kinds.length > 2);
    }
    const drawable =
        description.kinds.map((kind, i) => [kind, i]).filter(([kind]) => kind.edges.length > 0);
    drawable.sort(([a], [b]) => b.count - a.count);
    drawable.slice(0, 2).forEach(([, i]) => insideFigures(figures, description, i));
    drawLinks(box, description);
}

report.section({
    id: "platform",
    title: "Platform",
    about:
        "The machine as the simulator has it: what its links are joined to follows from the ways between its hosts.",
    draw(box, data) {
        const list = Object.entries(data.platforms || {})
                         .map(([hash, description]) => ({
                                  hash,
                                  description,
                                  runs: data.runs.filter((run) => run.platform === hash),
                              }))
                         .filter(({description}) => description.version === 1);
        if (list.length === 0) {
            return false;
        }
        list.forEach(({description}) => {
            markOdd(description);
            markUnlike(description);
        });
        const what = differences(list);
        let picture = null;
        if (list.length > 1) {
            const choice = element("label", {class: "pf-choice controls", text: "Platform "}, box);
            const select = element("select", {}, choice);
            list.forEach(
                (entry, i) => element("option", {value: i, text: nameOf(entry, i, what)}, select));
            select.addEventListener("change", () => drawPlatform(picture, list[select.value]));
            drawDifferences(box, list, what, (i) => {
                select.value = i;
                drawPlatform(picture, list[i]);
            });
        }
        picture = element("div", {}, box);
        drawPlatform(picture, list[0]);
        return true;
    },
});
