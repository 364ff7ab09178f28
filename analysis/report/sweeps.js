// SPDX-License-Identifier: GPL-3.0-or-later
// sweeps.js -- what a swept setting does: lines over its values, or two settings as a heat map.
"use strict";

const {axes, element, svg, quantity, digits, unitOf, colours} = report;
const most = 8;  // lines that are told apart at a glance
const rings = 4; // crossings that are labelled in the chart
const dashes = [null, "7 4", "2 3", "9 3 2 3"];

/* ---- measures ---- */

// `of` gives {mean, low, high}; {state, mean} where there is no mean over all seeds; null where it
// has no sense for the variant. ratio: of something positive, on a logarithmic axis. stored: its
// name among the ties.
function measuresOf(data) {
    const values = new Set(data.variants.map(({target}) => target.value));
    values.delete(null);
    const goal = values.size === 1 ? quantity([...values][0], "share") : "the target";
    const judged = data.judged || {name: "", unit: "", scale: 1};
    const scaled = (value) => value === null ? null : value * judged.scale;
    const ended = (variant, value) => value.mean !== null ? value
        : variant.seeds === 0                             ? {state: variant.status, mean: null}
                                                          : null;
    const measures = [
        {
            id: "target",
            stored: "seconds_to_target",
            brief: `to ${goal}`,
            title: `time to ${goal}`,
            ratio: true,
            unit: "seconds",
            of(variant) {
                const {value, reached, seconds} = variant.target;
                if (value === null || variant.seeds === 0) {
                    return ended(variant, {mean: null});
                }
                return reached === variant.seeds ? seconds : {
                    state: reached === 0 ? "not reached" : `${reached} of ${variant.seeds} seeds`,
                    mean: seconds.mean,
                };
            }
        },
        {
            id: "final",
            stored: judged.name,
            ratio: !judged.moreIsBetter,
            brief: judged.name,
            title: `final ${judged.name}`,
            unit: judged.unit,
            more: judged.moreIsBetter,
            of(variant) {
                const {mean, low, high} = variant.measure;
                return ended(variant, {mean: scaled(mean), low: scaled(low), high: scaled(high)});
            }
        },
        {
            id: "speedUp",
            brief: "speed-up",
            title: `speed-up in time to ${goal}`,
            ratio: true,
            unit: "×",
            more: true,
            of: ({speedUp}) => speedUp.mean === null ? null : speedUp
        },
        {
            id: "step",
            stored: "seconds_per_step",
            brief: "iteration",
            title: "time of an iteration",
            ratio: true,
            unit: "seconds",
            of: (variant) => ended(variant, {mean: variant.step.seconds, low: null, high: null})
        },
    ];
    return measures.filter(
        (measure) => data.variants.some((variant) => Number.isFinite(measure.of(variant)?.mean)));
}

/* ---- lines ---- */

function valueOf(variant, key) {
    const setting = variant.settings[key.key];
    return setting ? setting.value : null;
}

function textOf(variant, key) {
    const setting = variant.settings[key.key];
    return setting ? setting.text : null;
}

// Keys that go together with `key` (`zip:` in a sweep): each value of one stands beside one of the
// other.
function partners(key, keys, variants) {
    const pairs = (a, b) => {
        const seen = new Map();
        return variants.every((variant) => {
            const [own, other] = [textOf(variant, a), textOf(variant, b)];
            const same = !seen.has(own) || seen.get(own) === other;
            seen.set(own, other);
            return same;
        });
    };
    return keys.filter(
        (other) => other !== key && other.numeric && pairs(key, other) && pairs(other, key));
}

// A name without what a sweep of the key added: " tau=12".
function bareName(name, key) {
    return name.split(" ")
        .filter((word) => {
            const label = word.slice(0, Math.max(0, word.lastIndexOf("=")));
            return label === "" || !(key.key === label || key.key.endsWith("." + label));
        })
        .join(" ");
}

// The words that all names have in common.
function commonName(names) {
    const words = names.map((name) => name.split(" "));
    return words[0].filter((word) => words.every((own) => own.includes(word))).join(" ");
}

