// SPDX-License-Identifier: GPL-3.0-or-later
// page.js -- the data, the list of sections, and the few helpers that all of them use.
//
// Each file is a module of its own: names at its top are seen by nobody else. A section registers
// itself and is drawn once all are there:
//
//     report.section({id: "curves", title: "Accuracy over time", about: "What to look for.",
//                     draw(element, data) { ... return false where there is nothing to show; }});
//
// `about` may be a function of the data.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);

// Of most experiments the file holds only the lines that differ from the first one's.
for (const variant of data.variants) {
    if (Array.isArray(variant.experiment)) {
        const lines = data.variants[0].experiment.split("\n");
        variant.experiment.forEach(([line, text]) => {
            lines[line] = text;
        });
        variant.experiment = lines.join("\n");
    }
}

// Okabe and Ito, without the yellow that white paper swallows: told apart by the colour-blind too.
const colours =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#5b4b9a", "#444444"];
const dashes = [[], [7, 4], [2, 3], [9, 3, 2, 3]];

// Where the time of an iteration goes, in the order in which it is drawn.
const stages = [
    {id: "load", name: "load", colour: "#8fae9b"},
    {id: "compute", name: "compute", colour: "#0072b2"},
    {id: "communication", name: "communication not hidden", colour: "#d55e00"},
    {id: "idle", name: "idle", colour: "#d9d9d9"},
];

/* ---- elements ---- */

function set(node, attributes) {
    for (const [name, value] of Object.entries(attributes || {})) {
        if (value === null || value === undefined || value === false) {
            continue;
        }
        if (name === "text") {
            node.textContent = value;
        } else if (name.startsWith("on")) {
            node.addEventListener(name.slice(2), value);
        } else {
            node.setAttribute(name, value === true ? "" : value);
        }
    }
    return node;
}

// An HTML element at the end of `parent`: {class, text, title, onclick, ...}; null and false are
// left out.
function element(tag, attributes, parent) {
    const node = set(document.createElement(tag), attributes);
    if (parent) {
        parent.append(node);
    }
    return node;
}

function svg(tag, attributes, parent) {
    const node = set(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes);
    if (parent) {
        parent.append(node);
    }
    return node;
}

/* ---- numbers ---- */

const prefixes = [[1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""]];
const times = [
    [86400 * 2, 86400, "d"],
    [3600 * 2, 3600, "h"],
    [60 * 10, 60, "min"],
    [1, 1, "s"],
    [1e-3, 1e-3, "ms"],
    [1e-6, 1e-6, "µs"],
    [0, 1e-9, "ns"],
];

// Significant digits without an exponent where people write none: 1500, 0.00012, 1.2e-7. zeros:
// with those at the end, as in a column of numbers.
function digitsOf(value, digits, zeros = false) {
    const size = Math.abs(value);
    let text;
    if (size >= 1e15 || (size > 0 && size < 1e-5)) {
        text =
            value.toExponential(Math.max(0, digits - 1)).replace(/\.?0+e/, "e").replace("e+", "e");
    } else if (size >= 1e4) {
        const rounded = Math.round(Number(value.toPrecision(digits)));
        text = rounded.toString().replace(/\B(?=(\d{3})+$)/g, "\u2009");
    } else {
        const rounded = value.toPrecision(digits);
        text = zeros && size > 0 && !rounded.includes("e") ? rounded : Number(rounded).toString();
    }
    return text.replace("-", "\u2212");
}

// The unit that `value` is best written in: {factor, unit}, value / factor stands before it. Axes
// take it for their largest value, so that all ticks share it.
function unitOf(value, unit) {
    const size = Math.abs(value);
    if (unit === "seconds") {
        const [, factor, name] = times.find(([from]) => size >= from);
        return {factor, unit: size === 0 ? "s" : name};
    }
    if (unit === "share") {
        return {factor: 0.01, unit: "%"};
    }
    const bits = unit === "bytes/s" ? 8 : 1;
    const name = {"bytes/s": "bit/s", bytes: "B", "FLOP/s": "FLOP/s"}[unit];
    if (name === undefined) {
        return {factor: 1, unit: unit || ""};
    }
    const [scale, prefix] = prefixes.find(([from]) => size * bits >= from) || [1, ""];
    return {factor: scale / bits, unit: prefix + name};
}

