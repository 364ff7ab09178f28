// SPDX-License-Identifier: GPL-3.0-or-later
// curves.js -- accuracy and loss against simulated time or steps, drawn by dygraphs.
//
// A variant is its mean over the seeds that finished, with their range as a band. Variants are
// evaluated at different seconds; dygraphs wants one list of x, so each curve is interpolated at
// the x of all that are shown, and a hover says what every curve has there.
"use strict";

const {element, quantity, digits} = report;

const measures = [
    {id: "testAccuracy", name: "Accuracy", axis: "test accuracy", unit: "share", rises: true},
    {id: "testBleu", name: "BLEU", axis: "test BLEU", unit: "", rises: true},
    {
        id: "testPerplexity",
        name: "Perplexity",
        axis: "test perplexity",
        unit: "",
        logarithmic: true
    },
    {id: "testLoss", name: "Test loss", axis: "test loss", unit: "nats", logarithmic: true},
    {
        id: "trainLoss",
        name: "Training loss",
        axis: "training loss",
        unit: "nats",
        logarithmic: true
    },
    {
        id: "consensusDistance",
        name: "Consensus distance",
        axis: "squared consensus distance",
        unit: "",
        logarithmic: true,
    },
];

const mostLines = 120; // what dygraphs draws without a wait
const mostChips = 120;
const mostRows = 1500; // more x than can be told apart on a screen
const mostValues = 40; // in the list of a hover

/* ---- curves ---- */

// The number of the last x[i] <= at, for x that rise.
function indexBefore(x, at) {
    let low = 0;
    let high = x.length - 1;
    while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (x[middle] <= at) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return low;
}

// Linear between points; null outside of them.
function interpolate(x, y, at) {
    if (x.length === 0 || at < x[0] || at > x[x.length - 1]) {
        return null;
    }
    const i = indexBefore(x, at);
    if (x[i] === at || i + 1 === x.length) {
        return y[i];
    }
    return y[i] + (y[i + 1] - y[i]) * (at - x[i]) / (x[i + 1] - x[i]);
}

// The points of a run that have the measure: {step[], seconds[], y[]}.
function pointsOf(run, measure) {
    const points = {step: [], seconds: [], y: []};
    const column = run.evaluations[measure.id] || [];
    column.forEach((y, i) => {
        if (y !== null) {
            points.step.push(run.evaluations.step[i]);
            points.seconds.push(run.evaluations.seconds[i]);
            points.y.push(y);
        }
    });
    return points;
}

// Mean, least and most of several runs at the steps that all of them have reached.
function meanOf(runs, measure) {
    const all =
        runs.map((run) => pointsOf(run, measure)).filter((points) => points.step.length > 0);
    const curve = {step: [], seconds: [], y: [], low: [], high: []};
    if (all.length === 0) {
        return curve;
    }
    const first = Math.max(...all.map((points) => points.step[0]));
    const last = Math.min(...all.map((points) => points.step[points.step.length - 1]));
    const steps = [...new Set(all.flatMap((points) => points.step))].sort((a, b) => a - b);
    for (const step of steps) {
        if (step < first || step > last) {
            continue;
        }
        const values = all.map((points) => interpolate(points.step, points.y, step));
        const seconds = all.map((points) => interpolate(points.step, points.seconds, step));
        const sum = (list) => list.reduce((total, value) => total + value, 0);
        curve.step.push(step);
        curve.seconds.push(sum(seconds) / all.length);
        curve.y.push(sum(values) / all.length);
        curve.low.push(Math.min(...values));
        curve.high.push(Math.max(...values));
    }
    return curve;
}

