// SPDX-License-Identifier: GPL-3.0-or-later
// axes.js -- what our own charts share, as report.axes: scales with round ticks in one unit, a
// frame with grid and titles, labels that keep off each other, where two lines cross, and hints
// that pointer, finger and arrow keys reach.
"use strict";

const {svg, element, unitOf, digits} = report;
const fontSize = 13; // px, on every screen

/* ---- ticks ---- */

// 1, 2 or 5 times a power of ten, so that about `count` of them fill the span.
function niceStep(span, count) {
    const rough = span / Math.max(1, count);
    const power = 10 ** Math.floor(Math.log10(rough));
    const share = rough / power;
    return (share < 1.5 ? 1 : share < 3.5 ? 2 : share < 7.5 ? 5 : 10) * power;
}

function linearTicks(low, high, count) {
    if (!(high > low)) {
        return [low];
    }
    const step = niceStep(high - low, count);
    const ticks = [];
    for (let i = Math.ceil(low / step - 1e-9); i <= Math.floor(high / step + 1e-9); i++) {
        ticks.push(Number((i * step).toPrecision(12)));
    }
    return ticks;
}

// Powers of ten, with 2 and 5 or with 3 between them where there is room; every second or third
// power where there is little. Over a short span they are as on a linear scale.
function logTicks(low, high, count) {
    if (high / low < 5) {
        return linearTicks(low, high, count);
    }
    const first = Math.floor(Math.log10(low) + 1e-9);
    const last = Math.ceil(Math.log10(high) - 1e-9);
    const among = (between, every) => {
        const ticks = [];
        for (let power = Math.ceil(first / every) * every; power <= last; power += every) {
            ticks.push(...between.map((factor) => Number((factor * 10 ** power).toPrecision(12))));
        }
        return ticks.filter((tick) => tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9));
    };
    for (const between of [[1, 2, 5], [1, 3], [1]]) {
        const ticks = among(between, 1);
        if (ticks.length <= count + 1) {
            return ticks;
        }
    }
    let every = 2;
    while (among([1], every).length > count + 1) {
        every++;
    }
    return among([1], every);
}

/* ---- scales ---- */

// [least, largest] of the values that are there; null: none is.
function spread(values) {
    const there = values.filter((value) => Number.isFinite(value));
    return there.length === 0
        ? null
        : there.reduce(
              ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
              [Infinity, -Infinity]);
}

function overADecade(values) {
    const range = spread(values);
    return range !== null && range[0] > 0 && range[1] / range[0] > 10;
}

// A scale over the values: at(value) is 0 at its low end and 1 at its high one, ticks are
// {value, text}, and all texts are in one unit.
//   unit    of the values: seconds, bytes/s, share, ...
//   log     default: where they are positive and span more than a decade
//   zero    starts at 0 (linear only)
//   count   about so many ticks
//   pad     margin at both ends, a share of the span; default 0.05
//   marks   ticks at these values rather than at round ones
function scaleOf(values, {unit, log, zero = false, count = 5, pad = 0.05, marks} = {}) {
    const [least, most] = spread(values) || [0, 1];
    const isLog = least > 0 && (log ?? overADecade(values));
    const {factor, unit: name} =
        unitOf(isLog ? Math.sqrt(least * most) : Math.max(Math.abs(least), Math.abs(most)), unit);
    const to = isLog ? Math.log : (value) => value;
    const from = isLog ? Math.exp : (value) => value;
    let low = to((zero && !isLog ? Math.min(0, least) : least) / factor);
    let high = to(most / factor);
    if (low === high) {
        const half = isLog ? 0.4 : Math.abs(low) * 0.1 || 1;
        [low, high] = [zero && low >= 0 ? low : low - half, high + half];
    }
    const margin = (high - low) * pad;
    if (!zero || isLog || least < 0) {
        low -= margin;
    }
    high += margin;
    const ends = [from(low), from(high)];
    const ticks = marks ? marks.map((mark) => mark / factor)
                        : (isLog ? logTicks : linearTicks)(...ends, count);
    return {
        log: isLog,
        unit: name,
        factor,
        low: ends[0] * factor,
        high: ends[1] * factor,
        ticks: ticks.map((tick) => ({value: tick * factor, text: digits(tick, 6)})),
        at: (value) => (to(value / factor) - low) / (high - low),
    };
}