// "416.7 ms", "10 Gbit/s", "83.5 %"; a dash for what is not there. unit: seconds, bytes, bytes/s,
// FLOP/s, share (0 .. 1, as per cent), or any word that stands behind the number.
function quantity(value, unit, digits = 4) {
    if (value === null || value === undefined || !Number.isFinite(value)) {
        return "\u2013";
    }
    const scale = unitOf(value, unit);
    return digitsOf(value / scale.factor, digits) + (scale.unit ? "\u00a0" + scale.unit : "");
}

// Of what variants are judged by: "83.5 %", or a loss.
function judgement(value, digits = 4) {
    const {unit, scale} = data.judged || {unit: "", scale: 1};
    return quantity(value === null || value === undefined ? null : value * scale, unit, digits);
}

/* ---- looks ---- */

function lineStyle(variant) {
    const dash = dashes[variant.dash % dashes.length];
    return {
        colour: colours[variant.colour % colours.length],
        dash,
        dasharray: dash.join(" ") || null
    };
}

// A short piece of a variant's line, for legends and tables.
function sample(variant, parent) {
    const style = lineStyle(variant);
    const picture =
        svg("svg", {class: "sample", width: 26, height: 10, "aria-hidden": "true"}, parent);
    svg("line", {
        x1: 1,
        y1: 5,
        x2: 25,
        y2: 5,
        stroke: style.colour,
        "stroke-width": 2.5,
        "stroke-dasharray": style.dasharray
    },
        picture);
    return picture;
}

// At most so many of the variants, in their order: of a sweep over several algorithms as many of
// each, from the middle of what was swept first.
function someOfEach(variants, most) {
    const own = data.keys.filter((key) => !key.swept);
    const groups = new Map();
    for (const variant of variants) {
        const text = JSON.stringify(own.map(({key}) => variant.settings[key]));
        groups.set(text, (groups.get(text) || []).concat(variant));
    }
    const chosen = new Set();
    for (let round = 0; round < most && chosen.size < variants.length; round++) {
        const next = [...groups.values()].filter((group) => group.length > 0);
        if (round > 0 && chosen.size + next.length > most) {
            break;
        }
        for (const group of next.slice(0, most)) {
            const at = [group.length >> 1, 0, group.length - 1][round % 3];
            chosen.add(group.splice(at, 1)[0]);
        }
    }
    return variants.filter((variant) => chosen.has(variant));
}

/* ---- controls ---- */

let controls = 0;

// A segmented switch: options [[value, text], ...]; change(value) is called when another is chosen.
// Returns {element, value, set(value)}.
function pick({label, options, value, change}, parent) {
    const name = `pick${++controls}`;
    const box = element("fieldset", {class: "pick"}, parent);
    element("legend", {text: label}, box);
    const inputs = new Map();
    const control = {element: box, value: value === undefined ? options[0][0] : value};
    for (const [optionValue, text] of options) {
        const id = `${name}-${inputs.size}`;
        const input = element("input", {type: "radio", name, id}, box);
        input.checked = optionValue === control.value;
        input.addEventListener("change", () => {
            control.value = optionValue;
            change(optionValue);
        });
        element("label", {for: id, text
        }, box);
        inputs.set(optionValue, input);
    }
    control.set = (next) => {
        control.value = next;
        inputs.get(next).checked = true;
        change(next);
    };
    return control;
}

const drawn = [];

// Calls draw(width) now and whenever the element gets another width, once a frame at most.
function responsive(node, draw) {
    let width = 0;
    const look = () => {
        const now = Math.floor(node.clientWidth);
        if (now > 0 && now !== width) {
            width = now;
            draw(width);
        }
    };
    look();
    drawn.push(look);
    new ResizeObserver(() => requestAnimationFrame(look)).observe(node);
}

