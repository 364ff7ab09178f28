// SPDX-License-Identifier: GPL-3.0-or-later
// sweeps.js -- what a swept setting does: lines over its values, or two settings as a heat map.
"use strict";

const {axes, element, quantity, digits, unitOf} = report;
const {valueOf, valuesOf, partners, groupsOf} = report.groups;
const {hintOf} = report.lines;
const lengths = ["steps", "epochs"];

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

/* ---- heat maps ---- */

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
            report.lines.most) {
            break;
        }
        // the value at which most was swept; of equals the one in the middle
        const values = valuesOf(variants, key);
        const points = values.map((value) => {
            const there = selected({fixed: new Map([...state.fixed, [key, value]])}, variants);
            return groupsOf(there, [state.key, ...state.partners], keys)
                .filter((group) => valuesOf(group.variants, state.key).length > 1)
                .reduce((sum, group) => sum + group.variants.length, 0);
        });
        const best = values.filter((_, i) => points[i] === Math.max(...points));
        state.fixed.set(key, best[Math.floor(best.length / 2)]);
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
    // how long a run is says less than what else was changed with it
    numeric.sort((a, b) => lengths.includes(a.key) - lengths.includes(b.key));
    const measures = measuresOf(data);
    if (numeric.length === 0 || measures.length === 0) {
        return false;
    }
    const state = {map: false, measure: measures[0], fixed: new Map()};
    const freeOf = (key) =>
        numeric.filter((other) => other !== key && !partners(key, keys, variants).includes(other));
    const setKey = (key) => {
        state.key = key;
        state.partners = partners(key, keys, variants);
        const free = freeOf(key);
        state.down = free.includes(state.down) ? state.down : free[0];
        state.map = state.map && state.down !== undefined;
        fixSome(state, numeric, keys, variants);
    };
    setKey(numeric[0]);
    const controls = element("div", {class: "controls"}, box);
    const selects = element("div", {class: "controls"}, box);
    let redraw = null;

    const drawSelects = () => {
        selects.replaceChildren();
        if (state.map) {
            choose(
                "against", freeOf(state.key).map((key) => [key, key.label]), state.down, (key) => {
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
            whole.append(drawMaps(groups, [state.key, state.down], state.measure, width));
        } else {
            const groups = groupsOf(selected(state, variants), without, keys);
            whole.append(report.lines.draw(groups, state.key, state.measure, width));
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
    if (numeric.some((key) => freeOf(key).length > 0)) {
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
