// SPDX-License-Identifier: GPL-3.0-or-later
// lines.js -- a measure against a setting: a line a group of variants, and where lines cross.
"use strict";

const {axes, element, svg, quantity, colours} = report;
const {valueOf} = report.groups;
const most = 8;  // lines that are told apart at a glance
const rings = 4; // crossings that are labelled in the chart
const dashes = [null, "7 4", "2 3", "9 3 2 3"];

// A line: {name, variants, points [{x, variant, mean, low, high, state}] by x, level}; level: the
// point of one that has no such setting, the same at every x.
function linesOf(groups, key, measure) {
    const lines = [];
    groups.forEach(({name, variants}, place) => {
        const points = new Map();
        let level = null;
        for (const variant of variants) {
            const x = valueOf(variant, key);
            const value = measure.of(variant);
            if (value !== null && x !== null) {
                points.set(x, {x, variant, low: null, high: null, state: null, ...value});
            } else if (value !== null) {
                level = {variant, low: null, high: null, state: null, ...value};
            }
        }
        const sorted = [...points.values()].sort((a, b) => a.x - b.x);
        if (sorted.length > 0 || (level !== null && level.state === null)) {
            lines.push({name, variants, points: sorted, level, place});
        }
    });
    return lines;
}

// The lines that are drawn, with their looks, and how many are not: those with one point only, or
// none, stand aside where all would be too many to be told apart.
function chooseLines(lines) {
    const swept = lines.filter(({points}) => points.length > 1);
    const rest = lines.filter(({points}) => points.length < 2)
                     .sort((a, b) => a.points.length - b.points.length)
                     .slice(0, Math.max(0, most - swept.length));
    const drawn = lines.filter((line) => swept.includes(line) || rest.includes(line));
    // few groups keep their looks, also where the measure has no value for some
    const few = lines.every(({place}) => place < most);
    const looks = drawn.map((line, i) => {
        const shape = few ? line.place : i;
        const dash = dashes[Math.floor(shape / colours.length) % dashes.length];
        return {...line, shape, dash, colour: colours[shape % colours.length]};
    });
    return {aside: lines.length - drawn.length, lines: looks};
}

// The tie with its interval that the store's analysis has found there; empty where there is none.
function storedTie(first, second, at, key, measure) {
    const [a, b] = [first, second].map(
        ({variants}) =>
            Math.min(...variants.map((variant) => report.data.variants.indexOf(variant))));
    const ends = [Math.min(a, b), Math.max(a, b)];
    return report.data.ties.find(
               (tie) => tie.key === key.key && tie.measure === measure.stored &&
                   tie.first === ends[0] && tie.second === ends[1] &&
                   Math.abs(Math.log(tie.at / at)) < 0.02) ||
        {};
}

// Where lines cross: {first, second, x, y, firstBelow, low, high}. Those where the two are better
// than all others come first, then those with the least x.
function tiesOf(lines, key, measure) {
    const paths = lines.map(
        (line) => line.points.filter(({state}) => state === null).map(({x, mean}) => [x, mean]));
    const xs = [...new Set(paths.flatMap((path) => path.map(([x]) => x)))].sort((a, b) => a - b);
    lines.forEach(({level}, i) => {
        if (level !== null) {
            paths[i] = xs.map((x) => [x, level.mean]);
        }
    });
    const sign = measure.more ? 1 : -1;
    const leads = ({x, y}) => paths.every((path) => {
        const other = axes.heightAt(path, x);
        return other === null || sign * (other - y) <= 1e-9 * Math.abs(y);
    });
    const ties = [];
    lines.forEach((first, i) => lines.slice(i + 1).forEach((second, j) => {
        for (const crossing of axes.crossings(paths[i], paths[i + 1 + j])) {
            const {low = null, high = null} = storedTie(first, second, crossing.x, key, measure);
            ties.push({first, second, ...crossing, low, high, leads: leads(crossing)});
        }
    }));
    return ties.sort((a, b) => b.leads - a.leads || a.x - b.x);
}

function hintOf(line, point, key, measure) {
    const value = measure.title + " " +
        (point.mean === null ? point.state : quantity(point.mean, measure.unit));
    const lines = [line.name];
    if (point.x !== undefined) {
        lines.push(`${key.label} ${quantity(point.x, key.unit)}`);
    }
    lines.push(
        point.state !== null && point.mean !== null
            ? `${value}, the mean of the ${point.state} that reach it`
            : value);
    if (point.low !== null && point.low !== point.high) {
        lines.push(`95 % interval ${quantity(point.low, measure.unit)} to ${
            quantity(point.high, measure.unit)}`);
    }
    return lines;
}

