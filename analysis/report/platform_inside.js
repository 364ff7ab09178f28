// SPDX-License-Identifier: GPL-3.0-or-later
// platform_inside.js -- the inside of a worker: links from device to device, and ways over
// switches.
"use strict";

const {element, svg} = report;
const {mediumOf, plural, sayLink, sayRanks, speedOf, lookOf, line, box, words} = report.platform;

const deviceHeight = 36;
const barHeight = 24;
const rowStep = 62; // from a row of bars to the next

// The NICs of a kind, by the device or point that each is at: what leaves a worker there.
function nicsOf(description, index) {
    const nics = new Map();
    for (const edge of description.edges || []) {
        [edge.a, edge.b].forEach((node, end) => {
            const {kind} = description.nodes[node];
            if (edge.ports[end] >= 0 && kind === index && edge.link >= 0) {
                nics.set(edge.ports[end], description.links[edge.link]);
            }
        });
    }
    return nics;
}

function drawDevice(parent, kind, device, x, y, width) {
    const number = kind.devices > 1 ? `${device}` : "device";
    const name = kind.devices > 1 && /gpu\d*$/i.test(kind.name) ? `GPU ${device}` : number;
    box(parent, "pf-device", x, y, width, deviceHeight, 5);
    words(parent, x, y + 22.5, [name, number], width - 2);
}

function drawNic(parent, x, y, width) {
    box(parent, "pf-nic", x, y, width, barHeight, 5);
    words(parent, x, y + 16.5, "NIC", width);
}

// What the lines of a figure are, each said once.
function drawKey(figure, links, fastest) {
    const key = element("figcaption", {class: "pf-key"}, figure);
    const said = new Set();
    for (const link of links) {
        const text = sayLink(link, {inside: true});
        if (said.has(text)) {
            continue;
        }
        said.add(text);
        const row = element("span", {}, key);
        const picture = svg("svg", {class: "sample", width: 28, height: 10}, row);
        line(picture, [2, 5], [26, 5], lookOf(link, fastest));
        row.append(` ${text}`);
    }
}

/* ---- from device to device ---- */

// Two rows; a link within a row that passes other devices goes round them.
function drawMesh(frame, {description, kind, edges, fastest}, width) {
    const columns = kind.devices > 4 ? Math.ceil(kind.devices / 2) : kind.devices;
    const rowOf = (device) => Math.floor(device / columns);
    const cell = Math.min(width / columns, 124);
    const size = Math.min(54, cell - 18);
    const left = (width - cell * columns) / 2;
    const passes = (row) =>
        edges.filter(([a, b]) => rowOf(a) === row && rowOf(b) === row).map(([a, b]) => b - a - 1);
    const arch = (passed) => passed > 0 ? 12 + 16 * passed : 0;
    const heights = [0, 1].map((row) => arch(Math.max(0, ...passes(row))));
    const top = heights[0] + deviceHeight / 2 + 4;
    const bottom = columns < kind.devices ? top + 130 : top;
    const height = bottom + heights[1] + deviceHeight / 2 + 6;
    const at =
        (device) => [left + cell * (device % columns + 0.5), rowOf(device) > 0 ? bottom : top];
    const picture =
        svg("svg", {
            width,
            height,
            role: "img",
            "aria-label": "links between the devices of a worker",
        },
            frame);
    for (const [a, b, index] of edges) {
        const look = lookOf(description.links[index], fastest);
        const [[x1, y1], [x2, y2]] = [at(a), at(b)];
        const passed = b - a - 1;
        if (y1 !== y2 || passed === 0) {
            line(picture, [x1, y1], [x2, y2], look);
            continue;
        }
        const side = rowOf(a) > 0 ? 1 : -1;
        const shift = size / 2 - 7 - 7 * passed;
        const edge = y1 + side * deviceHeight / 2;
        const peak = edge + side * arch(passed) * 1.28;
        const [from, to] = [x1 + shift, x2 - shift];
        const d = `M${from} ${edge} C${from + 6} ${peak} ${to - 6} ${peak} ${to} ${edge}`;
        svg("path", {d, ...look}, picture);
    }
    for (let device = 0; device < kind.devices; device++) {
        const [x, y] = at(device);
        drawDevice(picture, kind, device, x, y - deviceHeight / 2, size);
    }
}

