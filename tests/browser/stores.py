# SPDX-License-Identifier: GPL-3.0-or-later
"""tests/browser/stores.py -- the stores whose reports are looked at, made by the program itself.

Where a run cannot be brought to fail in no time, or 500 of them would take too long, its row is
written here.
"""
import os
import re
import sqlite3
import subprocess

SWEEP = """
name: sweep
steps: 60
evaluate: {every: 5}
platform: {file: star_4}
workload: {model: softmax, batch: 8, dataset: {name: synthetic, train: 400, test: 200}}
algorithm: {inner: {name: sgd, lr: 0.05}, strategy: local}
"""

TIMING = """
name: timing
steps: 96
platform: {file: dgx1_8_10gbe}
timing: {profile: resnet50_v100x8, straggler: {distribution: lognormal, cv: 0.1}}
compare:
- {name: allreduce}
- {name: local, algorithm: {strategy: local, outer: average, tau: 12}}
- {name: local-slowmo, algorithm: {strategy: local, outer: slowmo, tau: 12}}
- {name: sgp, algorithm: {strategy: sgp}}
- {name: osgp-slowmo, algorithm: {strategy: osgp, outer: slowmo, tau: 48}}
- {name: adpsgd, algorithm: {strategy: adpsgd}}
sweep: {platform.bandwidth."*_eth": [10Gbps, 25Gbps]}
"""

# Names that could end a script, a string or an attribute, or need more room than there is.
EVIL = [
    "it's \\\"quoted\\\" & <b>bold</b>",
    "</script><script>alert(1)</script><!-- ]]>",
    "Größe ß µ 日本語 -- naïve ✓",
    "a name of eighty characters that nobody would ever write but that somebody will0",
    "averylongwordwithoutanyspacetobreakthelineatsothatonlycuttingorwrappinghelps0123",
    "${1+1} {{x}} %s %n \\\\ \\t",
]

EVIL_TITLE = "<script>alert(1)<b> & 'Größe\""


class Stores:
    """Makes stores and reports in `folder` with `program`."""

    def __init__(self, program, folder):
        self.program = program
        self.folder = folder

    def path(self, name):
        return os.path.join(self.folder, name)

    def call(self, *arguments, status=(0,)):
        """What the program prints."""
        done = subprocess.run([self.program, *arguments], cwd=self.folder, capture_output=True,
                              text=True, check=False)
        if done.returncode not in status:
            raise RuntimeError(f"slowmo {' '.join(arguments)}: exit status {done.returncode}: "
                               f"{done.stderr}")
        return done.stdout

    def run(self, name, text, *options, status=(0,)):
        with open(self.path(f"{name}.yaml"), "w", encoding="utf-8") as file:
            file.write(text)
        self.call("sweep", f"{name}.yaml", "--quiet", "--store", f"{name}.db", *options,
                  status=status)

    def report(self, name):
        """Its page. The page's title is the store's name, so that of the evil one is evil too."""
        store = f"{EVIL_TITLE if name == 'evil' else name}.db"
        if not os.path.exists(self.path(store)):
            os.link(self.path(f"{name}.db"), self.path(store))
        self.call("report", store, "-o", f"{name}.html")
        return self.path(f"{name}.html")

    def rows(self, name, form="csv"):
        """The export, as a list of {column: text}."""
        import csv
        return list(csv.DictReader(self.call("export", f"{name}.db", "--format", form).splitlines()))

    # ---- one for each kind of report ----

    def make_sweep(self):
        """Two algorithms x tau x bandwidth x seeds, with accuracy."""
        self.run("sweep", SWEEP + "compare:\n"
                 "- {name: local}\n"
                 "- {name: slowmo, algorithm: {outer: slowmo}}\n"
                 "sweep:\n"
                 "  algorithm.tau: [5, 10, 20]\n"
                 "  platform.bandwidth.\"*\": [500Mbps, 10Gbps, 100Gbps]\n"
                 "  seed: [1, 2, 3]\n")

    def make_timing(self):
        """Six algorithms on two networks, without accuracy."""
        self.run("timing", TIMING, "--timing-only")

    def make_single(self):
        self.run("single", SWEEP)

    def make_evil(self):
        names = "".join(f"- {{name: \"{name}\", algorithm: {{tau: {tau}}}}}\n"
                        for tau, name in zip((2, 3, 4, 5, 6, 8), EVIL))
        self.run("evil", SWEEP + "compare:\n" + names)

    def make_broken(self):
        """Runs that diverged, stalled, failed and never ended beside one that finished."""
        self.run("broken", SWEEP + "compare:\n"
                 "- {name: sound}\n"
                 "- {name: diverges, workload: {model: mlp}, algorithm: {inner: {name: sgd, lr: 1e5}}}\n"
                 "- {name: stalls, algorithm: {tau: 6}}\n"
                 "- {name: fails, algorithm: {tau: 10}}\n"
                 "- {name: runs, algorithm: {tau: 12}}\n"
                 "sweep: {seed: [1, 2]}\n")
        with sqlite3.connect(self.path("broken.db")) as db:
            for name, status in (("stalls", "stalled"), ("fails", "failed"), ("runs", "running")):
                own = f"name LIKE '{name} %'"
                db.execute(f"UPDATE runs SET status = '{status}', error = 'link \"nic3\" <died>', "
                           "final_test_accuracy = NULL, final_test_loss = NULL, sim_seconds = NULL, "
                           f"sim_seconds_per_step = NULL WHERE {own}")
                for table in ("evaluations", "spans"):
                    db.execute(f"DELETE FROM {table} WHERE step > 30 AND run IN "
                               f"(SELECT run FROM runs WHERE {own})")
            db.execute("DELETE FROM evaluations WHERE run IN "
                       "(SELECT run FROM runs WHERE name LIKE 'runs %')")

    def make_older(self):
        """As schema 4 had it: neither steps nor the platform."""
        self.run("older", SWEEP)
        with sqlite3.connect(self.path("older.db")) as db:
            db.execute("DROP TABLE spans")
            db.execute("DROP TABLE platforms")
            db.execute("PRAGMA user_version = 4")

    def make_huge(self, variants=100, seeds=5):
        """A run of the sweep, 500 times, each with another tau and seed."""
        self.run("huge", SWEEP + "compare: [{name: many}]\n",
                 "--set", "steps=50", "--set", "evaluate.every=1")
        with sqlite3.connect(self.path("huge.db")) as db:
            db.row_factory = sqlite3.Row
            run = dict(db.execute("SELECT * FROM runs").fetchone())
            points = [dict(row) for row in db.execute("SELECT * FROM evaluations")]
            marks = ", ".join("?" * len(run))
            for table in ("spans", "evaluations", "runs"):
                db.execute(f"DELETE FROM {table}")
            for i in range(variants * seeds):
                tau, seed = 5 + i // seeds, 1 + i % seeds
                text = re.sub(r"(?m)^seed: .*", f"seed: {seed}", run["experiment"])
                text = re.sub(r"tau: \d+", f"tau: {tau}", text)
                copy = run | {"run": i + 1, "run_id": f"{i:016x}", "seed": seed, "experiment": text,
                              "name": f"many tau={tau}", "algorithm_tau": tau,
                              "final_test_accuracy": 0.5 + 0.4 * i / (variants * seeds)}
                db.execute(f"INSERT INTO runs VALUES ({marks})", tuple(copy.values()))
                for point in points:
                    point |= {"run": i + 1}
                    db.execute(f"INSERT INTO evaluations VALUES ({', '.join('?' * len(point))})",
                               tuple(point.values()))