// What is drawn for a variant: one line, or one for each of its runs.
function linesOf(variant, measure, single, data) {
    const runs = variant.runs.map((r) => data.runs[r]);
    const style = report.lineStyle(variant);
    if (single) {
        return runs.map((run) => {
            const points = pointsOf(run, measure);
            return {
                name: variant.name,
                style,
                seed: run.seed,
                thin: runs.length > 1,
                ...points,
                low: points.y,
                high: points.y,
                ended: run.status === "finished" ? null : run.status
            };
        });
    }
    const finished = runs.filter((run) => run.status === "finished");
    const used = finished.length > 0 ? finished : runs;
    return [{
        name: variant.name,
        style,
        ...meanOf(used, measure),
        ended: finished.length > 0 ? null : variant.status
    }];
}

// The x of all lines, with those that no screen could tell apart taken together.
function rowsOf(lines, axis) {
    const all = [...new Set(lines.flatMap((line) => line[axis]))].sort((a, b) => a - b);
    if (all.length <= mostRows) {
        return all;
    }
    const width = (all[all.length - 1] - all[0]) / mostRows;
    const rows = [all[0]];
    for (const x of all) {
        if (x - rows[rows.length - 1] >= width) {
            rows.push(x);
        }
    }
    return rows;
}

/* ---- the figure ---- */

class Figure {
    constructor(box, data) {
        this.data = data;
        // a consensus distance of 0 throughout says nothing
        this.measures = measures.filter(
            (measure) =>
                data.runs.some((run) => (run.evaluations[measure.id] || []).some(Boolean)));
        this.measure = this.measures[0];
        this.axis = "seconds";
        this.single = false;
        this.logarithmic = true;
        this.whole = true;
        this.zoom = null; // [from, to] on the x axis in base units
        this.shown = this.firstShown();
        this.addControls(element("div", {class: "controls"}, box));
        this.frame = element("div", {class: "curves"}, box);
        this.plot = element("div", {class: "curves-plot", tabindex: "0", role: "img"}, this.frame);
        this.values = element("div", {class: "curves-values", hidden: true}, this.frame);
        this.addChips(box);
        report.responsive(this.frame, () => this.draw());
        this.plot.addEventListener("keydown", (event) => this.stepBy(event));
        this.plot.addEventListener("pointerleave", () => this.hideValues());
    }

    // A few: all.
    firstShown() {
        const variants = this.data.variants;
        const some = variants.length <= 12 ? variants : report.someOfEach(variants, 8);
        return new Set(some.map((variant) => variants.indexOf(variant)));
    }

    addControls(bar) {
        if (this.measures.length > 1) {
            report.pick(
                {
                    label: "What is drawn",
                    value: this.measure.id,
                    options: this.measures.map((measure) => [measure.id, measure.name]),
                    change: (id) => {
                        this.measure = this.measures.find((measure) => measure.id === id);
                        this.showScale();
                        this.draw();
                    },
                },
                bar);
        }
        report.pick(
            {
                label: "Against",
                options: [["seconds", "Simulated time"], ["step", "Steps"]],
                change: (axis) => {
                    this.axis = axis;
                    this.zoom = null;
                    this.draw();
                },
            },
            bar);
        if (this.data.variants.some((variant) => variant.runs.length > 1)) {
            report.pick(
                {
                    label: "Seeds",
                    options: [[false, "Mean and range"], [true, "Every seed"]],
                    change: (single) => {
                        this.single = single;
                        this.draw();
                    },
                },
                bar);
        }
        this.scale = report.pick(
            {
                label: "Scale",
                options: [[true, "Logarithmic"], [false, "Linear"]],
                change: (logarithmic) => {
                    this.logarithmic = logarithmic;
                    this.draw();
                },
            },
            bar);
        this.range = report.pick(
            {
                label: "Range",
                options: [[true, "Whole range"], [false, "Close-up"]],
                change: (whole) => {
                    this.whole = whole;
                    this.draw();
                },
            },
            bar);
        this.showScale();
        this.reset = element(
            "button", {type: "button", class: "button", text: "Reset zoom", hidden: true}, bar);
        this.reset.addEventListener("click", () => this.resetZoom());
    }

    showScale() {
        this.scale.element.hidden = !this.measure.logarithmic;
        this.range.element.hidden = !this.measure.rises;
    }

