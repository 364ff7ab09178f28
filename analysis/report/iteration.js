// SPDX-License-Identifier: GPL-3.0-or-later
// iteration.js -- where the time of an iteration goes: a bar a variant.
"use strict";

const {axes, element, svg, quantity, digits, stages} = report;
const few = 24; // bars that are shown unasked

// Slanted lines within a bar, cut at its ends: what is not hidden is seen without colour too.
function hatch(from, to, y, height) {
    let path = "";
    for (let x = Math.ceil((from - height) / 6) * 6; x < to; x += 6) {
        const left = Math.max(x, from);
        const right = Math.min(x + height, to);
        if (right > left) {
            path += `M${left} ${y + height - (left - x)}L${right} ${y + height - (right - x)}`;
        }
    }
    return path;
}

function drawPart(stage, from, to, {y, height}, parent) {
    svg("rect", {x: from, y, width: to - from, height, fill: stage.colour}, parent);
    if (stage.id === "communication") {
        svg("path", {class: "hatch", d: hatch(from, to, y, height)}, parent);
    }
}

function drawLegend(used, parent) {
    const legend = element("p", {class: "legend"}, parent);
    for (const stage of used) {
        const item = element("span", {class: "legend-item"}, legend);
        drawPart(
            stage, 0, 18, {y: 0, height: 12},
            svg("svg", {class: "swatch", width: 18, height: 12, "aria-hidden": "true"}, item));
        item.append(stage.name);
    }
}

function hintOf(variant, used) {
    const {step} = variant;
    return [variant.name, `${quantity(step.seconds, "seconds")} an iteration`].concat(used.map(
        ({id, name}) => `${name} ${quantity(step[id], "seconds")}, ` +
            quantity(step[id] / step.seconds, "share", 3)));
}

// Sizes in px. Where the chart is narrow, a bar's name stands above it.
function layoutOf(width, count) {
    const above = width < 620;
    const bar = above ? 14 : count > 30 ? 13 : count > 12 ? 17 : 22;
    return {
        above,
        bar,
        row: above ? bar + 25 : bar + (count > 30 ? 4 : 8),
        names: Math.min(330, width * 0.34)
    };
}

function drawBars(rows, used, labels, width) {
    const {above, bar, row, names} = layoutOf(width, rows.length);
    const height = rows.length * row + 54;
    const chart = axes.canvas(width, height, "Time of an iteration of each variant, in parts");
    const scale = axes.scaleOf(
        rows.map(({step}) => step.seconds),
        {unit: "seconds", zero: true, log: false, count: width < 500 ? 4 : 8, pad: 0});
    const decimals =
        axes.decimals(Math.max(...rows.map(({step}) => step.seconds)) / scale.factor, 4);
    const totals = rows.map(({step}) => (step.seconds / scale.factor).toFixed(decimals));
    const left = above
        ? 5
        : Math.min(names, 12 + Math.max(...rows.map((v) => axes.textWidth(labels.get(v)))));
    const right = Math.max(...totals.map((text) => axes.textWidth(text, 600)));
    const area = axes.frame(chart, {
        width,
        height,
        x: {scale, title: "time of an iteration"},
        y: null,
        inset: {left, right: Math.max(0, right - 8)}
    });
    axes.hints(chart, rows.map((variant, i) => {
        const top = area.top + i * row;
        const place = {y: top + (above ? 20 : (row - bar) / 2), height: bar};
        const text = place.y + bar / 2 + 4.5;
        const group = svg("g", {class: "bar"}, chart);
        svg("text",
            above ? {
                class: "halo",
                x: 0,
                y: top + 15,
                text: axes.shorten(labels.get(variant), width - 4)
            }
                  : {
                        x: left - 9,
                        y: text,
                        "text-anchor": "end",
                        text: axes.shorten(labels.get(variant), left - 12)
                    },
            group);
        let at = 0;
        for (const stage of used) {
            const [from, to] = [area.x(at), area.x(at + variant.step[stage.id])];
            const own = digits(variant.step[stage.id] / scale.factor, 3);
            at += variant.step[stage.id];
            if (to <= from) {
                continue;
            }
            drawPart(stage, from, to, place, group);
            if (bar > 16 && stage.id !== "communication" && to - from > axes.textWidth(own) + 10) {
                svg("text", {
                    class: stage.id === "compute" ? "on-dark" : null,
                    x: (from + to) / 2,
                    y: text,
                    "text-anchor": "middle",
                    text: own
                },
                    group);
            }
        }
        svg("text", {class: "total halo", x: area.x(at) + 6, y: text, text: totals[i]}, group);
        return {node: group, lines: hintOf(variant, used), x: 0, y: top, width, height: row};
    }));
    return chart;
}

function drawIteration(box, data) {
    const variants = data.variants.filter(({step}) => step.seconds > 0 && step.compute !== null);
    if (variants.length === 0) {
        return false;
    }
    const used = stages.filter(({id}) => variants.some(({step}) => step[id] > 0));
    const names = axes.distinct(variants.map((variant) => variant.name));
    const labels = new Map(variants.map((variant, i) => [variant, names[i]]));
    const sorted = variants.slice().sort((a, b) => a.step.seconds - b.step.seconds);
    const some = new Set(report.someOfEach(variants, few));
    let rows = variants;
    let count = few;
    let redraw = null;
    const controls = element("div", {class: "controls"}, box);
    if (variants.length > 1) {
        report.pick(
            {
                label: "order",
                options: [["run", "as run"], ["time", "by time"]],
                change(value) {
                    rows = value === "time" ? sorted : variants;
                    redraw();
                }
            },
            controls);
    }
    if (variants.length > few) {
        report.pick(
            {
                label: "variants",
                options: [[few, `${some.size} of them`], [Infinity, `all ${variants.length}`]],
                change(value) {
                    count = value;
                    redraw();
                }
            },
            controls);
    }
    drawLegend(used, box);
    redraw = axes.figure(box, (width) => {
        const shown = rows.filter((variant) => count > few || some.has(variant));
        return drawBars(shown, used, labels, width);
    });
    return true;
}

report.section({
    id: "iteration",
    title: "Time of an iteration",
    about:
        "Simulated, the mean over workers, steps and seeds. Only communication that no computation hides is shown.",
    draw: drawIteration,
});
