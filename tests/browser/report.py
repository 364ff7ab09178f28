#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""tests/browser/report.py PROGRAM [TEST...] -- the report as a person meets it, in Chromium.

The stores are made by the program, the pages opened from file://, the numbers compared with those of
`slowmo export`. What a page may not do at all -- a word on the console, a request -- is looked at
after every test. Names of classes and ids are those of analysis/report.
"""
import base64
import collections
import json
import re
import statistics
import sys
import tempfile
import unittest

import browser
import stores

NARROW, MIDDLE, WIDE = 390, 700, 1280
ALL = ("sweep", "timing", "single", "evil", "broken", "huge")
IN_THE_MIDDLE = ("sweep", "evil")  # at each width at least the fullest and the worst

# The sections of each report, in their order.
SECTIONS = {
    "sweep": ["overview", "curves", "iteration", "tradeoff", "sweeps", "timeline", "platform",
              "table", "reproduction"],
    "timing": ["overview", "iteration", "sweeps", "timeline", "platform", "table", "reproduction"],
    "single": ["overview", "curves", "iteration", "timeline", "platform", "table", "reproduction"],
    "evil": ["overview", "curves", "iteration", "tradeoff", "sweeps", "timeline", "platform",
             "table", "reproduction"],
    "broken": ["overview", "curves", "iteration", "timeline", "platform", "table",
               "reproduction"],
    "huge": ["overview", "curves", "iteration", "tradeoff", "sweeps", "platform", "table",
             "reproduction"],
}

# What is counted or named, and has no unit.
UNITLESS = re.compile(r"^(step|steps|tau|worker|seed|test BLEU|test perplexity)\b")

# Every visible text of every figure, or of those in one section: [{text, left, top, right, bottom, size, figure, ...}].
TEXTS = """
const seen = [];
const range = document.createRange();
const add = (node, figure, size) => {
    range.selectNodeContents(node); // the box of an element may be larger than its text
    const box = node.closest("svg") ? node.getBoundingClientRect() : range.getBoundingClientRect();
    const frame = figure.getBoundingClientRect();
    const style = getComputedStyle(node);
    if (box.width > 0 && style.visibility !== "hidden" && Number(style.opacity) > 0.05 &&
        node.textContent.trim() !== "") {
        seen.push({
            text: node.textContent, size, section: figure.closest("section").id,
            figure: figures.indexOf(figure), left: box.left, top: box.top, right: box.right,
            bottom: box.bottom,
            cut: Math.max(frame.left - box.left, frame.top - box.top, box.right - frame.right,
                          box.bottom - frame.bottom),
        });
    }
};
const of = arguments.length > 0 ? document.getElementById(arguments[0]) : document;
const figures = [...of.querySelectorAll("svg, .curves-plot")].filter(
    (figure) => figure.closest("section"));
for (const figure of figures) {
    for (const node of figure.querySelectorAll("text")) {
        const matrix = node.getScreenCTM();
        add(node, figure, parseFloat(getComputedStyle(node).fontSize) *
                          Math.hypot(matrix.a, matrix.b));
    }
    for (const node of figure.querySelectorAll(
            ".dygraph-axis-label, .dygraph-xlabel, .dygraph-ylabel")) {
        add(node, figure, parseFloat(getComputedStyle(node).fontSize));
    }
}
return seen;
"""

# What is wider than the window, though nothing lets it scroll.
STICKS_OUT = """
const out = [];
for (const node of document.querySelectorAll("main *")) {
    const box = node.getBoundingClientRect();
    if (box.width > 0 && box.right > innerWidth + 0.5) {
        let parent = (node.closest("svg") || node).parentElement;
        while (parent && !/auto|scroll|hidden|clip/.test(getComputedStyle(parent).overflowX)) {
            parent = parent.parentElement;
        }
        if (!parent || parent.getBoundingClientRect().right > innerWidth + 0.5) {
            out.push(`${node.tagName}.${node.className.baseVal ?? node.className} `
                     + Math.round(box.right));
        }
    }
}
return out;
"""

# Text below 12 px, but for figures.
SMALL = """
const small = new Set();
const walk = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
    const node = walk.currentNode.parentElement;
    if (!node.closest("svg, details:not([open])") && walk.currentNode.data.trim() !== "" &&
        parseFloat(getComputedStyle(node).fontSize) < 12) {
        small.add(`${node.tagName}.${node.className}: ${walk.currentNode.data.slice(0, 40)}`);
    }
}
return [...small];
"""

CHARTS = """
return [...document.querySelectorAll("svg.chart, .curves-plot")].map((chart) => ({
    section: chart.closest("section").id,
    ticks: chart.querySelectorAll(".tick, .dygraph-axis-label").length,
    titles: [...chart.querySelectorAll(".axis-title, .dygraph-xlabel, .dygraph-ylabel")].map(
        (title) => title.textContent),
}));
"""

SECTIONS_SEEN = """
return [...document.querySelectorAll("main section")].map(
    (section) => [section.id, section.getBoundingClientRect().height]);