// Paper is narrower than most windows, and nobody tells an observer of it in time.
function drawForPaper(paper) {
    document.documentElement.classList.toggle("printing", paper);
    drawn.forEach((look) => look());
    for (const box of document.querySelectorAll(".scroll")) {
        const fit = paper ? box.clientWidth / box.scrollWidth : 1;
        [...box.children].forEach((child) => {
            child.style.zoom = fit < 1 ? fit : "";
        });
    }
}
window.addEventListener("beforeprint", () => drawForPaper(true));
window.addEventListener("afterprint", () => drawForPaper(false));

/* ---- hints ---- */

let hint = null;

function showHint(lines, x, y) {
    hint = hint || element("div", {class: "hint", role: "status"}, document.body);
    hint.replaceChildren();
    [].concat(lines).forEach((line, i) => element(i === 0 ? "strong" : "span", {text: line}, hint));
    hint.hidden = false;
    const box = hint.getBoundingClientRect();
    const left = Math.min(Math.max(8, x + 14), window.innerWidth - box.width - 8);
    const above = y - box.height - 12;
    hint.style.left = `${Math.max(8, left)}px`;
    hint.style.top = `${above > 8 ? above : y + 18}px`;
}

function hideHint() {
    if (hint) {
        hint.hidden = true;
    }
}

// Says more of an element when it is hovered, touched, or reached by keyboard: lines() gives the
// texts, the first of them bold. focus: false for what is too many to tab through.
function tip(node, lines, {focus = true} = {}) {
    const show = (event) => showHint(lines(), event.clientX, event.clientY);
    node.addEventListener("pointermove", show);
    node.addEventListener("pointerdown", show);
    node.addEventListener("pointerleave", hideHint);
    if (focus) {
        node.setAttribute("tabindex", "0");
        node.addEventListener("focus", () => {
            const box = node.getBoundingClientRect();
            if (node.matches(":focus-visible")) {
                showHint(lines(), box.left + box.width / 2, box.top);
            }
        });
        node.addEventListener("blur", hideHint);
    }
    node.setAttribute("aria-label", [].concat(lines()).join(", "));
}

window.addEventListener("scroll", hideHint, {passive: true});
window.addEventListener("keydown", (event) => event.key === "Escape" && hideHint());

/* ---- copies ---- */

// Where a page from a file may not use the clipboard, a hidden field is selected and copied.
async function copy(text) {
    try {
        await navigator.clipboard.writeText(text);
        return true;
    } catch (error) {
        const field = element("textarea", {class: "aside", "aria-hidden": "true"}, document.body);
        field.value = text;
        field.select();
        const done = document.execCommand("copy");
        field.remove();
        return done;
    }
}

// A button that copies text() and says so.
function copyButton(label, text, parent) {
    const button = element("button", {type: "button", class: "button", text: label}, parent);
    button.addEventListener("click", async () => {
        button.textContent = await copy(text()) ? "Copied" : "Could not copy";
        setTimeout(() => {
            button.textContent = label;
        }, 1500);
    });
    return button;
}

/* ---- sections ---- */

const sections = [];

function drawSection(section, page) {
    const box =
        element("section", {id: section.id, "aria-labelledby": `${section.id}-title`}, page);
    if (section.title) {
        element("h2", {id: `${section.id}-title`, text: section.title}, box);
    }
    const about = typeof section.about === "function" ? section.about(data) : section.about;
    if (about) {
        element("p", {class: "about", text: about}, box);
    }
    try {
        if (section.draw(element("div", {class: "body"}, box), data) === false) {
            box.remove();
        }
    } catch (error) {
        console.error(`${section.id}: ${error.stack || error}`);
        element(
            "p", {class: "failed", text: `This section could not be drawn: ${error.message}`}, box);
    }
}

globalThis.report = {
    data,
    colours,
    stages,
    element,
    svg,
    quantity,
    judgement,
    digits: digitsOf,
    unitOf,
    lineStyle,
    sample,
    someOfEach,
    pick,
    responsive,
    tip,
    showHint,
    hideHint,
    copy,
    copyButton,
    section(section) {
        sections.push(section);
    },
};

document.addEventListener("DOMContentLoaded", () => {
    const page = document.getElementById("page");
    for (const section of sections) {
        drawSection(section, page);
    }
    document.documentElement.dataset.drawn = "yes";
});