/* ---- geometry ---- */

function overlap(a, b, gap = 0) {
    return a.x < b.x + b.width + gap && b.x < a.x + a.width + gap && a.y < b.y + b.height + gap &&
        b.y < a.y + a.height + gap;
}

function side(p, q, r) {
    return Math.sign((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]));
}

function segmentsMeet([a, b], [c, d]) {
    return side(a, b, c) !== side(a, b, d) && side(c, d, a) !== side(c, d, b);
}

function segmentMeetsBox([a, b], box) {
    const right = box.x + box.width;
    const bottom = box.y + box.height;
    const inside = ([x, y]) => x >= box.x && x <= right && y >= box.y && y <= bottom;
    const corners = [[box.x, box.y], [right, box.y], [right, bottom], [box.x, bottom]];
    return inside(a) || inside(b) ||
        corners.some((corner, i) => segmentsMeet([a, b], [corner, corners[(i + 1) % 4]]));
}

/* ---- labels ---- */

const directions = [[1, 0], [-1, 0], [1, -1], [-1, -1], [1, 1], [-1, 1], [0, -1], [0, 1]];
const distances = [0, 8, 16, 26, 38, 52, 70, 90, 115, 145, 180]; // px
const leadFrom = 8; // px from where on a line leads to the point

// The label's box that far away from its point in that direction.
function boxOf({x, y, width, height, radius = 4}, [dx, dy], away) {
    const off = (radius + 3 + away) * (dx !== 0 && dy !== 0 ? 0.7 : 1);
    const box = {
        x: x + dx * off - width * [1, 0.5, 0][dx + 1],
        y: y + dy * off - height * [1, 0.5, 0][dy + 1],
        width,
        height,
        leader: null,
    };
    if (away >= leadFrom) {
        const nearest = [
            Math.min(Math.max(x, box.x), box.x + width),
            Math.min(Math.max(y, box.y), box.y + height)
        ];
        box.leader = [[x, y], nearest];
    }
    return box;
}

// Where each label goes, the first ones first, so that none covers another, a point or a box.
//   labels    [{x, y, width, height, radius, reach}]: the point it belongs to, its own size, and
//   how
//             far from the point it may be, px; default 90
//   area      {left, top, right, bottom} that they stay in
//   boxes, points   to keep off
//   segments  [[from, to]] rather not to cover
// Returns for each {x, y, width, height, leader} (its left upper corner; leader: null or two
// points), or null where there is no room.
function placeLabels(labels, area, {boxes = [], points = [], segments = []} = {}) {
    const dots = labels.concat(points).map(
        ({x, y, radius = 4}) =>
            ({x: x - radius, y: y - radius, width: 2 * radius, height: 2 * radius}));
    const placed = [];
    const leaders = [];

    const leads = (leader, own) =>
        !placed.some((other) => other !== null && segmentMeetsBox(leader, other)) &&
        !leaders.some((other) => segmentsMeet(leader, other)) &&
        !dots.some((dot, i) => i !== own && segmentMeetsBox(leader, dot));
    const fits = (box, own) => box.x >= area.left && box.x + box.width <= area.right &&
        box.y >= area.top && box.y + box.height <= area.bottom &&
        !placed.some((other) => other !== null && overlap(box, other, 2)) &&
        !boxes.some((other) => overlap(box, other)) && !dots.some((dot) => overlap(box, dot)) &&
        !leaders.some((leader) => segmentMeetsBox(leader, box)) &&
        (box.leader === null || leads(box.leader, own));

    labels.forEach((label, own) => {
        let best = null;
        let least = Infinity;
        for (const away of distances.filter((distance) => distance <= (label.reach ?? 90))) {
            directions.forEach((direction, preference) => {
                const box = boxOf(label, direction, away);
                const bare = away + preference;
                if (bare >= least || !fits(box, own)) {
                    return;
                }
                const covered = segments.filter((segment) => segmentMeetsBox(segment, box)).length;
                const cost = bare + 12 * Math.min(covered, 4);
                if (cost < least) {
                    [best, least] = [box, cost];
                }
            });
        }
        placed.push(best);
        if (best !== null && best.leader !== null) {
            leaders.push(best.leader);
        }
    });
    return placed;
}

