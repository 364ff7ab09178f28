// SPDX-License-Identifier: GPL-3.0-or-later
// overview.js -- what the store holds, and its results in a few sentences.
"use strict";

const {element} = report;

function drawOverview(box, data) {
    element("h1", {text: data.title}, box);
    element("p", {class: "lead", text: `${data.runs.length} runs of ${data.variants.length} variants.`}, box);
}

report.section({id: "overview", draw: drawOverview});
