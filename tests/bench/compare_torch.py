#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""tests/bench/compare_torch.py -- our training steps and PyTorch's, in turn, on one thread.

    compare_torch.py BENCH_MODELS [--models a,b] [--batches 32,128] [--rounds 15] [--csv FILE]

BENCH_MODELS is the program bench_models. A step is the gradient of a batch that stands ready, and
plain SGD; PyTorch's is the usual eager one: zero_grad, forward, loss, backward, step. Rounds of a
fifth of a second follow each other - ours, then each of PyTorch's variants (contiguous and, for
images, channels-last; SGD with foreach and without) - and the ratio is the median over rounds,
against the variant that is fastest on the whole. CPU seconds count, so that other work on the
machine disturbs little.
"""
import argparse
import csv
import os
import statistics
import subprocess
import sys
import time

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "torch"))
import torch  # noqa: E402

import models  # noqa: E402

ROUND_SECONDS = 0.2
ROW_SECONDS = 25  # a row has fewer rounds where steps are slow, but three


class Ours:
    """bench_models --serve: steps on request."""

    def __init__(self, program, model, batch):
        self.process = subprocess.Popen(
            [program, "--serve", model, str(batch)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )

    def run(self, steps):
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Torch:
    """One of PyTorch's ways to take the same steps."""

    def __init__(self, model, batch, channels_last, foreach):
        self.name = model
        self.channels_last = channels_last
        self.module = models.TWINS[model]()
        self.module.train()
        self.batch = models.random_batch(model, batch)
        if channels_last:
            self.module.to(memory_format=torch.channels_last)
            inputs, labels = self.batch
            self.batch = inputs.contiguous(memory_format=torch.channels_last), labels
        self.optimizer = torch.optim.SGD(self.module.parameters(), lr=1e-3, foreach=foreach)

    def run(self, steps):
        start = time.process_time()
        for _ in range(steps):
            self.optimizer.zero_grad(set_to_none=True)
            models.loss_of(self.name, self.module, self.batch).backward()
            self.optimizer.step()
        return time.process_time() - start


def steps_of_a_round(runner):
    """As many as take about ROUND_SECONDS; warms up on the way."""
    steps = 1
    while (seconds := runner.run(steps)) < 0.3 * ROUND_SECONDS:
        steps *= 2
    return max(1, round(steps * ROUND_SECONDS / seconds))


def compare(program, model, batch, rounds):
    """(ours, contiguous, channels-last or None) samples a second, and the ratio."""
    layouts = [False, True] if model in models.IMAGES else [False]
    ours = Ours(program, model, batch)
    others = [Torch(model, batch, last, foreach) for last in layouts for foreach in (False, True)]
    runners = [ours] + others
    steps = [steps_of_a_round(runner) for runner in runners]
    rates = [[] for _ in runners]
    start = time.monotonic()
    while len(rates[0]) < rounds and (
        len(rates[0]) < 3 or time.monotonic() - start < ROW_SECONDS
    ):
        for runner, n, rate in zip(runners, steps, rates):
            rate.append(n * batch / runner.run(n))
    ours.close()
    middle = [statistics.median(rate) for rate in rates]
    best = max(range(1, len(runners)), key=middle.__getitem__)
    ratio = statistics.median(a / b for a, b in zip(rates[0], rates[best]))

    def layout(last):
        return max((m for m, o in zip(middle[1:], others) if o.channels_last == last), default=None)

    return middle[0], layout(False), layout(True), ratio


def processor():
    with open("/proc/cpuinfo") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.split(": ", 1)[1].strip().replace(",", " ")
    return "unknown"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--models", default=",".join(models.TWINS))
    parser.add_argument("--batches", default="32,128")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--csv")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    rows = []
    print(f"{'model':15}{'batch':>6}{'ours/s':>10}{'torch/s':>10}{'ch.last/s':>10}{'ratio':>8}")
    for model in args.models.split(","):
        for batch in map(int, args.batches.split(",")):
            *rates, ratio = compare(args.program, model, batch, args.rounds)
            texts = [f"{rate:.0f}" if rate else "" for rate in rates]
            print(f"{model:15}{batch:6}" + "".join(f"{t:>10}" for t in texts) + f"{ratio:8.2f}",
                  flush=True)
            rows.append([model, batch, *texts, f"{ratio:.2f}", processor()])
    if args.csv:
        with open(args.csv, "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["model", "batch", "samples_per_second", "torch_contiguous",
                             "torch_channels_last", "ratio", "processor"])
            writer.writerows(rows)


if __name__ == "__main__":
    main()
