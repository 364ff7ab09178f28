// SPDX-License-Identifier: GPL-3.0-or-later
// tradeoff.js -- how good against how long: a point a variant, and the Pareto front.
"use strict";

const {axes, element, svg, quantity, judgement, colours} = report;

// What is on the x axis. `of` gives {mean, low, high}, or null.
const views = {
    run: {
        title: "simulated time of the run",
        of: ({seconds}) => ({mean: seconds.mean, low: null, high: null}),
        front: (points) => points.filter(({variant}) => variant.front),
    },
    target: {
        title: "simulated time to the target",
        of: ({target, seeds}) => target.reached === seeds ? target.seconds : null,
        front: frontOf,
    },
};

// The points that no other one is as good as in as little time, and better in one of the two.
function frontOf(points) {
    const sign = report.data.judged.moreIsBetter ? 1 : -1;
    return points.filter((a) => !points.some((b) => {
        const better = sign * (b.y.mean - a.y.mean);
        const faster = a.x.mean - b.x.mean;
        return better >= 0 && faster >= 0 && better + faster > 0;
    }));
}

// Variants that are level in both, to what can be seen, share a point.
function pointsOf(variants, view, labels) {
    const points = new Map();
    for (const variant of variants) {
        const x = view.of(variant);
        if (x === null || x.mean === null || variant.measure.mean === null) {
            continue;
        }
        const place = `${x.mean.toPrecision(5)} ${variant.measure.mean.toPrecision(5)}`;
        const there = points.get(place);
        if (there) {
            there.others.push(variant);
        } else {
            points.set(
                place, {variant, x, y: variant.measure, others: [], label: labels.get(variant)});
        }
    }
    return [...points.values()];
}

function hintOf(point, view, onFront) {
    const {variant, x, y, others} = point;
    const lines = [variant.name, ...others.map(({name}) => `also ${name}`).slice(0, 3)];
    if (others.length > 3) {
        lines.push(`and ${others.length - 3} more`);
    }
    const {name} = report.data.judged;
    lines.push(
        `${name} ${judgement(y.mean)}` +
        (y.low !== null && y.low !== y.high
             ? `, 95 % interval ${judgement(y.low)} to ${judgement(y.high)}`
             : ""));
    lines.push(
        `${view.title} ${quantity(x.mean, "seconds")}` +
        (x.low !== null && x.low !== x.high
             ? `, ${quantity(x.low, "seconds")} to ${quantity(x.high, "seconds")}`
             : ""));
    lines.push(`${variant.seeds} ${variant.seeds === 1 ? "seed" : "seeds"}${
        onFront ? ", on the Pareto front" : ""}`);
    return lines;
}

// The front as corners: what the best so far is at each time.
function stairs(front, area) {
    const steps = [];
    front.forEach(({px, py}, i) => {
        const next = i + 1 < front.length ? front[i + 1] : {px: area.right, py};
        steps.push([[px, py], [next.px, py]], [[next.px, py], [next.px, next.py]]);
    });
    return steps;
}

// Texts for the front first, then for the others. Where a name of the front is too long, or finds
// no room, a number stands for it: the list under the chart has them.
function placeTexts(points, front, area, segments, width) {
    const longest = width < 560 ? 120 : 280; // px
    const numbered = new Set(front.filter(({label}) => axes.textWidth(label) > longest));
    const number = (point) => String(1 + front.filter((p) => numbered.has(p)).indexOf(point));
    const rest =
        points.filter((point) => !front.includes(point) && axes.textWidth(point.label) <= longest);
    const labelOf = (point) => {
        const leads = front.includes(point);
        const text = numbered.has(point) ? number(point) : point.label;
        const width = axes.textWidth(text, leads ? 600 : 400);
        const place = {x: point.px, y: point.py, width, height: 15};
        return {point, text, ...place, radius: 6, reach: leads ? 115 : 40};
    };
    const others = points.filter((point) => !front.includes(point) && !rest.includes(point))
                       .map(({px, py}) => ({x: px, y: py, radius: 5}));
    const place = () => {
        const labels = [...front, ...rest].map(labelOf);
        const boxes = axes.placeLabels(labels, area, {points: others, segments});
        return labels.map(({point, text}, i) => ({point, text, box: boxes[i]}));
    };
    let texts = place();
    const homeless = texts.filter(({point, box}) => box === null && front.includes(point));
    if (homeless.length > 0) {
        homeless.forEach(({point}) => numbered.add(point));
        texts = place();
    }
    return {
        texts: texts.filter(({box}) => box !== null),
        numbered: front.filter((p) => numbered.has(p))
    };
}

