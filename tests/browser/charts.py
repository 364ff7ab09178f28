#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""tests/browser/charts.py PROGRAM [TEST...] -- the report's own charts: their arithmetic
(analysis/report/axes.js), and what they show against `slowmo analyse` and `slowmo export`.
"""
import collections
import json
import math
import random
import re
import sqlite3
import statistics
import sys
import tempfile
import unittest

import browser
import stores

AREA = {"left": 50, "top": 30, "right": 850, "bottom": 430}


def overlap(a, b):
    """Whether two boxes {x, y, width, height} cover each other."""
    return (a["x"] < b["x"] + b["width"] and b["x"] < a["x"] + a["width"] and
            a["y"] < b["y"] + b["height"] and b["y"] < a["y"] + a["height"])


class Charts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="slowmo-charts-")
        cls.addClassCleanup(folder.cleanup)
        cls.stores = stores.Stores(PROGRAM, folder.name)
        cls.stores.make_sweep()
        cls.page = cls.stores.report("sweep")
        cls.browser = browser.Browser()
        cls.addClassCleanup(cls.browser.close)
        cls.browser.open(cls.page)

    def tearDown(self):
        console, _ = self.browser.logs()
        self.assertEqual(console, [])

    def js(self, script, *arguments):
        return self.browser.js(script, *arguments)

    def pick(self, section, text):
        self.js("[...document.querySelectorAll(`#${arguments[0]} .pick label`)]"
                ".find((label) => label.textContent === arguments[1]).click()", section, text)
        self.browser.settle()

    def analysis(self, *options):
        return json.loads(self.stores.call("analyse", "sweep.db", "--json", *options))

    # ---- arithmetic ----

    def test_linear_ticks_are_round_and_within_the_span(self):
        for low, high in ((0, 1), (0.3, 0.7), (-5, 12), (0, 416.7), (78.2, 83.9), (1e-9, 7e-9)):
            ticks = self.js("return report.axes.linearTicks(...arguments)", low, high, 5)
            self.assertTrue(3 <= len(ticks) <= 9, ticks)
            self.assertTrue(all(low - 1e-9 <= tick <= high + 1e-9 for tick in ticks), ticks)
            step = ticks[1] - ticks[0]
            lead = step / 10 ** math.floor(math.log10(step) + 1e-9)
            self.assertIn(round(lead), (1, 2, 5))
            self.assertAlmostEqual(lead, round(lead), delta=1e-6)

    def test_logarithmic_ticks_are_few_and_at_powers_of_ten_or_between(self):
        for low, high in ((1, 100), (0.5, 2000), (1e-6, 1e6), (3, 40), (125e6, 12.5e9)):
            ticks = self.js("return report.axes.logTicks(...arguments)", low, high, 5)
            self.assertTrue(2 <= len(ticks) <= 6, ticks)
            self.assertEqual(ticks, sorted(ticks))
            for tick in ticks:
                self.assertTrue(low <= tick <= high)
                lead = tick / 10 ** math.floor(math.log10(tick) + 1e-9)
                self.assertTrue(any(abs(lead - value) < 1e-6 for value in (1, 2, 3, 5)), tick)
        short = self.js("return report.axes.logTicks(45, 150, 5)")
        self.assertGreater(len(short), 3)

    def test_a_scale_runs_from_0_to_1_in_one_unit(self):
        for values, unit, name, log in (([0.2, 0.4], "seconds", "ms", False),
                                        ([60, 40000], "seconds", "min", True),
                                        ([125e6, 3.125e9], "bytes/s", "Gbit/s", True),
                                        ([0.78, 0.84], "share", "%", False)):
            scale = self.js("const scale = report.axes.scaleOf(arguments[0], {unit: arguments[1]});"
                            "return {...scale, at: arguments[0].map(scale.at)};", values, unit)
            self.assertEqual((scale["unit"], scale["log"]), (name, log))
            self.assertTrue(0 <= scale["at"][0] < scale["at"][1] <= 1, scale)
            self.assertTrue(all(scale["low"] <= tick["value"] <= scale["high"] * (1 + 1e-9)
                                for tick in scale["ticks"]))

    def test_equal_and_missing_values_have_a_scale_too(self):
        for values in ([5, 5], [], [0], [None, 3]):
            at = self.js("const scale = report.axes.scaleOf(arguments[0]);"
                         "return [scale.low, scale.high, ...scale.ticks.map((t) => t.value)]", values)
            self.assertTrue(all(math.isfinite(value) for value in at), at)
            self.assertLess(at[0], at[1])

    def place(self, points, labels):
        return self.js("return report.axes.placeLabels(arguments[0], arguments[1], "
                       "{points: arguments[2]})", labels, AREA, points)

    def test_labels_never_cover_each_other_or_a_point(self):
        for seed in range(12):
            draw = random.Random(seed)
            count = (20, 60)[seed % 2]
            labels = [{"x": draw.uniform(60, 840), "y": draw.uniform(40, 420), "radius": 5,
                       "width": draw.uniform(40, 220), "height": 15} for _ in range(count)]
            labels += [dict(labels[0], width=90)]  # two points at one place
            points = [{"x": draw.uniform(60, 840), "y": draw.uniform(40, 420), "radius": 4}]
            boxes = self.place(points, labels)
            there = [box for box in boxes if box is not None]
            self.assertGreater(len(there), 17 if count == 20 else 30)
            for i, a in enumerate(there):
                self.assertTrue(AREA["left"] <= a["x"] and a["x"] + a["width"] <= AREA["right"])
                self.assertTrue(AREA["top"] <= a["y"] and a["y"] + a["height"] <= AREA["bottom"])
                self.assertFalse(any(overlap(a, b) for b in there[i + 1:]))
                for dot in labels + points:
                    self.assertFalse(overlap(a, {"x": dot["x"] - 3, "y": dot["y"] - 3, "width": 6,
                                                 "height": 6}))

    def test_a_label_without_room_is_left_out(self):
        wide = {"x": 400, "y": 200, "width": 2000, "height": 15}
        near = {"x": 400, "y": 200, "width": 30, "height": 15}
        self.assertIsNone(self.place([], [wide])[0])
        self.assertIsNotNone(self.place([], [near])[0])

    def test_lines_cross_where_their_logarithms_are_level(self):
        found = self.js("return report.axes.crossings([[1, 8], [4, 2], [16, 2]], "
                        "[[1, 2], [4, 8], [16, 1]])")
        self.assertEqual([tie["firstBelow"] for tie in found], [False, True])
        self.assertAlmostEqual(found[0]["x"], 2)
        self.assertAlmostEqual(found[0]["y"], 4)
        self.assertAlmostEqual(found[1]["x"], 4 ** (1 + 2 / 3))
        # they touch, or are level for a while, or a value is missing
        for first, second, count in (([[1, 2], [2, 1], [4, 2]], [[1, 1], [2, 1], [4, 1]], 0),
                                     ([[1, 2], [2, 1], [3, 1], [4, 0.5]],
                                      [[1, 1], [2, 1], [3, 1], [4, 1]], 1),
                                     ([[1, 2], [2, None], [3, 1]], [[1, 1], [2, 1], [3, 2]], 1),
                                     ([[0, 2], [1, 0]], [[0, 1], [1, 1]], 1),
                                     ([[1, 2]], [[1, 2]], 0)):
            self.assertEqual(len(self.js("return report.axes.crossings(...arguments)", first,
                                         second)), count, first)

    def test_the_height_between_two_points_is_linear_in_the_logarithms(self):
        height = "return report.axes.heightAt([[1, 1], [4, 16], [8, 16]], arguments[0])"
        self.assertAlmostEqual(self.js(height, 2), 4)
        self.assertAlmostEqual(self.js(height, 1), 1)
        self.assertAlmostEqual(self.js(height, 5), 16)
        self.assertIsNone(self.js(height, 9))
        self.assertIsNone(self.js(height, 0.5))

    def test_names_lose_what_they_share(self):
        self.assertEqual(self.js("return report.axes.distinct(['a tau=1 x', 'b tau=1 x', 'tau=1'])"),
                         ["a x", "b x", "tau=1"])

    def groups(self, variants, without):
        """[[name of a group, names of its variants]]; variants: (name, {key: number})."""
        return self.js("""
            const names = [...new Set(arguments[0].flatMap(([, own]) => Object.keys(own)))];
            const keys = names.map((key) => ({key, label: key, numeric: true, unit: ""}));
            const variants = arguments[0].map(([name, own]) => ({name, settings: Object.fromEntries(
                Object.entries(own).map(([key, value]) => [key, {text: String(value), value}]))}));
            const {groupsOf, partners} = report.groups;
            const key = keys.find((own) => own.key === arguments[1]);
            return groupsOf(variants, [key, ...partners(key, keys, variants)], keys).map(
                (group) => [group.name, group.variants.map((variant) => variant.name)]);""",
                       variants, without)

    def test_a_line_is_what_differs_in_one_setting(self):
        swept = [(f"{name} tau={tau} lr={lr}", {"tau": tau, "lr": lr, "outer": outer})
                 for outer, name in enumerate(("local", "slowmo")) for tau in (4, 12)
                 for lr in (0.1, 0.2)]
        names = [name for name, _ in swept]
        self.assertEqual(self.groups(swept, "tau"),
                         [[f"{name} lr={lr}", [own for own in names if own.startswith(name) and
                                               own.endswith(str(lr))]]
                          for name in ("local", "slowmo") for lr in (0.1, 0.2)])
        # settings that go together are one
        zipped = [(f"{name} tau={tau} lr={tau / 40}", {"tau": tau, "lr": tau / 40, "outer": outer})
                  for outer, name in enumerate(("local", "slowmo")) for tau in (4, 12)]
        self.assertEqual([name for name, _ in self.groups(zipped, "tau")], ["local", "slowmo"])
        # one that has no such setting stands alone; names alone tell no lines apart
        self.assertEqual(self.groups([("allreduce", {"outer": 0}), ("a", {"tau": 4, "outer": 0}),
                                      ("b", {"tau": 12, "outer": 0})], "tau"),
                         [["allreduce", ["allreduce"]], ["a/b", ["a", "b"]]])
        # unless they have all settings in common
        self.assertEqual(len(self.groups([("a", {"tau": 4}), ("b", {"tau": 4}), ("b", {"tau": 12})],
                                         "tau")), 2)

    # ---- what they show ----

    def exported(self, column):
        """{name of a variant: mean of a column}."""
        values = collections.defaultdict(list)
        for row in self.stores.rows("sweep", "runs"):
            values[re.sub(r" seed=\d+", "", row["name"])].append(float(row[column]))
        return {name: statistics.mean(of) for name, of in values.items()}

    def test_bars_are_as_long_as_an_iteration_takes(self):
        self.browser.open(self.page)
        bars = self.js("""
            return [...document.querySelectorAll("#iteration .bar")].map((bar) => ({
                name: bar.querySelector("text").textContent,
                total: Number(bar.querySelector(".total").textContent),
                length: bar.querySelector("rect:last-of-type").getBBox().x +
                    bar.querySelector("rect:last-of-type").getBBox().width -
                    bar.querySelector("rect").getBBox().x,
            }));""")
        seconds = self.exported("sim.seconds_per_step")
        self.assertEqual({bar["name"] for bar in bars}, set(seconds))
        scale = max(bar["total"] for bar in bars) / max(seconds.values())
        length = max(bar["length"] for bar in bars) / max(seconds.values())
        for bar in bars:
            self.assertAlmostEqual(bar["total"], scale * seconds[bar["name"]],
                                   delta=2e-3 * max(b["total"] for b in bars))
            self.assertAlmostEqual(bar["length"], length * seconds[bar["name"]], delta=1)

    def test_bars_are_sorted_by_time_when_asked(self):
        self.browser.open(self.page)
        totals = ("return [...document.querySelectorAll('#iteration .bar .total')]"
                  ".map((text) => Number(text.textContent))")
        before = self.js(totals)
        self.pick("iteration", "by time")
        self.assertEqual(self.js(totals), sorted(before))

    def test_the_front_is_that_of_the_analysis(self):
        self.browser.open(self.page)
        front = {row["name"] for row in self.analysis()["variants"] if row["pareto_front"]}
        shown = self.js("""
            const chart = document.querySelector("#tradeoff svg.chart"), names = new Set();
            chart.focus();
            for (let i = 0; i < 30; i++) {
                chart.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight"}));
                const lines = [...document.querySelector(".hint").children].map((l) => l.textContent);
                if (lines[lines.length - 1].endsWith("on the Pareto front")) {
                    names.add(lines[0]);
                }
            }
            return [...names];""")
        self.assertEqual(set(shown), front)

    def test_crossings_are_those_of_the_analysis(self):
        key = "platform.bandwidth.\"*\""
        found = 0
        for tie in self.js("return report.data.ties"):
            if tie["key"] != key or tie["measure"] != "seconds_to_target":
                continue
            names = [re.sub(r' "\*"=\S+', "", self.js(
                "return report.data.variants[arguments[0]].name", tie[side]))
                for side in ("first", "second")]
            other = self.analysis("--tie", ",".join(names), "--over", key, "--by",
                                  "seconds_to_target")["tie"]["ties"]
            mine = min(other, key=lambda t: abs(t["at"] - tie["at"]))
            for a, b in zip((tie["at"], tie["low"], tie["high"]), (mine["at"], *mine["interval"])):
                self.assertAlmostEqual(a / b, 1, delta=1e-4)
            found += 1
            if found == 3:
                break
        self.assertGreater(found, 0)

    def test_a_cell_of_the_heat_map_is_the_mean_of_its_variant(self):
        self.browser.open(self.page)
        self.pick("sweeps", "iteration")
        self.pick("sweeps", "heat map")
        cells = self.js("""
            const chart = document.querySelector("#sweeps svg.chart"), seen = [];
            chart.focus();
            for (let i = 0; i < 18; i++) {
                chart.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight"}));
                seen.push([...document.querySelector(".hint").children].map((l) => l.textContent));
            }
            return seen.map((lines, i) => [lines, chart.querySelectorAll(".cell text")[i].textContent]);
            """)
        unit = {"µs": 1e-6, "ms": 1e-3, "s": 1}
        seconds = sorted(self.exported("sim.seconds_per_step").values())
        told = []
        for lines, _ in cells:
            self.assertEqual(len(lines), 4)
            value, name = re.search(r"([\d.]+)\s(µs|ms|s)$", lines[3]).groups()
            told.append(float(value) * unit[name])
        for a, b in zip(sorted(told), seconds):
            self.assertAlmostEqual(a / b, 1, delta=1e-3)
        share = {told[i] / float(text) for i, (_, text) in enumerate(cells)}
        self.assertAlmostEqual(max(share) / min(share), 1, delta=0.01)

    def test_what_never_reached_the_target_is_shown_as_such(self):
        with sqlite3.connect(self.stores.path("sweep.db")) as db, \
                sqlite3.connect(self.stores.path("high.db")) as copy:
            db.backup(copy)
            copy.execute("UPDATE evaluations SET test_accuracy = 0.1 WHERE run IN "
                         "(SELECT run FROM runs WHERE algorithm_tau = 20)")
        best = {}
        for row in self.stores.rows("high"):
            best[row["name"]] = max(best.get(row["name"], 0), float(row["test_accuracy"]))
        least = collections.defaultdict(lambda: 1)
        for name, accuracy in best.items():
            variant = re.sub(r" seed=\d+", "", name)
            least[variant] = min(least[variant], accuracy)
        target = max(least.values()) # all seeds of few variants get there
        self.stores.call("report", "high.db", "--target", str(target), "-o", "high.html")
        self.browser.open(self.stores.path("high.html"))
        missing = self.js("return report.data.variants.filter((v) => v.target.reached < 3).length")
        self.assertTrue(0 < missing < 18, missing)
        text = "return document.querySelector(arguments[0]).textContent"
        goal = self.js("return report.quantity(arguments[0], 'share')", target)
        self.pick("tradeoff", f"to {goal}")
        self.assertIn(f"Not there, for not all their seeds reach {goal}", self.js(text, "#tradeoff"))
        hints = self.js("""
            const select = document.querySelector("#sweeps select"), seen = [];
            select.value = "0"; // all
            select.dispatchEvent(new Event("change"));
            const chart = document.querySelector("#sweeps svg.chart");
            chart.focus();
            for (let i = 0; i < 18; i++) {
                chart.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight"}));
                seen.push(document.querySelector(".hint").textContent);
            }
            return seen;""")
        late = [hint for hint in hints if re.search("not reached|[12] of 3 seeds that reach it", hint)]
        self.assertEqual(len(late), missing, hints)
        self.assertEqual(sum("not reached" in hint for hint in late), 6, hints)
        self.pick("sweeps", "heat map")
        self.assertIn("–", self.js("return [...document.querySelectorAll('#sweeps .cell text')]"
                                   ".map((cell) => cell.textContent)"))

    def test_a_finger_reads_a_bar(self):
        self.browser.open(self.page, 390)
        x, y = self.js("""
            const bar = document.querySelector("#iteration .bar rect");
            bar.scrollIntoView({block: "center"});
            const box = bar.getBoundingClientRect();
            return [box.left + 2, box.top + box.height / 2];""")
        self.browser.settle()
        for kind, points in (("touchStart", [{"x": x, "y": y}]), ("touchEnd", [])):
            self.browser.driver.execute_cdp_cmd("Input.dispatchTouchEvent",
                                                {"type": kind, "touchPoints": points})
        self.browser.wait("return document.querySelector('.hint')?.hidden === false", "the hint")
        self.assertIn("an iteration", self.js("return document.querySelector('.hint').textContent"))

    def test_paper_gets_charts_of_its_own_width(self):
        self.browser.open(self.page)
        width = "return document.querySelector('#sweeps svg.chart').viewBox.baseVal.width"
        before = self.js(width)
        self.js("window.dispatchEvent(new Event('beforeprint'))")
        self.assertTrue(600 < self.js(width) < 760, before) # px of an A4 page between its margins
        self.js("window.dispatchEvent(new Event('afterprint'))")
        self.assertEqual(self.js(width), before)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__.split("\n", maxsplit=1)[0])
    browser.require()
    PROGRAM = sys.argv.pop(1)
    unittest.main(argv=[sys.argv[0]] + [f"Charts.{test}" for test in sys.argv[1:]], verbosity=2)