/* ---- crossings ---- */

// A pair of functions, to where something is linear and back: the logarithm of what is above 0.
function logs(positive) {
    return positive ? [Math.log, Math.exp] : [(value) => value, (value) => value];
}

// Where two lines [[x, y], ...], x rising, are level: linear in the logs between the x that both
// have, as `analyse --tie` has it. [{x, y, firstBelow}], firstBelow of the side with the lesser x.
function crossings(first, second) {
    const others = new Map(second);
    const cells = first.map(([x, a]) => ({x, a, b: others.get(x)}))
                      .filter(({a, b}) => Number.isFinite(a) && Number.isFinite(b));
    const [to, from] = logs(cells.every(({a, b}) => a > 0 && b > 0));
    const [toX, fromX] = logs(cells.every(({x}) => x > 0));
    const found = [];
    let last = null; // the last cell where they were not level
    for (const {x, a, b} of cells) {
        const gap = to(a) - to(b);
        if (gap === 0) {
            continue;
        }
        if (last !== null && last.gap * gap < 0) {
            const share = last.gap / (last.gap - gap);
            found.push({
                x: fromX(last.x + share * (toX(x) - last.x)),
                y: from(last.a + share * (to(a) - last.a)),
                firstBelow: last.gap < 0,
            });
        }
        last = {x: toX(x), a: to(a), gap};
    }
    return found;
}

// The line's y at x, linear in the logs; null beyond its ends.
function heightAt(line, x) {
    const after = line.findIndex(([other]) => other >= x);
    if (after < 0 || (after === 0 && line[0][0] !== x)) {
        return null;
    }
    const [[x1, y1], [x2, y2]] = [line[Math.max(0, after - 1)], line[after]];
    const [to, from] = logs(line.every(([, y]) => y > 0));
    const [toX] = logs(line.every(([other]) => other > 0));
    const share = x1 === x2 ? 0 : (toX(x) - toX(x1)) / (toX(x2) - toX(x1));
    return from(to(y1) + share * (to(y2) - to(y1)));
}

/* ---- text ---- */

// After the point, so that a number of that size has so many significant digits: toFixed's
// argument.
function decimals(size, significant) {
    return size > 0 ? Math.max(0, significant - 1 - Math.floor(Math.log10(size))) : 0;
}

let ruler = null;

// px
function textWidth(text, weight = 400) {
    ruler = ruler || document.createElement("canvas").getContext("2d");
    ruler.font = `${weight} ${fontSize}px ${getComputedStyle(document.body).fontFamily}`;
    return ruler.measureText(text).width;
}