function drawLegend(lines, parent) {
    const legend = element("p", {class: "legend"}, parent);
    for (const line of lines) {
        const item = element("span", {class: "legend-item"}, legend);
        const sample =
            svg("svg", {class: "swatch", width: 30, height: 14, "aria-hidden": "true"}, item);
        svg("line", {
            x1: 0,
            x2: 30,
            y1: 7,
            y2: 7,
            stroke: line.colour,
            "stroke-width": 2,
            "stroke-dasharray": line.points.length === 0 ? "1 4" : line.dash
        },
            sample);
        if (line.points.length > 0) {
            axes.marker(line.shape, {x: 15, y: 7, radius: 4.5}, {fill: line.colour}, sample);
        }
        element(
            "span", {text: line.points.length === 0 ? `${line.name} (has none)` : line.name}, item);
    }
}

// Points whose target not one run reached stand in a strip above the plot, side by side where
// several lines have one there.
function drawMissing(lines, area, chart) {
    const missing = lines.flatMap(
        (line) => line.points.filter(({mean}) => mean === null).map((point) => ({line, point})));
    const crowd = new Map();
    return missing.map(({line, point}) => {
        const there = crowd.get(point.x) || 0;
        crowd.set(point.x, there + 1);
        const total = missing.filter((other) => other.point.x === point.x).length;
        const left = Math.min(
            Math.max(area.x(point.x), area.left + 7 * total - 7), area.right - 7 * total + 7);
        const x = left + 14 * there - 7 * (total - 1);
        const y = area.top - 14;
        const group = svg("g", {}, chart);
        axes.marker(
            line.shape, {x, y, radius: 4.5},
            {fill: "#fff", stroke: line.colour, "stroke-width": 1.8}, group);
        return {line, point, node: group, x, y};
    });
}

// Rings where lines cross, with the value there.
function drawTies(ties, key, area, chart) {
    const seen = new Set();
    const apart = ties.filter((tie) => { // lines may lie upon each other
        const place = `${Math.round(area.x(tie.x))} ${Math.round(area.y(tie.y))}`;
        return !seen.has(place) && seen.add(place);
    });
    return apart.slice(0, rings).map((tie) => {
        const text = quantity(tie.x, key.unit, 3);
        const [x, y] = [area.x(tie.x), area.y(tie.y)];
        const from = tie.low === null ? NaN : Math.max(area.left, area.x(tie.low));
        const to = tie.high === null ? NaN : Math.min(area.right, area.x(tie.high));
        axes.whisker({y, from, to, colour: "currentColor"}, chart);
        svg("circle", {class: "ring", cx: x, cy: y, r: 7}, chart);
        const width = axes.textWidth(text, 600);
        return {text, kind: "halo total", x, y, radius: 7, width, height: 15, reach: 150};
    });
}

// Names of the level lines, which have no marker to be told apart by.
function nameLevels(lines, area) {
    const longest = (area.right - area.left) / 2;
    return lines.filter(({level}) => level !== null && level.state === null).map((line) => {
        const text = axes.shorten(line.name, longest);
        const place = {x: area.right - 2, y: area.y(line.level.mean), radius: 2};
        return {
            text,
            kind: "halo quiet",
            ...place,
            width: axes.textWidth(text),
            height: 15,
            reach: 16
        };
    });
}

function drawTexts(labels, area, marks, lines, chart) {
    const segments = lines.flatMap(({path}) => path.slice(1).map((to, i) => [path[i], to]));
    const points = marks.map(({x, y}) => ({x, y, radius: 5}));
    axes.placeLabels(labels, area, {points, segments}).forEach((box, i) => {
        if (box !== null) {
            axes.drawLabel(box, labels[i].text, {class: labels[i].kind}, chart);
        }
    });
}