    /* ---- which variants ---- */

    addChips(box) {
        const {variants} = this.data;
        this.chips = new Map();
        this.matching = variants.map((variant, i) => i);
        if (variants.length < 2) {
            return;
        }
        if (variants.length > 8) {
            this.addChoice(element("div", {class: "controls"}, box));
        }
        this.list =
            element("div", {class: "chips", role: "group", "aria-label": "Variants shown"}, box);
        this.listChips();
    }

    listChips() {
        const {variants} = this.data;
        this.chips.clear();
        this.list.replaceChildren();
        for (const i of this.matching.slice(0, mostChips)) {
            const variant = variants[i];
            const chip = element("button", {type: "button", class: "chip"}, this.list);
            report.sample(variant, chip);
            element("span", {text: variant.name}, chip);
            if (variant.status !== "finished") {
                element("em", {text: variant.status}, chip);
            }
            chip.addEventListener("click", () => {
                if (!this.shown.delete(i)) {
                    this.shown.add(i);
                }
                this.draw();
            });
            this.chips.set(i, chip);
        }
        const left = this.matching.length - this.chips.size;
        if (left > 0) {
            element("span", {class: "quiet", text: `and ${left} more`}, this.list);
        }
        this.markChips();
    }

    markChips() {
        this.chips.forEach((chip, i) => chip.setAttribute("aria-pressed", this.shown.has(i)));
    }

    addChoice(bar) {
        const {variants} = this.data;
        const filter = element(
            "input", {
                type: "search",
                placeholder: `Filter ${variants.length} variants`,
                "aria-label": "Filter variants",
            },
            bar);
        filter.addEventListener("input", () => {
            const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
            const matches = (name) => words.every((word) => name.includes(word));
            this.matching = variants.map((variant, i) => i)
                                .filter((i) => matches(variants[i].name.toLowerCase()));
            this.listChips();
        });
        const button = (text, wanted) => {
            const node = element("button", {type: "button", class: "button", text}, bar);
            node.addEventListener("click", () => {
                this.matching.forEach((i) => this.shown[wanted(variants[i]) ? "add" : "delete"](i));
                this.draw();
            });
        };
        button("Show all", () => true);
        button("None", () => false);
        if (variants.some((variant) => variant.front)) {
            button("Pareto front", (variant) => variant.front);
        }
        this.note = element("span", {class: "quiet", role: "status"}, bar);
    }

    /* ---- drawing ---- */

    collect() {
        const variants = this.data.variants.filter((variant, i) => this.shown.has(i));
        const lines =
            variants.flatMap((variant) => linesOf(variant, this.measure, this.single, this.data))
                .filter((line) => line.y.length > 0);
        this.lines = lines.slice(0, mostLines);
        if (this.note) {
            this.note.textContent =
                lines.length > mostLines ? `the first ${mostLines} of ${lines.length} lines` : "";
        }
    }

    // Each x with [least, mean, most] of every line, in the units of the axes.
    matrix() {
        const {lines, axis} = this;
        const least = this.onLog ? Number.MIN_VALUE : -Infinity;
        const factor = this.yScale.factor;
        const at = (line, list, x) => {
            const value = interpolate(line[axis], list, x);
            return value === null || value < least ? null : value / factor;
        };
        return rowsOf(lines, axis).map((x) => [x / this.xScale.factor].concat(lines.map((line) => {
            const middle = at(line, line.y, x);
            return [
                line.low === line.y ? middle : at(line, line.low, x), middle,
                line.high === line.y ? middle : at(line, line.high, x)
            ];
        })));
    }

    // Where the lines are once their first quarter is over.
    closeUp() {
        const late = this.lines.flatMap((line) => line.low.slice(line.low.length >> 2));
        const high = Math.max(...this.lines.flatMap((line) => line.high));
        const low = Math.min(...late);
        const pad = 0.06 * (high - low) || 0.01;
        return [low - pad, high + pad].map((value) => value / this.yScale.factor);
    }