function drawPoints(points, view, width) {
    const {judged} = report.data;
    const height = width < 560 ? 400 : 480;
    const chart =
        axes.canvas(width, height, `${judged.name} against ${view.title} of each variant`);
    const x = axes.scaleOf(
        points.flatMap((p) => [p.x.mean, p.x.low, p.x.high]),
        {unit: "seconds", count: width < 560 ? 4 : 8});
    const scaled = (value) => value === null ? null : value * judged.scale;
    const y = axes.scaleOf(
        points.flatMap((p) => [p.y.mean, p.y.low, p.y.high].map(scaled)),
        {unit: judged.unit, count: 6});
    const area = axes.frame(chart, {
        width,
        height,
        x: {scale: x, title: view.title},
        y: {scale: y, title: `final ${judged.name}`}
    });
    for (const point of points) {
        point.px = area.x(point.x.mean);
        point.py = area.y(scaled(point.y.mean));
    }
    const front = view.front(points).sort((a, b) => a.px - b.px || b.py - a.py);
    const steps = stairs(front, area);
    svg("path", {
        class: "front",
        d: steps.map(([[x1, y1], [x2, y2]]) => `M${x1} ${y1}L${x2} ${y2}`).join("")
    },
        chart);
    const segments = steps.slice();
    const marks = points.map((point) => {
        const {variant, px, py} = point;
        const group = svg("g", {class: "point"}, chart);
        const colour = colours[variant.colour];
        const ends = (interval, to) => [interval.low, interval.high].map(
            (end) => end === null ? NaN : to(end));
        const [bottom, top] = ends(point.y, (value) => area.y(scaled(value)));
        const [left, right] = ends(point.x, area.x);
        axes.whisker({x: px, from: bottom, to: top, colour}, group);
        axes.whisker({y: py, from: left, to: right, colour}, group);
        const spans = [[[px, bottom], [px, top]], [[left, py], [right, py]]];
        segments.push(...spans.filter((span) => span.flat().every(Number.isFinite)));
        axes.marker(
            variant.dash, {x: px, y: py, radius: front.includes(point) ? 6 : 4.5},
            {fill: front.includes(point) ? colour : "#fff", stroke: colour, "stroke-width": 1.8},
            group);
        return {node: group, lines: hintOf(point, view, front.includes(point)), x: px, y: py};
    });
    const {texts, numbered} = placeTexts(points, front, area, segments, width);
    for (const {point, text, box} of texts) {
        const kind = front.includes(point) ? "halo total" : "halo quiet";
        axes.drawLabel(box, text, {class: kind}, chart);
    }
    axes.hints(chart, marks.sort((a, b) => a.x - b.x));
    return {chart, numbered};
}

function drawTradeoff(box, data) {
    if (data.judged === null) {
        return false;
    }
    const variants = data.variants.filter(
        ({measure, seconds}) =>
            measure.name === data.judged.name && measure.mean !== null && seconds.mean !== null);
    if (variants.length < 2) {
        return false;
    }
    const names = axes.distinct(variants.map(({name}) => name));
    const labels = new Map(variants.map((variant, i) => [variant, names[i]]));
    const targets =
        new Set(variants.map(({target}) => target.value).filter((value) => value !== null));
    const late = variants.filter((variant) => views.target.of(variant) === null);
    const target = targets.size === 1 ? quantity([...targets][0], "share") : "the target";
    views.target.title = `simulated time to ${target}`;
    let view = views.run;
    let redraw = null;
    if (targets.size > 0 && late.length < variants.length) {
        report.pick(
            {
                label: "time",
                options: [["run", "whole run"], ["target", `to ${target}`]],
                change(value) {
                    view = views[value];
                    redraw();
                }
            },
            element("div", {class: "controls"}, box));
    }
    redraw = axes.figure(box, (width) => {
        const whole = element("div", {});
        const {chart, numbered} = drawPoints(pointsOf(variants, view, labels), view, width);
        whole.append(chart);
        if (numbered.length > 0) {
            const list = element("ol", {class: "key"}, whole);
            numbered.forEach(
                ({label, others}) => element(
                    "li", {
                        text: label +
                            (others.length > 0 ? ` and ${others.length} more that are level` : "")
                    },
                    list));
        }
        if (view === views.target && late.length > 0) {
            element(
                "p", {
                    class: "about",
                    text: `Not there, for not all their seeds reach ${target}: ` +
                        late.map((variant) => labels.get(variant)).join(", ") + "."
                },
                whole);
        }
        return whole;
    });
    return true;
}

report.section({
    id: "tradeoff",
    title: "How good, how soon",
    about:
        "The line is the Pareto front: no other variant is as good in as little simulated time. Whiskers are " +
        "95 % bootstrap intervals over seeds.",
    draw: drawTradeoff,
});
