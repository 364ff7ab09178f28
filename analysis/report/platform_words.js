// SPDX-License-Identifier: GPL-3.0-or-later
// platform_words.js -- how the drawings of a platform call its parts, and what these look like.
//
// Descriptions are those of sim/platform/describe.h, where what is alike is counted. Between
// workers rates are in bit/s, as networks are sold; inside of one in bytes, as NVLinks are.
"use strict";

const {svg, quantity, digits} = report;

const letterWidth = 6.9; // of 12.5 px text

const media = {
    eth: "Ethernet",
    ethernet: "Ethernet",
    ib: "InfiniBand",
    infiniband: "InfiniBand",
    nvlink: "NVLink",
    pcie: "PCIe",
    plx: "PCIe",
    qpi: "QPI",
    upi: "UPI",
    wan: "WAN",
    lan: "LAN",
    backbone: "backbone",
    link: "link",
};

/* ---- words ---- */

const plainName = (name) => name.replace(/\\/g, "");

// "server*_nvlink_*_*" is NVLink; a name without a known word stands as it is.
function mediumOf(link) {
    const words = link.name.toLowerCase().split(/[^a-z]+/);
    const known = words.find((word) => media[word]);
    return known ? media[known]
                 : plainName(link.name).replace(/\*/g, "").replace(/_+/g, " ").trim();
}

function plural(count, word) {
    const many = /(s|x|ch)$/.test(word) ? `${word}es` : `${word}s`;
    return `${digits(count, 7)} ${count === 1 ? word : many}`;
}

const perSecond = (value) => `${quantity(value, "bytes", 4)}/s`;

// "1 to 10 Gbit/s", or one quantity where both are the same.
function range([least, most], write) {
    const [low, high] = [write(least), write(most)];
    const [number, unit] = low.split("\u00a0");
    return low === high ? high : `${high.endsWith(`\u00a0${unit}`) ? number : low} to ${high}`;
}

// What is out of the ordinary.
function marksOf(link) {
    return [
        link.busy && "traffic of others",
        link.varies && "varies with time",
        link.dies && "goes down",
        link.unshared && "not shared",
    ].filter(Boolean);
}

// "Ethernet 10 Gbit/s, 10 µs". values: {bandwidth, latency}, ranges where they are not the link's.
function sayLink(link, {inside = false, bandwidth = null, latency = null} = {}) {
    const rate = (value) => inside ? perSecond(value) : quantity(value, "bytes/s", 4);
    const delay = (value) => quantity(value, "seconds", 3);
    const rates = range(bandwidth || [link.bandwidth, link.bandwidth], rate);
    return [
        `${mediumOf(link)} ${link.down ? `${rates} up and ${rate(link.down)} down` : rates}`,
        link.latency > 0 && range(latency || [link.latency, link.latency], delay),
        ...marksOf(link),
    ].filter(Boolean)
        .join(", ");
}

function speedOf(kind) {
    const ends = [Math.min(...kind.speeds), Math.max(...kind.speeds)];
    return range(ends, (value) => quantity(value, "FLOP/s", 4));
}

// "worker 3", "workers 0-2,4-7"
const sayRanks = ({count, ranks}) => `worker${count === 1 ? "" : "s"} ${ranks}`;

const workerWord = (kind) => kind.devices > 1 ? "server" : "worker";

/* ---- looks ---- */

const dashes = {
    dashed: "8 4",
    dotted: "2 3"
};
const between = "#d55e00";
const inside = {
    NVLink: "#009e73",
    PCIe: "#7c8792",
    QPI: "#5b4b9a",
    UPI: "#5b4b9a"
};

// Between workers a pixel more every ten times; inside of one as thick as it is fast, for there the
// fastest is given.
function lookOf(link, fastest) {
    if (!link) {
        return {stroke: "#9aa4af", "stroke-width": 1};
    }
    const changes = link.dies || link.varies;
    const slow = 1.2 + Math.log10(link.bandwidth * 8 / 1e9);
    const thick = fastest ? 5 * link.bandwidth / fastest : Math.min(5, slow);
    const colour = fastest ? inside[mediumOf(link)] || "#0072b2" : between;
    return {
        class: "pf-link",
        stroke: changes ? "#a4343a" : colour,
        "stroke-width": Math.max(1.2, thick),
        "stroke-dasharray": changes ? "3 4" : dashes[link.dash],
    };
}

function line(parent, [x1, y1], [x2, y2], look) {
    svg("line", {x1, y1, x2, y2, ...look}, parent);
}

// A rectangle round (x, y), its top's middle.
function box(parent, css, x, y, width, height, rx = 6) {
    svg("rect", {class: css, x: x - width / 2, y, width, height, rx}, parent);
}

// The first of the texts that fits.
function words(parent, x, y, texts, room = Infinity, css = "") {
    const text = [].concat(texts).find((choice) => choice.length * letterWidth <= room);
    if (text) {
        const look = `pf-text pf-in ${css}`;
        svg("text", {class: look, x, y, "text-anchor": "middle", text}, parent);
    }
}

// Lines of at most so many pixels, broken behind commas.
function wrap(text, width) {
    const lines = [];
    for (const piece of text.split(/(?<=,) /)) {
        const last = lines.length - 1;
        const both = `${lines[last]} ${piece}`;
        if (last >= 0 && both.length * letterWidth <= width) {
            lines[last] = both;
        } else {
            lines.push(piece);
        }
    }
    return lines;
}

report.platform = {
    plainName,
    mediumOf,
    plural,
    perSecond,
    range,
    marksOf,
    sayLink,
    sayRanks,
    speedOf,
    workerWord,
    lookOf,
    line,
    box,
    words,
    wrap,
    letterWidth,
};