    draw() {
        this.collect();
        this.markChips();
        this.onLog = Boolean(this.measure.logarithmic && this.logarithmic);
        const last =
            Math.max(0, ...this.lines.map((line) => line[this.axis][line[this.axis].length - 1]));
        this.xScale =
            this.axis === "seconds" ? report.unitOf(last, "seconds") : {factor: 1, unit: ""};
        this.yScale = report.unitOf(1, this.measure.unit);
        const xLabel = this.axis === "seconds" ? `simulated time (${this.xScale.unit})` : "step";
        const yLabel = this.measure.axis + (this.yScale.unit ? ` (${this.yScale.unit})` : "");
        this.plot.setAttribute(
            "aria-label",
            `${yLabel} against ${xLabel}, ${this.lines.length} lines; arrow keys read the values`);
        if (this.graph) {
            this.graph.destroy();
        }
        this.hideValues();
        const width = this.frame.clientWidth;
        const height = Math.round(Math.max(280, Math.min(440, width * 0.62)));
        this.plot.style.height = `${height}px`;
        this.plot.style.width = `${width}px`;
        const rows = this.lines.length > 0 ? this.matrix() : [];
        const empty = rows.length === 0;
        this.graph = new Dygraph(this.plot, empty ? [[0, [null, null, null]]] : rows, {
            ...this.looks(width, xLabel, yLabel, empty ? 1 : this.lines.length),
            dateWindow: this.zoom && this.zoom.map((x) => x / this.xScale.factor),
            width,
            height,
        });
        this.reset.hidden = this.zoom === null;
    }

    resetZoom() {
        this.zoom = null;
        this.draw();
    }

    looks(width, xLabel, yLabel, count) {
        const labels = ["x"];
        const series = {};
        for (let i = 0; i < count; i++) {
            const label = `line ${i}`;
            labels.push(label);
            const line = this.lines[i];
            if (line) {
                series[label] = {
                    color: line.style.colour,
                    strokeWidth: line.thin ? 1.2 : 2,
                    strokePattern: line.style.dash.length > 0 ? line.style.dash : null
                };
            }
        }
        const narrow = width < 600;
        const number = (value) => digits(value, 6);
        const model = {...Dygraph.defaultInteractionModel};
        delete model.touchstart; // a finger scrolls the page, and reads the values where it taps
        delete model.touchmove;
        delete model.touchend;
        model.dblclick = () => this.resetZoom();
        return {
            labels,
            series,
            interactionModel: model,
            customBars: true,
            fillAlpha: 0.14,
            legend: "never",
            xlabel: xLabel,
            ylabel: yLabel,
            logscale: this.onLog,
            valueRange: this.measure.rises && !this.whole ? this.closeUp() : null,
            xRangePad: 4,
            yRangePad: 10,
            gridLineColor: "#e6e9ed",
            axisLineColor: "#9aa4af",
            gridLineWidth: 1,
            axisLabelFontSize: 13,
            axisLabelWidth: narrow ? 58 : 62,
            xLabelHeight: 20,
            yLabelWidth: 20,
            axes: {
                x: {
                    axisLabelFormatter: number,
                    pixelsPerLabel: narrow ? 44 : 76,
                    axisLabelWidth: 60
                },
                y: {axisLabelFormatter: number, pixelsPerLabel: this.onLog ? 18 : 34}
            },
            highlightCircleSize: 3.5,
            highlightSeriesOpts: {strokeWidth: 3},
            highlightSeriesBackgroundAlpha: 1,
            highlightCallback: (event, x, points, row, label) => this.showValues(row, label),
            unhighlightCallback: () => this.hideValues(),
            zoomCallback: (from, to) => {
                this.zoom = this.graph.isZoomed("x") ? [from, to].map((x) => x * this.xScale.factor)
                                                     : this.zoom;
                this.reset.hidden = false;
            },
            underlayCallback: (context, area, graph) => {
                this.graph = graph; // the first drawing comes before the constructor's end
                this.drawTarget(context, area, graph);
            },
            drawCallback: (graph) => {
                this.drawEnds(graph);
                this.fitNumbers(graph);
            },
        };
    }