/* ---- over switches ---- */

// Devices, points and who is beside whom; level: how many links away the nearest device is.
function treeOf(kind, edges) {
    const total = kind.devices + kind.points;
    const places = Array.from({length: total}, (_, index) => ({
                                                   index,
                                                   level: index < kind.devices ? 0 : Infinity,
                                                   beside: [],
                                               }));
    for (const [a, b, index] of edges) {
        places[a].beside.push({place: places[b], index});
        places[b].beside.push({place: places[a], index});
    }
    const queue = places.slice(0, kind.devices);
    while (queue.length > 0) {
        const place = queue.shift();
        for (const {place: next} of place.beside) {
            if (next.level === Infinity) {
                next.level = place.level + 1;
                queue.push(next);
            }
        }
    }
    return places.filter(({level}) => Number.isFinite(level));
}

// Whether a device's way up goes over that point.
function isBelow(device, point) {
    for (let place = device; place;) {
        if (place === point) {
            return true;
        }
        const up = place.beside.find((next) => next.place.level === place.level + 1);
        place = up && up.place;
    }
    return false;
}

// Devices from left to right, and behind those of a point the NIC at it.
function leavesOf(places, nics) {
    const devices = places.filter(({level}) => level === 0);
    const leaves = [...devices];
    for (const point of places) {
        if (point.level > 0 && nics.has(point.index) && point.beside.length > 1) {
            const last = devices.filter((device) => isBelow(device, point)).pop();
            const nic = {level: 0, nicOf: point};
            leaves.splice(leaves.indexOf(last || devices[devices.length - 1]) + 1, 0, nic);
        }
    }
    return leaves;
}

// Points stand over what they lead to.
function placePoints(places, leaves) {
    const levels = Math.max(...places.map(({level}) => level));
    for (let level = 1; level <= levels; level++) {
        for (const point of places.filter((place) => place.level === level)) {
            const below = point.beside.map(({place}) => place)
                              .filter((place) => place.level < level)
                              .concat(leaves.filter(({nicOf}) => nicOf === point));
            point.left = Math.min(...below.map(({left}) => left));
            point.right = Math.max(...below.map(({right}) => right));
            point.x = (point.left + point.right) / 2;
        }
    }
    return levels;
}

// A point is a CPU where sockets are joined, and a switch of the links that it has only.
function pointNames(point, description) {
    const links = point.beside.map(({index}) => description.links[index]).filter(Boolean);
    const mediums = new Set(links.map(mediumOf));
    if (mediums.has("QPI") || mediums.has("UPI")) {
        return ["CPU"];
    }
    const [medium] = mediums;
    if (mediums.size === 1 && medium === "NVLink") {
        return ["NVSwitch"];
    }
    return mediums.size === 1 && medium === "PCIe" ? ["PCIe switch", "PCIe"] : ["switch"];
}