"""


def overlaps(texts):
    """Pairs of texts of one figure that cover each other, by more than a hair."""
    found = []
    for i, a in enumerate(texts):
        for b in texts[i + 1:]:
            if a["figure"] == b["figure"]:
                wide = min(a["right"], b["right"]) - max(a["left"], b["left"])
                high = min(a["bottom"], b["bottom"]) - max(a["top"], b["top"])
                # a line's box is higher than its letters
                if wide > 1.5 and high > 0.3 * min(a["size"], b["size"]):
                    found.append(f"{a['section']}: '{a['text']}' and '{b['text']}'")
    return found


def number(text):
    """The number that a text begins with; None for a text."""
    plain = text.replace("\u2009", "").replace("\u2212", "-")
    found = re.match(r"-?\d+(\.\d+)?(e-?\d+)?", plain)
    return float(found[0]) if found else None


def seconds_in(text):
    """The first time in a text: "compute 282.4 ms, 71 %"."""
    value, unit = re.search(r"([\d.e\u2009\u2212-]+)\u00a0(d|h|min|s|ms|µs|ns)\b", text).groups()
    return number(value) * {"d": 86400, "h": 3600, "min": 60, "s": 1, "ms": 1e-3, "µs": 1e-6,
                            "ns": 1e-9}[unit]


class Report(unittest.TestCase):
    """A page is opened by open(); what it says in secret is looked at in the end."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="slowmo-report-")
        cls.addClassCleanup(folder.cleanup)
        cls.stores = stores.Stores(PROGRAM, folder.name)
        cls.pages = {}
        cls.browser = browser.Browser()
        cls.addClassCleanup(cls.browser.close)

    def page(self, name):
        if name not in self.pages:
            getattr(self.stores, f"make_{name}")()
            self.pages[name] = self.stores.report(name)
        return self.pages[name]

    def open(self, name, width=WIDE):
        path = self.page(name)
        self.at = "file://" + path
        return self.browser.open(path, width)

    def js(self, script, *arguments):
        return self.browser.js(script, *arguments)

    def check_silent(self):
        console, addresses = self.browser.logs()
        self.assertEqual(console, [])
        self.assertEqual([a for a in addresses if a != self.at and not a.startswith("data:")], [])

    def setUp(self):
        self.at = None

    def tearDown(self):
        if self.at is not None:
            self.check_silent()

    # ---- every page, looked at once ----

    facts = {}

    def look_at(self, name, width):
        """What there is to see of a page before anybody touches it."""
        if (name, width) not in self.facts:
            seconds = self.open(name, width)
            console, addresses = self.browser.logs()
            self.facts[name, width] = {
                "seconds": seconds, "console": console,
                "addresses": [a for a in addresses if a != self.at and not a.startswith("data:")],
                "sections": self.js(SECTIONS_SEEN), "texts": self.js(TEXTS),
                "charts": self.js(CHARTS), "sticks out": self.js(STICKS_OUT),
                "small": self.js(SMALL),
                "failed": self.js("return [...document.querySelectorAll('.failed')].map("
                                  "(node) => node.textContent)"),
                "cells": self.cells(), "page": self.js("return document.body.innerText"),
                "titles": self.js("return [document.title, document.querySelector('h1').textContent]"),
                "runs": self.js("return report.data.runs.length"),
                "width": self.js("return document.scrollingElement.scrollWidth"),
            }
        return self.facts[name, width]

    def each(self, check, widths=(NARROW, MIDDLE, WIDE)):
        for width in widths:
            for name in IN_THE_MIDDLE if width == MIDDLE else ALL:
                with self.subTest(store=name, width=width):
                    check(name, width, self.look_at(name, width))

    def test_a_page_says_nothing_to_the_console_and_asks_for_nothing(self):
        def check(_name, _width, facts):
            self.assertEqual(facts["console"], [])
            self.assertEqual(facts["addresses"], [])
        self.each(check)

    def test_every_section_that_has_something_to_show_is_there(self):
        def check(name, _width, facts):
            self.assertEqual([section for section, _ in facts["sections"]], SECTIONS[name])
            self.assertEqual(facts["failed"], [])
            self.assertEqual([section for section in facts["sections"] if section[1] < 40], [])
        self.each(check)

    def test_nothing_is_wider_than_the_window(self):
        def check(_name, width, facts):
            self.assertLessEqual(facts["width"], width)
            self.assertEqual(facts["sticks out"], [])
        self.each(check)

    def test_labels_keep_off_each_other(self):
        def check(_name, _width, facts):
            self.assertGreater(len(facts["texts"]), 3)
            self.assertEqual(overlaps(facts["texts"]), [])
        self.each(check)

    def test_labels_are_not_cut_by_their_figure(self):
        def check(_name, _width, facts):
            self.assertEqual([f"{t['section']}: '{t['text']}' by {t['cut']:.1f} px"
                              for t in facts["texts"] if t["cut"] > 1.5], [])
        self.each(check)

    def test_no_text_is_too_small_for_a_phone(self):
        def check(_name, _width, facts):
            self.assertEqual([t for t in facts["texts"] if t["size"] < 11.9], [])
            self.assertEqual(facts["small"], [])
        self.each(check, [NARROW])

    def test_axes_have_titles_with_units(self):
        def check(_name, _width, facts):
            self.assertGreater(len(facts["charts"]), 0)
            for chart in facts["charts"]:
                if chart["ticks"] > 0:
                    self.assertGreater(len(chart["titles"]), 0, chart)
                for title in chart["titles"]:
                    if not UNITLESS.match(title):
                        self.assertRegex(title, r"\(.+\)$", chart)
        self.each(check)

    def test_a_huge_report_opens_in_no_time(self):
        self.assertLess(self.look_at("huge", WIDE)["seconds"], 5)
        self.assertEqual(self.look_at("huge", WIDE)["runs"], 500)

    def box(self, selector):
        """[left, top, width, height] of an element that is then on the screen."""
        return self.js("const node = document.querySelector(arguments[0]);"
                       "node.scrollIntoView({block: 'center'});"
                       "const box = node.getBoundingClientRect();"
                       "return [box.left, box.top, box.width, box.height];", selector)

    def click(self, selector):
        left, top, width, height = self.box(selector)
        x, y = left + width / 2, top + height / 2
        self.browser.mouse("mouseMoved", x, y)
        for kind in ("mousePressed", "mouseReleased"):
            self.browser.mouse(kind, x, y, button="left", clickCount=1)
        self.browser.settle()

    def click_found(self, script, *arguments):
        """Clicks the element that a script returns."""
        self.js("const A = arguments;"
                "document.querySelectorAll('.to-click').forEach((node) => "
                "node.classList.remove('to-click'));"
                f"(() => {{ {script} }})().classList.add('to-click');", *arguments)
        self.click(".to-click")

    def pick(self, legend, text):
        """Clicks that part of that switch."""
        self.click_found("""
            const box = [...document.querySelectorAll('.pick')].find(
                (pick) => pick.querySelector('legend').textContent === A[0] && !pick.hidden);
            return [...box.querySelectorAll('label')].find(
                (label) => label.textContent === A[1]);""", legend, text)

    def press(self, text):
        """Clicks the button that says so."""
        self.click_found("return [...document.querySelectorAll('.button')].find("
                         "(button) => button.textContent === A[0]);", text)

    def test_names_are_shown_as_they_were_written(self):
        _, rows = self.look_at("evil", WIDE)["cells"]
        names = [row[0] for row in rows]
        self.assertEqual(sorted(names), sorted({row["name"] for row in self.stores.rows("evil")}))
        self.assertIn("</script><script>alert(1)</script><!-- ]]>", names)
        self.assertEqual(self.look_at("evil", WIDE)["titles"], [stores.EVIL_TITLE] * 2)

    def test_runs_that_broke_off_say_so(self):
        page = self.look_at("broken", WIDE)["page"]
        for word in ("diverged", "stalled", "failed", "running", "link \"nic3\" <died>"):
            self.assertIn(word, page)

    # ---- curves ----

    def curve_point(self, share_x, share_y):
        """A place on the curves' plot, as shares of its area from the left and the top."""
        left, top, *_ = self.box(".curves-plot")
        area = self.js("return report.curves.graph.getArea()")
        return (left + area["x"] + share_x * area["w"], top + area["y"] + share_y * area["h"])

    def hover(self, x, share_y=0.5):
        """The mouse above a value of x; the texts that are then shown: [head, {name: value}]."""
        low, high = self.js("return report.curves.graph.xAxisRange()")
        self.browser.move(*self.curve_point((x - low) / (high - low), share_y))
        self.assertFalse(self.js("return document.querySelector('.curves-values').hidden"))
        head = self.js("return document.querySelector('.curves-values strong').textContent")
        rows = self.js("return [...document.querySelectorAll('.curves-list > div')].map((row) => "
                       "[row.querySelector('span').textContent, row.querySelector('b').textContent])")
        return head, rows

    def test_a_hover_on_the_curves_says_what_was_exported(self):
        self.open("sweep")
        self.press("Show all")
        self.pick("Against", "Steps")
        head, rows = self.hover(30)
        self.assertEqual(head, "step 30")
        exported = collections.defaultdict(list)
        for row in self.stores.rows("sweep"):
            if row["step"] == "30":
                name = re.sub(r" seed=\d+", "", row["name"])
                exported[name].append(100 * float(row["test_accuracy"]))
        self.assertEqual(len(exported), 18)
        self.assertEqual(sorted(name for name, _ in rows), sorted(exported))
        for name, value in rows:
            self.assertAlmostEqual(number(value), statistics.mean(exported[name]), delta=0.006)
            self.assertTrue(value.endswith(" %"), value)
        values = [number(value) for _, value in rows]
        self.assertEqual(values, sorted(values, reverse=True))

    def test_a_hover_over_time_names_the_moment_of_an_evaluation(self):
        self.open("single")
        row = next(row for row in self.stores.rows("single") if row["step"] == "45")
        head, rows = self.hover(float(row["sim_seconds"]))
        self.assertAlmostEqual(number(head), float(row["sim_seconds"]), delta=0.006)
        self.assertTrue(head.endswith(" s"), head)
        self.assertAlmostEqual(number(rows[0][1]), 100 * float(row["test_accuracy"]), delta=0.006)
        self.browser.move(5, 5)
        self.assertTrue(self.js("return document.querySelector('.curves-values').hidden"))

    def test_a_drag_zooms_and_a_double_click_resets(self):
        self.open("sweep")
        whole = self.js("return report.curves.graph.xAxisRange()")
        start, end = self.curve_point(0.25, 0.5), self.curve_point(0.5, 0.5)
        self.browser.drag(*start, *end)
        self.browser.wait("return report.curves.graph.isZoomed()", "the zoom")
        span = whole[1] - whole[0]
        low, high = self.js("return report.curves.graph.xAxisRange()")
        self.assertAlmostEqual(low, whole[0] + 0.25 * span, delta=0.01 * span)
        self.assertAlmostEqual(high, whole[0] + 0.5 * span, delta=0.01 * span)
        self.browser.double_click(*self.curve_point(0.5, 0.5))
        self.browser.wait("return !report.curves.graph.isZoomed()", "the reset")
        self.assertEqual(self.js("return report.curves.graph.xAxisRange()"), whole)

    def test_a_close_look_has_room_for_its_digits(self):
        self.open("single", NARROW)
        self.js("report.curves.graph.updateOptions({valueRange: [74.1231, 74.1239]})")
        texts = self.js(TEXTS, "curves")
        self.assertIn("74.1234", [text["text"] for text in texts])
        self.assertEqual(overlaps(texts), [])

    def test_the_switch_changes_the_axis_and_its_range(self):
        self.open("sweep")
        label = "return document.querySelector('.dygraph-xlabel').textContent"
        rows = self.stores.rows("sweep")
        self.assertEqual(self.js(label), "simulated time (s)")
        _, high = self.js("return report.curves.graph.xAxisRange()")
        longest = max(float(row["sim_seconds"]) for row in rows)
        self.assertTrue(longest <= high < 1.05 * longest)
        self.pick("Against", "Steps")
        self.assertEqual(self.js(label), "step")
        _, high = self.js("return report.curves.graph.xAxisRange()")
        self.assertTrue(60 <= high < 63)
        self.pick("What is drawn", "Test loss")
        self.assertEqual(self.js("return document.querySelector('.dygraph-ylabel').textContent"),
                         "test loss (nats)")

    def test_a_click_on_a_name_hides_its_curve(self):
        self.open("sweep")
        count = "return report.curves.graph.numColumns() - 1"
        self.press("Show all")
        self.assertEqual(self.js(count), 18)
        self.click(".chip:nth-child(2)")
        self.assertEqual(self.js(count), 17)
        self.assertEqual(self.js("return document.querySelector('.chip:nth-child(2)')"
                                 ".getAttribute('aria-pressed')"), "false")
        self.click(".chip:nth-child(2)")
        self.assertEqual(self.js(count), 18)
        self.press("None")
        self.assertEqual(self.js("return report.curves.lines.length"), 0)

    def test_a_finger_reads_the_curves_too(self):
        self.open("single", NARROW)
        self.browser.tap(*self.curve_point(0.5, 0.5))
        self.browser.wait("return !document.querySelector('.curves-values').hidden", "the values")

    # ---- the other figures ----

    def hint(self):
        """The lines of the hint that is shown."""
        return self.js("const hint = document.querySelector('.hint');"
                       "return hint && !hint.hidden ? [...hint.children].map("
                       "(line) => line.textContent) : [];")

    def points_on(self, selector):
        """The middle of each such element, once all are on the screen as far as they fit."""
        self.box(selector)
        return self.js("return [...document.querySelectorAll(arguments[0])].map((node) => {"
                       "const box = node.getBoundingClientRect();"
                       "return [box.left + box.width / 2, box.top + box.height / 2];});", selector)

    def test_a_hover_on_a_bar_says_what_was_exported(self):
        self.open("timing")
        exported = {row["name"]: row for row in self.stores.rows("timing", "runs")}
        seen = {}
        for x, y in self.points_on("#iteration .bar"):
            self.browser.move(x, y)
            name, total, *parts = self.hint()
            self.assertTrue(total.endswith(" an iteration"), total)
            seen[name] = seconds_in(total)
            # means over workers, the total is the last one's: apart where workers do not wait
            self.assertTrue(0.95 < sum(map(seconds_in, parts)) / seen[name] < 1.003, parts)
        self.assertEqual(sorted(seen), sorted(exported))
        for name, seconds in seen.items():
            self.assertAlmostEqual(seconds, float(exported[name]["sim.seconds_per_step"]),
                                   delta=6e-5)

    def test_arrow_keys_read_every_point_of_the_trade_off(self):
        self.open("sweep")
        self.js("document.querySelector('#tradeoff svg.chart').focus()")
        exported = collections.defaultdict(list)
        for row in self.stores.rows("sweep", "runs"):
            exported[re.sub(r" seed=\d+", "", row["name"])].append(row)
        seen = {}
        for _ in exported:
            self.browser.key("ArrowRight")
            name, *lines = self.hint()
            lines = [line for line in lines if not re.match("also |and ", line)]
            seen[name] = [number(re.sub(r"^\D*", "", lines[0])), seconds_in(lines[1])]
        for name, (accuracy, seconds) in seen.items():
            runs = exported[name]
            self.assertAlmostEqual(
                accuracy, statistics.mean(100 * float(run["final.test_accuracy"]) for run in runs),
                delta=0.006)
            mean = statistics.mean(float(run["sim.seconds"]) for run in runs)
            self.assertAlmostEqual(seconds, mean, delta=1e-3 * mean)
        self.assertGreater(len(seen), 10)  # points that lie on each other are one
        self.browser.key("Escape")
        self.assertEqual(self.hint(), [])

    def test_a_hover_on_the_timeline_says_what_was_traced(self):
        self.open("single")
        events = json.loads(self.stores.call("export", "single.db", "--format", "trace"))
        spans = collections.defaultdict(list)
        for event in events["traceEvents"]:
            if event["ph"] == "X":
                spans[event["name"], event["pid"]].append(event)
        names = {"forward pass": "forward", "backward pass": "backward", "input pipeline": "load"}
        found = collections.Counter()
        for x, y in self.points_on("#timeline rect[data-span]")[:40]:
            self.browser.move(x, y)
            lines = self.hint()
            if len(lines) > 3 and lines[0] in names:
                worker = int(re.match(r"worker (\d+), ", lines[1])[1])
                start = seconds_in(lines[-1])
                event = min(spans[names[lines[0]], worker],
                            key=lambda event: abs(event["ts"] / 1e6 - start))
                self.assertAlmostEqual(event["ts"] / 1e6, start, delta=1e-4)
                self.assertAlmostEqual(seconds_in(lines[1]), event["dur"] / 1e6, delta=6e-5)
                self.assertTrue(lines[2].startswith(f"step {event['args']['step']},"), lines)
                found[lines[0]] += 1
        self.assertEqual(sorted(found), sorted(names))

    def test_the_platform_names_its_links(self):
        self.open("timing")
        text = self.js("return document.querySelector('#platform').innerText").replace("\u00a0", " ")
        self.assertIn("10 Gbit/s", text)
        for x, y in self.points_on("#platform [tabindex='0']:not(.scroll)")[:12]:
            self.browser.move(x, y)
            self.assertGreater(len(self.hint()), 0)

    def test_hints_stay_on_a_narrow_screen(self):
        self.open("evil", NARROW)
        for x, y in self.points_on("#iteration .bar"):
            self.browser.tap(x, y)
            self.assertGreater(len(self.hint()), 2)
            left, right, width = self.js(
                "const box = document.querySelector('.hint').getBoundingClientRect();"
                "return [box.left, box.right, innerWidth];")
            self.assertGreaterEqual(left, 0)
            self.assertLessEqual(right, width)

    def test_whatever_is_switched_stays_legible(self):
        for width in (NARROW, WIDE):
            self.open("sweep", width)
            count = self.js("return document.querySelectorAll('.pick label, select option').length")
            self.assertGreater(count, 10)
            for i in range(count):
                part, section, page, texts = self.browser.driver.execute_async_script("""
                    const parts = document.querySelectorAll(".pick label, select option");
                    const part = parts[Math.min(arguments[0], parts.length - 1)];
                    const section = part.closest("section").id, done = arguments[1];
                    if (part.tagName === "OPTION") {
                        part.selected = true;
                        part.parentElement.dispatchEvent(new Event("change", {bubbles: true}));
                    } else if (part.checkVisibility()) {
                        part.click();
                    }
                    const look = function () { %s };
                    requestAnimationFrame(() => requestAnimationFrame(() => done([
                        part.textContent, section, document.scrollingElement.scrollWidth,
                        look(section)])));""" % TEXTS, i)
                with self.subTest(width=width, section=section, part=part):
                    self.assertEqual(overlaps(texts), [])
                    self.assertEqual([t["text"] for t in texts if t["cut"] > 1.5], [])
                    self.assertLessEqual(page, width)

    def test_what_an_older_store_lacks_is_left_out(self):
        self.open("older")
        self.assertEqual([section for section, _ in self.js(SECTIONS_SEEN)],
                         ["overview", "curves", "iteration", "table", "reproduction"])

    # ---- table ----

    def cells(self):
        """[heads, rows] of the table, as texts."""
        return self.js("""
            const texts = (row) => [...row.children].map((cell) => cell.textContent);
            return [texts(document.querySelector('#table thead tr')),
                    [...document.querySelectorAll('#table tbody tr')].map(texts)];""")

    def check_sorting(self):
        """Clicks every heading twice; the heads."""
        heads, _ = self.cells()
        sorts = self.js("""
            const table = document.querySelector("#table .scroll"), found = [];
            const rows = () => [...table.querySelectorAll("tbody tr")];
            const all = () => rows().map((row) => row.textContent).sort().join("\\n");
            const before = all();
            for (let i = 0; i < table.querySelectorAll("thead th").length; i++) {
                for (let time = 0; time < 2; time++) {
                    table.querySelectorAll("thead button")[i].click();
                    const head = table.querySelectorAll("thead th")[i];
                    found.push({
                        column: i, order: head.getAttribute("aria-sort"), complete: all() === before,
                        numbers: head.classList.contains("number"),
                        texts: rows().map((row) => row.children[i].textContent),
                    });
                }
            }
            return found;""")
        self.assertEqual([s["order"] for s in sorts], ["ascending", "descending"] * len(heads))
        for sort in sorts:
            head, texts = heads[sort["column"]], sort["texts"]
            self.assertTrue(sort["complete"], head)
            there = [text for text in texts if text != ""]
            self.assertEqual(texts, there + [""] * (len(texts) - len(there)), head)
            numbers = [number(text) for text in there]
            if sort["numbers"] and not self.has_units(there):
                self.assertNotIn(None, numbers, head)
                self.assertEqual(numbers, sorted(numbers, reverse=sort["order"] != "ascending"), head)
        return heads

    @staticmethod
    def has_units(texts):
        """Settings stand as they were written: 500Mbps is less than 1Gbps."""
        return any(re.search(r"\d[A-Za-z]", text) for text in texts)

    def test_every_column_of_the_table_sorts(self):
        self.open("sweep")
        heads = self.check_sorting()
        self.assertIn("tau", heads)
        self.assertIn("accuracy (%)", heads)
        self.pick("Rows", "Single runs")
        self.press("Show all 54 rows")
        self.assertEqual(len(self.cells()[1]), 54)
        self.check_sorting()

    def test_what_is_missing_is_sorted_to_the_end(self):
        self.open("broken")
        self.check_sorting()

    def test_bandwidths_are_sorted_by_size(self):
        self.open("sweep")
        heads, _ = self.cells()
        column = next(i for i, head in enumerate(heads) if "bandwidth" in head or "*" in head)
        self.click(f"#table thead th:nth-child({column + 1}) button")
        texts = [row[column] for row in self.cells()[1]]
        self.assertEqual(list(dict.fromkeys(texts)), ["500Mbps", "10Gbps", "100Gbps"])

    def test_the_table_holds_what_was_exported(self):
        heads, rows = self.look_at("sweep", WIDE)["cells"]
        exported = collections.defaultdict(list)
        for row in self.stores.rows("sweep", "runs"):
            exported[re.sub(r" seed=\d+", "", row["name"])].append(row)
        self.assertEqual(len(rows), len(exported))
        for row in rows:
            of = dict(zip(heads, row))
            runs = exported[of["variant"]]
            for title, column in (("accuracy", "final.test_accuracy"),
                                  ("simulated time", "sim.seconds"),
                                  ("iteration", "sim.seconds_per_step")):
                head = next(head for head in heads if head.startswith(f"{title} ("))
                unit = {"%": 0.01, "s": 1, "ms": 1e-3}[head.split("(")[1][:-1]]
                mean = statistics.mean(float(run[column]) for run in runs)
                self.assertAlmostEqual(number(of[head]) * unit, mean, delta=6e-4 * mean, msg=head)
            self.assertEqual(of["seeds"], "3")

    def test_a_copied_table_is_text_between_tabs(self):
        self.open("sweep")
        self.js("navigator.clipboard.writeText = (text) => { window.copied = text; "
                "return Promise.resolve(); };")
        self.click("#table .controls > .button")
        self.browser.wait("return window.copied !== undefined", "the copy")
        lines = self.js("return window.copied").rstrip("\n").split("\n")
        heads, rows = self.cells()
        plain = [[text.replace("\u2009", "").replace("\u2212", "-") for text in row]
                 for row in [heads] + rows]
        self.assertEqual([line.split("\t") for line in lines], plain)

    def test_a_copy_reaches_the_clipboard(self):
        self.open("single")
        self.browser.driver.execute_cdp_cmd(
            "Browser.grantPermissions", {"permissions": ["clipboardReadWrite",
                                                         "clipboardSanitizedWrite"]})
        self.click("#table .controls > .button")
        self.browser.wait("return [...document.querySelectorAll('#table .button')]"
                          ".some((b) => b.textContent === 'Copied')", "the button to say so")
        text = self.browser.driver.execute_async_script(
            "navigator.clipboard.readText().then(arguments[0], (e) => arguments[0](String(e)));")
        self.assertEqual(text.split("\t")[0], "variant")

    # ---- paper ----

    def test_paper_gets_all_sections_and_no_controls(self):
        self.open("sweep")
        heads = self.js("return [...document.querySelectorAll('h1, h2')]"
                        ".map((head) => head.textContent)")
        pdf = base64.b64decode(self.browser.driver.execute_cdp_cmd("Page.printToPDF", {
            "printBackground": True, "paperWidth": 8.27, "paperHeight": 11.69,
            "generateTaggedPDF": True, "generateDocumentOutline": True})["data"])
        self.assertGreater(len(re.findall(rb"/Type\s*/Page\b", pdf)), 1)
        outline = [bytes(title) for title in re.findall(rb"/Title \(((?:[^\\()]|\\.)*)\)", pdf)]
        for head in heads:
            self.assertTrue(any(head.encode() in title for title in outline), (head, outline))
        self.browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        try:
            self.assertEqual(self.js(
                "return [...document.querySelectorAll('.controls, .pick, .button, input')]"
                ".filter((node) => node.checkVisibility()).length"), 0)
            self.assertEqual(self.js(
                "return [...document.querySelectorAll('main section')]"
                ".filter((node) => node.getBoundingClientRect().height < 40).length"), 0)
        finally:
            self.browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__.split("\n", maxsplit=1)[0])
    browser.require()
    PROGRAM = sys.argv.pop(1)
    unittest.main(argv=[sys.argv[0]] + [f"Report.{test}" for test in sys.argv[1:]], verbosity=2)
