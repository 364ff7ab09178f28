// SPDX-License-Identifier: GPL-3.0-or-later
// heatmap.js -- tables of numbers whose cells are shaded by them, side by side; for other sections.
"use strict";

const {axes, element, svg} = report;
const gap = 30;    // px between two maps
const header = 44; // px above the cells: name, and title of the rows
const footer = 58; // px below: ticks and title of the columns
const cellHeight = 34;

// From nearly white to a deep blue, and what is legible on it.
function shadeOf(share) {
    if (share === null) {
        return {fill: "#f1f1f1", ink: "quiet"};
    }
    const ends = [[238, 245, 251], [10, 72, 120]];
    const mix = ends[0].map((low, i) => Math.round(low + share * (ends[1][i] - low)));
    return {fill: `rgb(${mix.join(" ")})`, ink: share > 0.5 ? "on-dark" : ""};
}

function drawCell(cell, place, parent) {
    const {x, y, width, height} = place;
    const node = svg("g", {class: "cell"}, parent);
    const {fill, ink} = shadeOf(cell.share);
    svg("rect", {...place, fill, rx: 3}, node);
    if (cell.best) {
        const inner = {x: x + 1.5, y: y + 1.5, width: width - 3, height: height - 3};
        svg("rect", {class: "best", ...inner, rx: 2}, node);
    }
    const middle = {x: x + width / 2, y: y + height / 2 + 4.5, "text-anchor": "middle"};
    svg("text", {class: `${ink} ${cell.best ? "total" : ""}`, ...middle, text: cell.text}, node);
    return {node, lines: cell.lines, ...place};
}

// One map with its left upper corner there; its cells as marks (axes.hints).
function drawMap(map, titles, {left, top, margin, cellWidth, room}, chart) {
    const first = {x: left + margin, y: top + header};
    const bottom = first.y + map.rows.length * cellHeight;
    const middle = (column) => first.x + (column + 0.5) * cellWidth;
    const rowTop = (row) => bottom - (row + 1) * cellHeight; // the least at the bottom
    const name = axes.shorten(map.name, room);
    svg("text", {class: "total", x: left, y: top + 14, text: name}, chart);
    svg("text", {class: "axis-title", x: left, y: top + 35, text: titles.y}, chart);
    map.rows.forEach((text, row) => {
        const place = {x: first.x - 8, y: rowTop(row) + cellHeight / 2 + 4, "text-anchor": "end"};
        svg("text", {class: "tick", ...place, text}, chart);
    });
    map.columns.forEach((text, column) => {
        const place = {x: middle(column), y: bottom + 15, "text-anchor": "middle"};
        svg("text", {class: "tick", ...place, text}, chart);
    });
    const centre = first.x + map.columns.length * cellWidth / 2;
    const half = axes.textWidth(titles.x) / 2;
    const place = {x: Math.max(left + half, centre), y: bottom + 35, "text-anchor": "middle"};
    svg("text", {class: "axis-title", ...place, text: titles.x}, chart);
    return map.cells.map((cell) => {
        const at = {x: first.x + cell.column * cellWidth, y: rowTop(cell.row)};
        return drawCell(cell, {...at, width: cellWidth - 2, height: cellHeight - 2}, chart);
    });
}

// An element with the maps, as many abreast as there is room for; it scrolls where one is too wide.
//   maps    [{name, columns, rows, cells [{column, row, share, text, best, lines}]}]: texts of the
//           columns and rows; share 0 .. 1 shades, null for a cell without a number
//   x, y    titles with units
report.heatMaps = (maps, {x, y, label, width}) => {
    const widest = (texts) => Math.max(...texts.map((text) => axes.textWidth(text, 600)));
    const margin = widest(maps.flatMap(({rows}) => rows)) + 10;
    const columns = Math.max(...maps.map((map) => map.columns.length));
    const texts = maps.flatMap((map) => map.cells.map(({text}) => text).concat(map.columns));
    const least = widest(texts) + 10;
    const fitting = Math.floor((width + gap) / (Math.max(margin + columns * least, 220) + gap));
    const abreast = Math.max(1, Math.min(maps.length, 3, fitting));
    const room = (width - gap * (abreast - 1)) / abreast;
    const cellWidth = Math.max(least, Math.min(96, (room - margin) / columns));
    const whole = Math.ceil(Math.max(width, margin + columns * cellWidth));

    const tops = [];
    let height = 0;
    for (let i = 0; i < maps.length; i += abreast) {
        tops.push(height);
        const rows = Math.max(...maps.slice(i, i + abreast).map((map) => map.rows.length));
        height += header + rows * cellHeight + footer;
    }
    const chart = axes.canvas(whole, height, label);
    axes.hints(chart, maps.flatMap((map, i) => {
        const left = (i % abreast) * (room + gap);
        const place = {left, top: tops[Math.floor(i / abreast)], margin, cellWidth, room};
        return drawMap(map, {x, y}, place, chart);
    }));
    const box = element("div", {class: whole > width ? "scroll" : null});
    if (whole > width) {
        chart.style.maxWidth = "none";
    }
    box.append(chart);
    return box;
};