function drawLines(lines, ties, key, measure, width) {
    const height = width < 560 ? 380 : 440;
    const chart = axes.canvas(width, height, `${measure.title} against ${key.label}`);
    const all = lines.flatMap(({points, level}) => points.concat(level || []));
    const xs =
        [...new Set(lines.flatMap(({points}) => points.map(({x}) => x)))].sort((a, b) => a - b);
    const x = axes.scaleOf(xs, {
        unit: key.unit,
        log: key.logarithmic || ties.length > 0,
        count: width < 560 ? 4 : 8,
        marks: xs.length <= 10 ? xs : undefined
    });
    const y = axes.scaleOf(
        all.flatMap(({mean, low, high}) => [mean, low, high]),
        {unit: measure.unit, log: Boolean(measure.ratio), count: 6});
    const strip = all.some(({mean, x: at}) => mean === null && at !== undefined);
    const area = axes.frame(chart, {
        width,
        height,
        x: {scale: x, title: key.label},
        y: {scale: y, title: measure.title},
        inset: {top: strip ? 30 : 0}
    });
    if (strip) {
        svg("rect", {
            class: "strip",
            x: area.left,
            y: area.top - 27,
            width: area.right - area.left,
            height: 24
        },
            chart);
        const states = new Set(all.filter(({mean}) => mean === null).map(({state}) => state));
        svg("text", {
            class: "quiet",
            x: area.right,
            y: area.top - 32,
            "text-anchor": "end",
            text: [...states].join(", ")
        },
            chart);
    }
    const marks = [];
    for (const line of lines) {
        const good = line.points.filter(({state}) => state === null);
        line.path = good.map((point) => [area.x(point.x), area.y(point.mean)]);
        if (line.level !== null && line.level.state === null) {
            const at = area.y(line.level.mean);
            line.path = [[area.left, at], [area.right, at]];
            marks.push({
                node:
                    svg("line", {
                        x1: area.left,
                        x2: area.right,
                        y1: at,
                        y2: at,
                        stroke: line.colour,
                        "stroke-width": 2,
                        "stroke-dasharray": "1 4"
                    },
                        chart),
                lines: hintOf(line, line.level, key, measure),
                x: area.right,
                y: at
            });
        } else if (good.length > 1) {
            svg("polyline", {
                class: "line",
                points: line.path.map((point) => point.join(",")).join(" "),
                stroke: line.colour,
                "stroke-dasharray": line.dash
            },
                chart);
        }
        for (const point of line.points.filter(({mean}) => mean !== null)) {
            const place = {x: area.x(point.x), y: area.y(point.mean), radius: 4.5};
            const group = svg("g", {}, chart);
            if (point.low !== null) {
                axes.whisker(
                    {
                        x: place.x,
                        from: area.y(point.low),
                        to: area.y(point.high),
                        colour: line.colour
                    },
                    group);
            }
            axes.marker(
                line.shape, place, {
                    fill: point.state === null ? line.colour : "#fff",
                    stroke: line.colour,
                    "stroke-width": 1.8
                },
                group);
            marks.push(
                {node: group, lines: hintOf(line, point, key, measure), x: place.x, y: place.y});
        }
    }
    for (const {line, point, node, x: left, y: top} of drawMissing(lines, area, chart)) {
        marks.push({node, lines: hintOf(line, point, key, measure), x: left, y: top});
    }
    const labels = [...drawTies(ties, key, area, chart), ...nameLevels(lines, area)];
    drawTexts(labels, area, marks.filter(({node}) => node.tagName !== "line"), lines, chart);
    axes.hints(chart, marks.sort((a, b) => a.x - b.x || a.y - b.y));
    return chart;
}

// "local is ahead of allreduce below 21.3 Gbit/s (95 %: 20.1 to 22 Gbit/s), behind it above."
function writeTies(ties, key, measure, parent) {
    const written = 8;
    if (ties.length === 0) {
        return;
    }
    const list = element("ul", {class: "key"}, parent);
    for (const {first, second, x, low, high, firstBelow} of ties.slice(0, written)) {
        const [lead, tail] =
            firstBelow !== Boolean(measure.more) ? [first, second] : [second, first];
        const [at, from, to] = [x, low, high].map((value) => quantity(value, key.unit, 3));
        const interval = low !== null && low !== high ? ` (95 %: ${from} to ${to})` : "";
        const where = `below ${key.label} ${at}${interval}, behind it above.`;
        element("li", {text: `${lead.name} is ahead of ${tail.name} ${where}`}, list);
    }
    if (ties.length > written) {
        element("li", {text: `${ties.length - written} crossings more.`}, list);
    }
}

// All of it as one element: legend, chart, the crossings in words, and what is not drawn.
function draw(groups, key, measure, width) {
    const whole = element("div", {});
    const {lines, aside} = chooseLines(linesOf(groups, key, measure));
    const ties = tiesOf(lines, key, measure);
    const points = lines.flatMap((line) => line.points.concat(line.level || []));
    drawLegend(lines, whole);
    if (points.some(({mean}) => mean !== null)) {
        whole.append(drawLines(lines, ties, key, measure, width));
    } else {
        const states = [...new Set(points.map(({state}) => state))].join(", ");
        element("p", {text: `No ${measure.title} here: ${states}.`}, whole);
    }
    writeTies(ties, key, measure, whole);
    if (aside > 0) {
        const text = `${aside} more are not drawn: they have one value of ${key.label}, or none.`;
        element("p", {class: "about", text}, whole);
    }
    return whole;
}

report.lines = {
    draw,
    hintOf,
    most
};