function drawTree(frame, {description, kind, edges, nics, fastest}, width) {
    const places = treeOf(kind, edges);
    const leaves = leavesOf(places, nics);
    const cell = Math.min(width / leaves.length, 92);
    const size = kind.devices > 1 ? Math.min(46, cell - 5) : 64;
    leaves.forEach((leaf, i) => {
        leaf.x = leaf.left = leaf.right = (width - cell * leaves.length) / 2 + cell * (i + 0.5);
    });
    const levels = placePoints(places, leaves);
    const rails = places.filter(({level, index}) => level === 0 && nics.has(index));
    const floor = 4 + levels * rowStep;
    const top = ({level}) => floor - level * rowStep;
    const half = ({level}) => Math.min(size / 2, 20) - 7 * (level - 1);
    const picture =
        svg("svg", {
            width,
            height: floor + deviceHeight + (rails.length > 0 ? 52 : 4),
            role: "img",
            "aria-label": "how the devices of a worker reach each other and the network",
        },
            frame);

    for (const [a, b, index] of edges) {
        const look = lookOf(description.links[index], fastest);
        const ends = [a, b].map((end) => places.find((place) => place.index === end));
        const [low, high] = ends[0].level <= ends[1].level ? ends : [ends[1], ends[0]];
        if (low.level === high.level) {
            const y = top(low) + barHeight / 2;
            line(picture, [low.x, y], [high.x, y], look);
        } else {
            const x = Math.min(Math.max(low.x, high.left - 8), high.right + 8);
            line(picture, [low.x, top(low)], [x, top(high) + barHeight], look);
        }
    }
    for (const point of places.filter(({level}) => level > 0)) {
        const room = point.right - point.left + 2 * half(point);
        if (nics.has(point.index) && point.beside.length === 1) {
            drawNic(picture, point.x, top(point), 48);
            continue;
        }
        box(picture, "pf-point", point.x, top(point), room, barHeight);
        words(picture, point.x, top(point) + 16.5, pointNames(point, description), room);
    }
    for (const leaf of leaves) {
        if (leaf.nicOf) {
            line(picture, [leaf.x, top(leaf.nicOf) + barHeight], [leaf.x, floor + 6], lookOf(null));
            drawNic(picture, leaf.x, floor + 6, Math.min(size, 44));
        } else {
            drawDevice(picture, kind, leaf.index, leaf.x, floor, size);
        }
    }
    for (const {x, index} of rails) {
        const y = floor + deviceHeight;
        line(picture, [x, y], [x, y + 22], lookOf(nics.get(index)));
        drawNic(picture, x, y + 22, Math.min(size, 44));
    }
}

/* ---- figures ---- */

function drawFigure(parent, title, about, draw, parts) {
    const {description, edges} = parts;
    const links = [...new Set(edges.map(([, , link]) => link))]
                      .filter((link) => link >= 0)
                      .map((link) => description.links[link]);
    const whole = {...parts, fastest: Math.max(1, ...links.map(({bandwidth}) => bandwidth))};
    const figure = element("figure", {}, parent);
    const caption = element("figcaption", {}, figure);
    element("strong", {text: title}, caption);
    element("span", {text: about}, caption);
    const frame = element("div", {}, figure);
    report.responsive(frame, (width) => {
        frame.replaceChildren();
        draw(frame, whole, width);
    });
    drawKey(figure, links, whole.fastest);
}

// One or two figures of a kind of workers, but what `drawn` says was drawn of another: over
// switches into `narrow`, the mesh into `wide`.
report.platform.drawInside = (narrow, wide, description, index, drawn) => {
    const kind = description.kinds[index];
    const isDevice = (place) => place < kind.devices;
    const direct = ([a, b]) => isDevice(a) && isDevice(b);
    const mesh = kind.edges.filter(direct);
    const tree = kind.edges.filter((edge) => !direct(edge));
    const parts = {description, kind, nics: nicsOf(description, index)};
    const who = description.kinds.length > 1 ? `, ${sayRanks(kind)}` : "";
    const devices = `${plural(kind.devices, "device")} of ${speedOf(kind)}`;
    const figure = (parent, title, about, draw, edges) => {
        const key = JSON.stringify([title, edges, draw === drawTree ? [...parts.nics.keys()] : []]);
        if (edges.length > 0 && !drawn.has(key)) {
            drawn.add(key);
            drawFigure(parent, `${title}${who}`, about, draw, {...parts, edges});
        }
    };
    const rings = kind.rings > 1 ? `, all-reduced over ${kind.rings} rings` : "";
    figure(wide, "Inside a server, from device to device", `${devices}${rings}`, drawMesh, mesh);
    if (kind.devices === 1) {
        figure(wide, "Inside a worker", devices, drawTree, tree);
    } else if (mesh.length > 0) {
        const about = "where devices have no link of their own, and to the NIC";
        figure(narrow, "Inside a server, over switches", about, drawTree, tree);
    } else {
        figure(wide, "Inside a server", devices, drawTree, tree);
    }
};