    drawTarget(context, area, graph) {
        const {target} = this.data;
        this.targetAt = null;
        if (this.measure.id !== "testAccuracy" || target === null) {
            return;
        }
        const y = Math.round(graph.toDomYCoord(target / this.yScale.factor)) + 0.5;
        if (y < area.y || y > area.y + area.h) {
            return;
        }
        context.save();
        context.strokeStyle = "#5c6672";
        context.setLineDash([5, 4]);
        context.beginPath();
        context.moveTo(area.x, y);
        context.lineTo(area.x + area.w, y);
        context.stroke();
        context.restore();
        this.targetAt = this.placeTarget(area, y);
    }

    // [x, y, textAlign] above or below the target's line, at the end where fewest lines pass.
    placeTarget(area, y) {
        const width = 84;
        const places = [];
        for (const [left, x, align] of [
                 [area.x + area.w - width, area.x + area.w - 4, "right"],
                 [area.x + 4, area.x + 6, "left"]]) {
            for (const [top, base] of [[y, y + 15], [y - 20, y - 6]]) {
                const passes = this.lines.filter((line) => this.passes(line, left, width, top));
                const outside = top < area.y || top + 20 > area.y + area.h;
                places.push({at: [x, base, align], cost: passes.length + (outside ? 1e6 : 0)});
            }
        }
        return places.reduce((best, place) => place.cost < best.cost ? place : best).at;
    }

    // Whether a line goes through the 20 pixels below `top`.
    passes(line, left, width, top) {
        for (let x = left; x <= left + width; x += 7) {
            const value = interpolate(
                line[this.axis], line.y, this.graph.toDataXCoord(x) * this.xScale.factor);
            const y = value === null ? null : this.graph.toDomYCoord(value / this.yScale.factor);
            if (y !== null && y > top && y < top + 20) {
                return true;
            }
        }
        return false;
    }

    // Over the lines, with a rim of white.
    drawTargetName(context) {
        if (this.targetAt === null) {
            return;
        }
        const text = `target ${quantity(this.data.target, "share")}`;
        context.save();
        const [x, y, align] = this.targetAt;
        context.font = "13px system-ui, sans-serif";
        context.textAlign = align;
        context.lineJoin = "round";
        context.lineWidth = 4;
        context.strokeStyle = "#fff";
        context.fillStyle = "#5c6672";
        context.strokeText(text, x, y);
        context.fillText(text, x, y);
        context.restore();
    }

    // The closer one looks, the more digits stand between the axis and its title.
    fitNumbers(graph) {
        const numbers = [...this.plot.querySelectorAll(".dygraph-axis-label-y")];
        const widest =
            Math.max(0, ...numbers.map(({textContent}) => report.axes.textWidth(textContent)));
        const room = Math.ceil(widest) + 22;
        if (room > graph.getOptionForAxis("axisLabelWidth", "y")) {
            graph.updateOptions({axes: {y: {axisLabelWidth: room}}});
        }
    }

    // A cross where a run broke off.
    drawEnds(graph) {
        const context = graph.hidden_ctx_;
        this.drawTargetName(context);
        this.lines.forEach((line) => {
            if (!line.ended) {
                return;
            }
            const end = line.y.length - 1;
            const [x, y] = graph.toDomCoords(
                line[this.axis][end] / this.xScale.factor, line.y[end] / this.yScale.factor);
            context.save();
            context.strokeStyle = line.style.colour;
            context.lineWidth = 2.5;
            context.beginPath();
            context.moveTo(x - 5, y - 5);
            context.lineTo(x + 5, y + 5);
            context.moveTo(x - 5, y + 5);
            context.lineTo(x + 5, y - 5);
            context.stroke();
            context.restore();
        });
    }