// The text, or as much of its beginning as fits into `width` px.
function shorten(text, width) {
    if (textWidth(text) <= width) {
        return text;
    }
    const cut = (length) => text.slice(0, length).trimEnd() + "…";
    let low = 0;
    let high = text.length;
    while (low < high) {
        const middle = Math.ceil((low + high) / 2);
        if (textWidth(cut(middle)) <= width) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return cut(low);
}

// Names without the words that all of them have.
function distinct(names) {
    const words = names.map((name) => name.split(" "));
    const common = new Set(words[0].filter((word) => words.every((own) => own.includes(word))));
    return words.map((own, i) => own.filter((word) => !common.has(word)).join(" ") || names[i]);
}

/* ---- drawing ---- */

function canvas(width, height, label) {
    return svg("svg", {
        class: "chart",
        viewBox: `0 0 ${width} ${height}`,
        width,
        height,
        role: "img",
        "aria-label": label
    });
}

function titled(title, scale) {
    return scale.unit ? `${title} (${scale.unit})` : title;
}

// The ticks whose texts are far enough apart, its ends before those between.
function roomy(ticks, position) {
    const kept = [];
    for (const tick of [ticks[0], ticks[ticks.length - 1], ...ticks]) {
        const half = textWidth(tick.text) / 2 + 4;
        const clear = (other) => Math.abs(position(other.value) - position(tick.value)) >=
            half + textWidth(other.text) / 2 + 4;
        if (kept.every(clear)) {
            kept.push(tick);
        }
    }
    return kept;
}

// Grid, ticks, and both titles with their units, y's above the plot.
//   x, y    {scale, title}; y null: rows, which the chart draws itself
//   inset   {left, right, top, bottom}: px to leave beside what the ticks need
// Returns {left, top, right, bottom, x(value), y(value)}, in px.
function frame(chart, {width, height, x, y, inset = {}}) {
    const numbers = y ? Math.max(...y.scale.ticks.map((tick) => textWidth(tick.text))) + 10 : 0;
    const left = numbers + (inset.left || 0);
    const top = (y ? 30 : 6) + (inset.top || 0);
    const right = width - 16 - (inset.right || 0);
    const bottom = height - 46 - (inset.bottom || 0);
    const toX = (value) => left + x.scale.at(value) * (right - left);
    const toY = y ? (value) => bottom - y.scale.at(value) * (bottom - top) : null;
    for (const {value} of x.scale.ticks) {
        svg("line", {class: "grid", x1: toX(value), x2: toX(value), y1: top, y2: bottom}, chart);
    }
    for (const {value, text} of roomy(x.scale.ticks, toX)) {
        svg("text", {class: "tick", x: toX(value), y: bottom + 17, "text-anchor": "middle", text},
            chart);
    }
    svg("text", {
        class: "axis-title",
        x: (left + right) / 2,
        y: bottom + 38,
        "text-anchor": "middle",
        text: titled(x.title, x.scale)
    },
        chart);
    if (y) {
        for (const {value, text} of y.scale.ticks) {
            svg("line", {class: "grid", x1: left, x2: right, y1: toY(value), y2: toY(value)},
                chart);
            svg("text", {class: "tick", x: left - 7, y: toY(value) + 4, "text-anchor": "end", text},
                chart);
        }
        svg("text", {class: "axis-title", x: 0, y: 14, text: titled(y.title, y.scale)}, chart);
    }
    svg("line", {class: "axis", x1: left, x2: right, y1: bottom, y2: bottom}, chart);
    return {left, top, right, bottom, x: toX, y: toY};
}

const shapes = [
    null, // a circle
    [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]],
    [[0, -1.25], [1.15, 0.8], [-1.15, 0.8]],
    [[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]],
    [[0, 1.25], [1.15, -0.8], [-1.15, -0.8]],
];

// One shape for each kind (0, 1, ...), so that points are told apart without colour.
function marker(kind, {x, y, radius = 4}, attributes, parent) {
    const shape = shapes[kind % shapes.length];
    if (shape === null) {
        return svg("circle", {cx: x, cy: y, r: radius, ...attributes}, parent);
    }
    const points = shape.map(([dx, dy]) => `${x + dx * radius},${y + dy * radius}`).join(" ");
    return svg("polygon", {points, ...attributes}, parent);
}

