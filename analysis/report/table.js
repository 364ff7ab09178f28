// SPDX-License-Identifier: GPL-3.0-or-later
// table.js -- every number of every variant, or of every run, to sort and to copy.
"use strict";

const {element, digits} = report;

const mostRows = 50; // before a button asks for the rest

/* ---- columns ---- */

// {title, value(row), unit} for numbers, {title, value(row)} for texts. `order` sorts what is shown
// as something else; `low`, `high` make an interval of a cell.
function variantColumns(data) {
    const {judged} = data;
    const measure = judged ?
        [
            {
                title: judged.name,
                unit: judged.unit === "%" ? "share" : judged.unit,
                value: (v) => v.measure.mean
            },
            {
                title: "95 % interval",
                unit: judged.unit === "%" ? "share" : judged.unit,
                interval: (v) => v.measure
            }
        ] :
        [];
    return [
        {title: "variant", value: (v) => v.name, sample: true},
        ...keyColumns(data, (v) => v),
        {
            title: "workers", unit: "", value: (v) => v.workers, if: differs
        },
        ...measure,
        {
            title: "front",
            value: (v) => v.front ? "yes" : null,
            hint: "no other variant is as good in as little time"
        },
        {title: "simulated time", unit: "seconds", value: (v) => v.seconds.mean},
        {title: "iteration", unit: "seconds", value: (v) => v.step.seconds},
        {
            title: "not hidden",
            unit: "seconds",
            value: (v) => v.step.communication,
            hint: "communication of an iteration that no compute hides"
        },
        {
            title: "sent a step",
            unit: "bytes",
            value: (v) => v.step.bytes,
            hint: "bytes that a worker sends, a step"
        },
        {
            title: "to target",
            unit: "seconds",
            value: (v) => v.target.seconds.mean,
            hint: "simulated time to the target accuracy, mean of the runs that reach it"
        },
        {title: "95 % interval", unit: "seconds", interval: (v) => v.target.seconds},
        {
            title: "steps to target",
            unit: "",
            value: (v) => v.target.steps && Math.round(v.target.steps)
        },
        {
            title: "reached",
            unit: "",
            value: (v) => v.target.value === null ? null : v.target.reached,
            hint: "runs that reach the target"
        },
        {
            title: "speed-up",
            unit: "",
            digits: 3,
            value: (v) => v.speedUp.mean,
            hint: "time to target of the base over its own"
        },
        {title: "95 % interval", unit: "", digits: 3, interval: (v) => v.speedUp},
        {
            title: "over",
            value: (v) => v.speedUp.mean === null ? null : data.variants[v.speedUp.base].name
        },
        {title: "seeds", unit: "", value: (v) => v.seeds, hint: "runs that finished"},
        {title: "status", value: (v) => v.status},
    ];
}

function runColumns(data) {
    const variant = (run) => data.variants[run.variant];
    return [
        {title: "run", value: (run) => run.name, sample: true},
        {title: "seed", unit: "", value: (run) => run.seed},
        ...keyColumns(data, variant),
        {
            title: "workers", unit: "", value: (run) => run.workers, if: differs
        },
        {title: "accuracy", unit: "share", value: (run) => run.final.test_accuracy},
        {
            title: "best",
            unit: "share",
            value: (run) => run.best.test_accuracy,
            hint: "highest accuracy of all evaluations"
        },
        {title: "BLEU", unit: "", value: (run) => run.final.test_bleu},
        {title: "perplexity", unit: "", value: (run) => run.final.test_perplexity},
        {title: "test loss", unit: "", value: (run) => run.final.test_loss},
        {title: "training loss", unit: "", value: (run) => run.final.train_loss},
        {title: "simulated time", unit: "seconds", value: (run) => run.sim.seconds},
        {title: "iteration", unit: "seconds", value: (run) => run.sim.seconds_per_step},
        {title: "steps", unit: "", value: (run) => run.steps},
        {
            title: "sent a step",
            unit: "bytes",
            value: (run) => run.sim.bytes_sent_per_worker === null
                ? null
                : run.sim.bytes_sent_per_worker / run.steps
        },
        {title: "wall time", unit: "seconds", value: (run) => run.wall.seconds},
        {title: "status", value: (run) => run.status},
        {title: "run id", value: (run) => run.run_id},
    ];
}

// One for each setting that was swept.
function keyColumns(data, variantOf) {
    return data.keys.filter((key) => key.swept).map((key) => {
        const setting = (row) => variantOf(row) && variantOf(row).settings[key.key];
        return {
            title: key.label,
            hint: key.key,
            right: key.numeric,
            value: (row) => setting(row) ? setting(row).text : null,
            order: key.numeric ? (row) => setting(row) && setting(row).value : undefined,
        };
    });
}

function differs(values) {
    return new Set(values).size > 1;
}