// Variants that differ in nothing but `without`, together: [{name, variants}], in the order of the
// store, with the words of their names in which they differ. Names do not count, unless two have
// all settings in common.
function groupsOf(variants, without, keys) {
    const rest = keys.filter((key) => !without.includes(key));
    const bare = (variant) => without.reduce(bareName, variant.name);
    const settings = (variant, own) => JSON.stringify(own.map((key) => textOf(variant, key)));
    const numbers = new Map();
    for (const variant of variants) {
        const all = settings(variant, keys);
        numbers.set(all, (numbers.get(all) || new Set()).add(bare(variant)));
    }
    const twins =
        new Set(variants.filter((variant) => numbers.get(settings(variant, keys)).size > 1)
                    .map((variant) => settings(variant, rest)));
    const groups = new Map();
    for (const variant of variants) {
        const lacks = without.map((key) => valueOf(variant, key) === null);
        const same = settings(variant, rest);
        const group = JSON.stringify([same, lacks, twins.has(same) ? bare(variant) : null]);
        groups.set(group, [...(groups.get(group) || []), variant]);
    }
    const list = [...groups.values()];
    const names = list.map((group) => commonName(group.map(bare)) || "all variants");
    return axes.distinct(names).map((name, i, own) => {
        const twin = own.indexOf(name) !== i || own.lastIndexOf(name) !== i;
        const more = rest.map((key) => `${key.label}=${textOf(list[i][0], key) ?? "none"}`);
        return {
            name: twin && more.length > 0 ? `${name} ${more.join(" ")}` : name,
            variants: list[i]
        };
    });
}

// A line: {name, variants, points [{x, variant, mean, low, high, state}] by x, level}; level: the
// point of one that has no such setting, the same at every x.
function linesOf(groups, key, measure) {
    const lines = [];
    for (const {name, variants} of groups) {
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
            lines.push({name, variants, points: sorted, level});
        }
    }
    return lines.map((line, i) => ({
                         ...line,
                         colour: colours[i % colours.length],
                         shape: i,
                         dash: dashes[Math.floor(i / colours.length) % dashes.length]
                     }));
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