// A label where placeLabels has put it, with the line that leads to its point.
function drawLabel({x, y, height, leader}, text, attributes, parent) {
    if (leader !== null) {
        const [[x1, y1], [x2, y2]] = leader;
        svg("line", {class: "leader", x1, y1, x2, y2}, parent);
    }
    svg("text", {...attributes, x, y: y + 0.8 * height, text}, parent);
}

// An interval as a thin line with caps, upright at x or level at y; nothing where there is none.
function whisker({x, y, from, to, colour}, parent) {
    if (!Number.isFinite(from) || !Number.isFinite(to) || Math.abs(from - to) < 1) {
        return;
    }
    const d = y === undefined ? `M${x - 3} ${from}h6M${x} ${from}V${to}M${x - 3} ${to}h6`
                              : `M${from} ${y - 3}v6M${from} ${y}H${to}M${to} ${y - 3}v6`;
    svg("path", {class: "whisker", stroke: colour, d}, parent);
}

/* ---- figures ---- */

// A box with what draw(width) returns, an element; drawn anew with each width that the box gets.
// Returns a function that has it drawn anew, after a switch.
function figure(parent, draw) {
    const box = element("div", {class: "figure"}, parent);
    let width = 0;
    const redraw = () => {
        report.hideHint();
        if (width > 0) {
            box.replaceChildren(draw(width));
        }
    };
    report.responsive(box, (now) => {
        width = now;
        redraw();
    });
    return redraw;
}

/* ---- hints ---- */

const near = 26; // px from a point within which it is meant

// Which mark is meant by a place on the chart; -1: none.
function markAt(marks, x, y) {
    let best = -1;
    let least = near;
    marks.forEach((mark, i) => {
        const {width = 0, height = 0} = mark;
        const distance = Math.hypot(
            Math.max(mark.x - x, 0, x - mark.x - width),
            Math.max(mark.y - y, 0, y - mark.y - height));
        if (distance < least && (width === 0 || distance === 0)) {
            [best, least] = [i, distance];
        }
    });
    return best;
}

// Marks say their lines when pointed at, touched, or reached by the arrow keys: the chart is one
// stop of the tabulator.
//   marks   [{node, lines, x, y, width, height}]: boxes, or points, which have no size
function hints(chart, marks) {
    let current = -1;
    const choose = (next) => {
        marks[current]?.node.classList.remove("chosen");
        current = next;
        if (next < 0) {
            report.hideHint();
            return;
        }
        const {node, lines, x, y, width = 0} = marks[next];
        const box = chart.getBoundingClientRect();
        const zoom = box.width / chart.viewBox.baseVal.width;
        node.classList.add("chosen");
        report.showHint(lines, box.left + zoom * (x + width / 2), box.top + zoom * y);
    };
    const point = (event) => {
        const box = chart.getBoundingClientRect();
        const zoom = box.width / chart.viewBox.baseVal.width;
        choose(markAt(marks, (event.clientX - box.left) / zoom, (event.clientY - box.top) / zoom));
    };
    const steps = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1};
    chart.addEventListener("pointermove", point);
    chart.addEventListener("pointerdown", point);
    chart.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && choose(-1));
    chart.addEventListener("blur", () => choose(-1));
    chart.addEventListener("keydown", (event) => {
        if (steps[event.key] && marks.length > 0) {
            event.preventDefault();
            choose(Math.max(0, Math.min(marks.length - 1, current + steps[event.key])));
        }
    });
    chart.setAttribute("tabindex", "0");
}

report.axes = {
    niceStep,
    linearTicks,
    logTicks,
    spread,
    overADecade,
    scaleOf,
    overlap,
    segmentsMeet,
    segmentMeetsBox,
    placeLabels,
    crossings,
    heightAt,
    decimals,
    textWidth,
    shorten,
    distinct,
    canvas,
    titled,
    frame,
    marker,
    drawLabel,
    whisker,
    figure,
    markAt,
    hints,
    fontSize,
};