// What the rows have nothing of is left out; a column's numbers share a unit, its largest one's.
function readColumns(columns, rows) {
    const kept = [];
    for (const column of columns) {
        const numbers = (row) => column.interval
            ? [column.interval(row).low, column.interval(row).high]
            : [column.value(row)];
        const values =
            rows.flatMap(numbers).filter((value) => value !== null && value !== undefined);
        if (values.length === 0 || (column.if && !column.if(values))) {
            continue;
        }
        const numeric = column.unit !== undefined;
        const largest =
            numeric ? values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) : 0;
        const scale = numeric ? report.unitOf(largest, column.unit) : null;
        const whole = numeric && values.every((value) => Number.isInteger(value / scale.factor));
        const number = (value) => {
            if (value === null || value === undefined) {
                return "";
            }
            return digits(value / scale.factor, whole ? 15 : column.digits || 4, !whole);
        };
        kept.push({
            ...column,
            right: numeric || column.right,
            head: column.title + (scale && scale.unit ? ` (${scale.unit})` : ""),
            text: (row) => {
                if (!numeric) {
                    return column.value(row) || "";
                }
                const [low, high] = numbers(row).map(number);
                return !column.interval ? low : low ? `${low} .. ${high}` : "";
            },
            order: column.order ||
                (column.interval ? (row) => column.interval(row).low : column.value),
        });
    }
    return kept;
}

/* ---- the table ---- */

// Numbers by size, texts as people sort them; what is missing comes last either way.
function compare(a, b, sign) {
    const missing = (value) => value === null || value === undefined || value === "";
    if (missing(a) || missing(b)) {
        return missing(a) - missing(b);
    }
    return sign * (typeof a === "number" ? a - b : a.localeCompare(b, "en", {numeric: true}));
}

class Table {
    constructor(box, data) {
        this.data = data;
        this.bar = element("div", {class: "controls"}, box);
        if (data.runs.length > data.variants.length) {
            report.pick(
                {
                    label: "Rows",
                    options: [[false, "Variants"], [true, "Single runs"]],
                    change: (single) => this.show(single),
                },
                this.bar);
        }
        report.copyButton("Copy as text", () => this.asText(), this.bar);
        this.scroll = element(
            "div", {
                class: "scroll",
                tabindex: "0",
                role: "region",
                "aria-label": "Table, scrolls sideways"
            },
            box);
        this.more = element("button", {type: "button", class: "button", hidden: true}, box);
        this.more.addEventListener("click", () => {
            this.all = true;
            this.draw();
        });
        this.show(false);
    }

    show(single) {
        const {data} = this;
        this.rows = single ? data.runs.slice() : data.variants.slice();
        this.variantOf = single ? (run) => data.variants[run.variant] : (variant) => variant;
        this.columns = readColumns(single ? runColumns(data) : variantColumns(data), this.rows);
        this.sorted = null;
        this.all = false;
        this.draw();
    }

    sortBy(column) {
        const sign = this.sorted && this.sorted.column === column ? -this.sorted.sign : 1;
        this.sorted = {column, sign};
        this.rows.sort((a, b) => compare(column.order(a), column.order(b), sign));
        this.draw();
        const at = this.columns.indexOf(column);
        this.scroll.querySelectorAll("th button")[at].focus();
    }

    draw() {
        const table = element("table", {});
        const head = element("tr", {}, element("thead", {}, table));
        for (const column of this.columns) {
            const sorted = this.sorted && this.sorted.column === column ? this.sorted.sign : 0;
            const cell = element(
                "th", {
                    scope: "col",
                    class: column.right ? "number" : null,
                    title: column.hint,
                    "aria-sort": sorted === 0 ? null
                        : sorted > 0          ? "ascending"
                                              : "descending",
                },
                head);
            element(
                "button", {type: "button", text: column.head, onclick: () => this.sortBy(column)},
                cell);
        }
        const body = element("tbody", {}, table);
        const shown = this.all ? this.rows : this.rows.slice(0, mostRows);
        shown.forEach((row) => this.drawRow(row, body));
        const {scrollLeft} = this.scroll;
        this.scroll.replaceChildren(table);
        this.scroll.scrollLeft = scrollLeft;
        this.more.hidden = shown.length === this.rows.length;
        this.more.textContent = `Show all ${this.rows.length} rows`;
    }

    drawRow(row, body) {
        const line = element("tr", {}, body);
        this.columns.forEach((column, i) => {
            const text = column.text(row);
            const cell = element(
                i === 0 ? "th" : "td", {
                    class: column.right ? "number" : null,
                    scope: i === 0 ? "row" : null,
                },
                line);
            if (column.sample && this.variantOf(row)) {
                report.sample(this.variantOf(row), cell);
            }
            const broken = column.title === "status" && text !== "finished";
            cell.append(broken ? element("em", {text}) : text);
        });
    }

    // Separated by tabs, as spreadsheets take it: plain numbers, all rows.
    asText() {
        const plain = (text) => text.replace(/[\u2009\t\n]/g, "").replaceAll("\u2212", "-");
        const lines = [this.columns.map((column) => column.head)];
        this.rows.forEach(
            (row) => lines.push(this.columns.map((column) => plain(column.text(row)))));
        return lines.map((line) => line.join("\t")).join("\n") + "\n";
    }
}

report.section({
    id: "table",
    title: "All numbers",
    about: (data) =>
        (data.runs.length > data.variants.length
             ? "Means over the seeds that finished, with bootstrap intervals over two or more. "
             : "") +
        (data.runs.length > 1 ? "A click on a heading sorts." : ""),
    draw(box, data) {
        report.table = new Table(box, data);
    },
});