function drawTies(ties, key, area, marks, lines, chart) {
    const seen = new Set();
    const apart = ties.filter((tie) => { // lines may lie upon each other
        const place = `${Math.round(area.x(tie.x))} ${Math.round(area.y(tie.y))}`;
        return !seen.has(place) && seen.add(place);
    });
    const labels = apart.slice(0, rings).map((tie) => {
        const text = quantity(tie.x, key.unit, 3);
        const place = {x: area.x(tie.x), y: area.y(tie.y), radius: 7};
        axes.whisker(
            {
                y: place.y,
                from: tie.low === null ? NaN : Math.max(area.left, area.x(tie.low)),
                to: tie.high === null ? NaN : Math.min(area.right, area.x(tie.high)),
                colour: "currentColor",
            },
            chart);
        svg("circle", {class: "ring", cx: place.x, cy: place.y, r: 7}, chart);
        return {text, ...place, width: axes.textWidth(text, 600), height: 15};
    });
    const segments = lines.flatMap(({path}) => path.slice(1).map((to, i) => [path[i], to]));
    const points = marks.map(({x, y}) => ({x, y, radius: 5}));
    axes.placeLabels(labels, area, {points, segments}).forEach((box, i) => {
        if (box !== null) {
            axes.drawLabel(box, labels[i].text, {class: "halo total"}, chart);
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
    drawTies(ties, key, area, marks, lines, chart);
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

/* ---- heat maps ---- */

function valuesOf(variants, key) {
    const values = variants.map((variant) => valueOf(variant, key));
    return [...new Set(values.filter((value) => value !== null))].sort((a, b) => a - b);
}

// The values of a setting as they stand beside a map, all in one unit; a dash for those without it.
function ticksOf(variants, key) {
    const values = valuesOf(variants, key);
    const {factor, unit} = unitOf(Math.max(...values.map(Math.abs)), key.unit);
    return {
        title: axes.titled(key.label, {unit}),
        text: (value) => value === null ? "–" : digits(value / factor, 4),
    };
}

// One group as a map; share is 1 for the best of all maps, and `best` the best of a column.
function mapOf(group, [across, down], [x, y], measure, scale) {
    const own = (key) => {
        const values = valuesOf(group.variants, key);
        return values.length > 0 ? values : [null];
    };
    const [columns, rows] = [own(across), own(down)];
    const cells = [];
    for (const variant of group.variants) {
        const point = {low: null, high: null, state: null, ...measure.of(variant)};
        const [column, row] = [valueOf(variant, across), valueOf(variant, down)];
        if (measure.of(variant) === null) {
            continue;
        }
        const share = point.state === null ? scale.at(point.mean) : null;
        const [first, ...lines] = hintOf(group, point, across, measure);
        const places = [[column, across], [row, down]].filter(([value]) => value !== null);
        cells.push({
            column: columns.indexOf(column),
            row: rows.indexOf(row),
            share: share !== null && !measure.more ? 1 - share : share,
            text: point.state === null ? digits(point.mean / scale.factor, 3) : "–",
            lines: [
                first, ...places.map(([v, key]) => `${key.label} ${quantity(v, key.unit)}`),
                ...lines
            ],
        });
    }
    for (const cell of cells) {
        const rivals = cells.filter(({column, share}) => column === cell.column && share !== null);
        cell.best = rows.length > 1 && cell.share !== null &&
            rivals.every(({share}) => share <= cell.share);
    }
    return {name: group.name, columns: columns.map(x.text), rows: rows.map(y.text), cells};
}

function drawMaps(groups, keys, measure, width) {
    const variants = groups.flatMap((group) => group.variants);
    const values = variants.map((variant) => measure.of(variant)).filter((value) => value !== null);
    const means = values.filter(({state}) => !state).map(({mean}) => mean);
    const scale = axes.scaleOf(means, {unit: measure.unit, log: Boolean(measure.ratio), pad: 0});
    const [x, y] = keys.map((key) => ticksOf(variants, key));
    const maps = groups.map((group) => mapOf(group, keys, [x, y], measure, scale));
    const box = element("div", {});
    const label = `${measure.title} for each ${keys[0].label} and ${keys[1].label}`;
    box.append(report.heatMaps(maps, {x: x.title, y: y.title, label, width}));
    const notes = [`Cells: ${axes.titled(measure.title, scale)}`, "darker is better"];
    if (maps.some(({rows}) => rows.length > 1)) {
        notes.push(`outlined: the best for each ${keys[0].label}`);
    }
    if (values.some(({state}) => state)) {
        notes.push("–: not reached by all seeds");
    }
    element("p", {class: "about", text: `${notes.join("; ")}.`}, box);
    return box;
}

/* ---- the section ---- */

function choose(label, options, value, change, parent) {
    if (options.length < 2) {
        return;
    }
    const box = element("label", {class: "choose"}, parent);
    element("span", {text: label}, box);
    const select = element("select", {}, box);
    options.forEach(([own, text], i) => {
        const option = element("option", {value: String(i), text}, select);
        option.selected = own === value;
    });
    select.addEventListener("change", () => change(options[Number(select.value)][0]));
}

// Fixes the settings with the most values until the lines are few enough to be told apart.
function fixSome(state, numeric, keys, variants) {
    state.fixed = new Map();
    const others = numeric.filter((key) => key !== state.key && !state.partners.includes(key))
                       .sort((a, b) => valuesOf(variants, b).length - valuesOf(variants, a).length);
    for (const key of others) {
        if (groupsOf(selected(state, variants), [state.key, ...state.partners], keys).length <=
            most) {
            break;
        }
        const values = valuesOf(variants, key);
        state.fixed.set(key, values[Math.floor(values.length / 2)]);
    }
}

// The variants with the fixed settings; those that have no such setting stay.
function selected(state, variants) {
    return variants.filter((variant) => [...state.fixed].every(([key, value]) => {
        const own = valueOf(variant, key);
        return own === null || own === value;
    }));
}

function drawSweeps(box, data) {
    const {variants, keys} = data;
    const numeric = keys.filter(
        (key) => key.numeric && valuesOf(variants, key).length > 1 &&
            groupsOf(variants, [key, ...partners(key, keys, variants)], keys)
                .some((group) => valuesOf(group.variants, key).length > 1));
    const measures = measuresOf(data);
    if (numeric.length === 0 || measures.length === 0) {
        return false;
    }
    const state = {map: false, measure: measures[0], fixed: new Map()};
    const setKey = (key) => {
        state.key = key;
        state.partners = partners(key, keys, variants);
        const free = numeric.filter((other) => other !== key && !state.partners.includes(other));
        state.down = free.includes(state.down) ? state.down : free[0];
        state.map = state.map && state.down !== undefined;
        fixSome(state, numeric, keys, variants);
    };
    setKey(numeric[0]);
    const controls = element("div", {class: "controls"}, box);
    const selects = element("div", {class: "controls"}, box);
    const legend = element("div", {}, box);
    let redraw = null;

    const drawSelects = () => {
        selects.replaceChildren();
        if (state.map) {
            choose(
                "against",
                numeric.filter((key) => key !== state.key && !state.partners.includes(key))
                    .map((key) => [key, key.label]),
                state.down, (key) => {
                    state.down = key;
                    update();
                }, selects);
        }
        for (const key of numeric) {
            if (key === state.key || state.partners.includes(key) ||
                (state.map && key === state.down)) {
                continue;
            }
            const values =
                valuesOf(variants, key).map((value) => [value, quantity(value, key.unit)]);
            choose(key.label, [[null, "all"], ...values], state.fixed.get(key) ?? null, (value) => {
                if (value === null) {
                    state.fixed.delete(key);
                } else {
                    state.fixed.set(key, value);
                }
                update();
            }, selects);
        }
    };
    const at = () => [...state.fixed]
                         .filter(([key]) => !(state.map && key === state.down))
                         .map(([key, value]) => `${key.label} ${quantity(value, key.unit)}`)
                         .join(", ");
    const draw = (width) => {
        const whole = element("div", {});
        const without = [state.key, ...state.partners];
        if (state.map) {
            const mapped = {fixed: new Map([...state.fixed].filter(([key]) => key !== state.down))};
            const groups = groupsOf(selected(mapped, variants), [...without, state.down], keys);
            legend.replaceChildren();
            whole.append(drawMaps(groups, [state.key, state.down], state.measure, width));
        } else {
            const groups = groupsOf(selected(state, variants), without, keys);
            const lines = linesOf(groups, state.key, state.measure);
            const ties = tiesOf(lines, state.key, state.measure);
            legend.replaceChildren();
            drawLegend(lines, legend);
            if (lines.some(
                    ({points, level}) =>
                        points.concat(level || []).some(({mean}) => mean !== null))) {
                whole.append(drawLines(lines, ties, state.key, state.measure, width));
            } else {
                const states =
                    new Set(lines.flatMap(({points}) => points.map((point) => point.state)));
                element(
                    "p", {text: `No ${state.measure.title} here: ${[...states].join(", ")}.`},
                    whole);
            }
            writeTies(ties, state.key, state.measure, whole);
        }
        if (at() !== "") {
            element("p", {class: "about", text: `At ${at()}.`}, whole);
        }
        return whole;
    };
    const update = () => {
        drawSelects();
        redraw();
    };
    if (numeric.length > 1) {
        report.pick(
            {
                label: "over",
                options: numeric.map((key) => [key, `over ${key.label}`]),
                change(key) {
                    setKey(key);
                    update();
                }
            },
            controls);
    }
    if (measures.length > 1) {
        report.pick(
            {
                label: "measure",
                options: measures.map((measure) => [measure, measure.brief]),
                change(measure) {
                    state.measure = measure;
                    update();
                }
            },
            controls);
    }
    if (numeric.length > 1) {
        report.pick(
            {
                label: "chart",
                options: [[false, "lines"], [true, "heat map"]],
                change(map) {
                    state.map = map && state.down !== undefined;
                    update();
                }
            },
            controls);
    }
    drawSelects();
    redraw = axes.figure(box, draw);
    return true;
}

report.section({
    id: "sweeps",
    title: "What the settings do",
    about:
        "A line is what differs in nothing but the setting below it. Rings: where two lines cross, linear in the " +
        "logarithms between the values that were run. Whiskers: 95 % bootstrap intervals over seeds.",
    draw: drawSweeps,
});
