# SPDX-License-Identifier: GPL-3.0-or-later
"""tests/torch/models.py -- the PyTorch twin of each model: same function, same parameter names."""
import torch
from torch import nn


def softmax():
    return nn.Linear(784, 10)


def mlp():
    return nn.Sequential(
        nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)
    )


TWINS = {"softmax": softmax, "mlp": mlp}

# (channels, height, width) of those that want images.
IMAGES = {}
# (tokens of a sample, vocabulary) of those that want sequences.
SEQUENCES = {}


def random_batch(name, count):
    """What loss_of() takes, for measuring time."""
    if name in SEQUENCES:
        length, vocabulary = SEQUENCES[name]
        return (torch.randint(vocabulary, (count, length)),)
    return torch.randn(count, *IMAGES.get(name, (784,))), torch.randint(10, (count,))


def loss_of(name, model, batch):
    """The mean loss that the model called `name` is trained on."""
    inputs, labels = batch
    return nn.functional.cross_entropy(model(inputs), labels)
