#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""tests/torch/gradients.py -- whether our gradients are PyTorch's.

    gradients.py check PROGRAM    compares every model; exit 77 where PyTorch is not installed
    gradients.py golden PROGRAM   prints PyTorch's answers, for tests/golden/gradients.txt

PROGRAM is the program torch_problem, which writes weights, a batch and our answer. PyTorch computes
in double, so that the difference is our rounding alone. Of every tensor both the norm of the
difference and its largest entry must be below TOLERANCE of the tensor's own; a tensor whose gradient
is zero but for rounding (the keys' bias of attention) is held against the whole gradient's norm.
"""
import subprocess
import sys

try:
    import numpy
    import torch

    import models
except ImportError:
    print("skipped: python3-torch is not installed")
    sys.exit(77)

TOLERANCE = 1e-4
SAMPLES = 6  # entries of a tensor in the golden file


def read_problem(program, name):
    """{kind: {name: array}} of what `program name` writes."""
    text = subprocess.run([program, name], check=True, capture_output=True).stdout
    problem, at = {}, 0
    while at < len(text):
        end = text.index(b"\n", at)
        kind, tensor, kind_of_number, *shape = text[at:end].decode().split()
        dtype = numpy.dtype("<" + kind_of_number)
        shape = tuple(map(int, shape))
        count = int(numpy.prod(shape))
        array = numpy.frombuffer(text, dtype, count, end + 1).reshape(shape)
        problem.setdefault(kind, {})[tensor] = array
        at = end + 1 + count * dtype.itemsize
    return problem


def tensor_of(array):
    wide = numpy.float64 if array.dtype.kind == "f" else numpy.int64
    return torch.from_numpy(array.astype(wide))


def answer(name, problem):
    """PyTorch's loss, gradient and running statistics after one step."""
    model = models.TWINS[name]().double().train()
    statistics = problem.get("before", {})
    state = {k: tensor_of(v) for k, v in (problem["parameter"] | statistics).items()}
    counts = {k: v for k, v in model.state_dict().items() if k.endswith("num_batches_tracked")}
    model.load_state_dict(state | counts)
    batch = [tensor_of(v) for v in problem["batch"].values()]
    if name in models.IMAGES:
        batch[0] = batch[0].permute(0, 3, 1, 2)
    loss = models.loss_of(name, model, batch)
    loss.backward()
    gradient = {k: v.grad.numpy() for k, v in model.named_parameters()}
    after = model.state_dict()
    return loss.item(), gradient, {k: after[k].numpy() for k in statistics}


def check_tensor(ours, torchs, floor):
    """The relative differences: of norms, of the largest entry."""
    difference = ours.astype(numpy.float64) - torchs
    norm = max(numpy.linalg.norm(torchs), floor)
    return numpy.linalg.norm(difference) / norm, abs(difference).max() / max(abs(torchs).max(), floor)


def check(program, name):
    problem = read_problem(program, name)
    loss, gradient, after = answer(name, problem)
    whole = numpy.sqrt(sum(numpy.linalg.norm(g) ** 2 for g in gradient.values()))
    loss_error = abs(problem["answer"]["loss"].item() / loss - 1)
    errors = []
    for kind, theirs in (("gradient", gradient), ("after", after)):
        for tensor, array in theirs.items():
            floor = 1e-4 * whole if kind == "gradient" else 0
            errors.append((*check_tensor(problem[kind][tensor], array, floor), tensor))
    norm_error, norm_tensor = max((e[0], e[2]) for e in errors)
    largest_error, largest_tensor = max((e[1], e[2]) for e in errors)
    good = max(loss_error, norm_error, largest_error) <= TOLERANCE
    print(f"{'ok' if good else 'FAILED':7}{name:15} loss {loss_error:.1e}  norm {norm_error:.1e} "
          f"({norm_tensor})  largest entry {largest_error:.1e} ({largest_tensor})", flush=True)
    return good


def golden(program, name):
    problem = read_problem(program, name)
    loss, gradient, after = answer(name, problem)
    print(f"model {name} {loss:.9g}")
    for kind, tensors in (("gradient", gradient), ("statistic", after)):
        for tensor, array in tensors.items():
            flat = array.ravel()
            places = numpy.linspace(0, flat.size - 1, min(SAMPLES, flat.size)).astype(int)
            entries = " ".join(f"{i}:{flat[i]:.7g}" for i in places)
            print(f"{kind} {tensor} {numpy.linalg.norm(flat):.9g} {abs(flat).max():.7g} {entries}")


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("check", "golden"):
        sys.exit(__doc__)
    mode, program = sys.argv[1:]
    torch.set_num_threads(1)
    names = subprocess.run([program], check=True, capture_output=True, text=True).stdout.split()
    if mode == "check":
        results = [check(program, name) for name in names]
        sys.exit(0 if all(results) else 1)
    for name in names:
        golden(program, name)


if __name__ == "__main__":
    main()