    /* ---- values ---- */

    // What every line has at the x of a row, the best first.
    showValues(row, nearest) {
        const {graph, lines, measure, values} = this;
        const x = graph.getValue(row, 0);
        const found = [];
        lines.forEach((line, i) => {
            const bar = graph.getValue(row, i + 1);
            if (bar && bar[1] !== null) {
                found.push({line, bar, near: nearest === `line ${i}`});
            }
        });
        found.sort((a, b) => measure.rises ? b.bar[1] - a.bar[1] : a.bar[1] - b.bar[1]);
        if (found.length === 0) {
            this.hideValues();
            return;
        }
        values.replaceChildren();
        const unit = this.xScale.unit ? ` ${this.xScale.unit}` : "";
        element(
            "strong",
            {text: this.axis === "seconds" ? `${digits(x, 4)}${unit}` : `step ${digits(x, 6)}`},
            values);
        const list = element("div", {class: "curves-list"}, values);
        for (const {line, bar, near} of found.slice(0, mostValues)) {
            const entry = element("div", {class: near ? "near" : null}, list);
            const picture = report.svg("svg", {width: 20, height: 8}, entry);
            report.svg(
                "line", {
                    x1: 0,
                    y1: 4,
                    x2: 20,
                    y2: 4,
                    stroke: line.style.colour,
                    "stroke-width": 2.5,
                    "stroke-dasharray": line.style.dasharray
                },
                picture);
            element("span", {text: line.name}, entry);
            const spread = line.thin ? `seed ${line.seed}`
                : bar[2] > bar[0] ? `${digits(bar[0], 3)} .. ${digits(bar[2], 3)}`
                                  : "";
            element("b", {text: digits(bar[1], 4) + (this.yScale.unit === "%" ? " %" : "")}, entry);
            element("i", {text: spread}, entry);
        }
        if (found.length > mostValues) {
            element("span", {text: `and ${found.length - mostValues} more`}, values);
        }
        values.hidden = false;
        const few = found.length <= 14;
        values.classList.toggle("many", !few);
        const [left] = graph.toDomCoords(x, 0);
        const area = graph.getArea();
        const over = few && this.frame.clientWidth >= 700; // else it would hide the lines
        values.classList.toggle("over", over);
        values.style.left = over && left > area.x + area.w / 2 ? `${area.x + 8}px`
            : over ? "auto"
                   : "0";
        values.style.right = over && left <= area.x + area.w / 2 ? "8px" : "auto";
        const frame = this.frame.getBoundingClientRect();
        const below = window.innerHeight - frame.bottom;
        values.classList.toggle("above", !over && below < values.offsetHeight && below < frame.top);
        this.row = row;
    }

    hideValues() {
        this.values.hidden = true;
        this.row = undefined;
    }

    stepBy(event) {
        const by = {ArrowLeft: -1, ArrowRight: 1}[event.key];
        if (event.key === "Escape") {
            this.graph.clearSelection();
            this.hideValues();
        } else if (by !== undefined && this.lines.length > 0) {
            const last = this.graph.numRows() - 1;
            const row = Math.min(
                last, Math.max(0, this.row === undefined ? (by > 0 ? 0 : last) : this.row + by));
            this.graph.setSelection(row);
            this.showValues(row, null);
            event.preventDefault();
        }
    }
}

report.section({
    id: "curves",
    title: "Learning curves",
    about: (data) =>
        (data.runs.length > data.variants.length
             ? "Means over the seeds that finished; the band is the range from worst to best seed. "
             : "") +
        "Drag to zoom, double click to reset" +
        (data.variants.length > 1 ? ", click a name to hide it." : "."),
    draw(box, data) {
        if (!data.runs.some(
                (run) => measures.some((measure) => run.evaluations[measure.id] !== undefined))) {
            return false;
        }
        report.curves = new Figure(box, data);
        return true;
    },
});
