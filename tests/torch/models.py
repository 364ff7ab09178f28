# SPDX-License-Identifier: GPL-3.0-or-later
"""tests/torch/models.py -- the PyTorch twin of each model: same function, same parameter names.

The shapes are those of tests/helpers/problem.c. Images are (count, channels, height, width) here,
sequences (count, tokens) with one token more than is predicted.
"""
import math
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

gelu = partial(F.gelu, approximate="tanh")


def softmax():
    return nn.Linear(784, 10)


def mlp():
    return nn.Sequential(
        nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)
    )


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(32 * 7 * 7, 128), nn.ReLU(), nn.Linear(128, 10),
    )


class BasicBlock(nn.Module):
    """torchvision's, of two 3x3 convolutions."""

    def __init__(self, inputs, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = None
        if stride != 1 or inputs != channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)), inplace=True)


class ResNet(nn.Module):
    """He et al., CVPR 2016, in its form for CIFAR."""

    def __init__(self, channels, blocks):
        super().__init__()
        self.conv1 = nn.Conv2d(3, channels[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels[0])
        inputs = channels[0]
        self.stages = len(channels)
        for stage, width in enumerate(channels, 1):
            layer = []
            for b in range(blocks):
                layer.append(BasicBlock(inputs, width, 2 if stage > 1 and b == 0 else 1))
                inputs = width
            setattr(self, f"layer{stage}", nn.Sequential(*layer))
        self.fc = nn.Linear(inputs, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        for stage in range(1, self.stages + 1):
            x = getattr(self, f"layer{stage}")(x)
        return self.fc(x.mean((2, 3)))


class TransformerLM(nn.Module):
    """A decoder: each token from those before it."""

    def __init__(self, vocabulary, length, width=128, layers=4, heads=4, hidden=512):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.position = nn.Embedding(length, width)
        block = nn.TransformerEncoderLayer(
            width, heads, hidden, 0.0, gelu, batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(block, layers, nn.LayerNorm(width))
        mask = nn.Transformer.generate_square_subsequent_mask(length)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, tokens):
        x = self.embedding(tokens) + self.position.weight
        return self.blocks(x, self.mask) @ self.embedding.weight.T


class Transformer(nn.Module):
    """An encoder and a decoder, for translation."""

    def __init__(self, vocabulary, source, target, width=128, layers=3, heads=4, hidden=512):
        super().__init__()
        self.source = source
        self.scale = math.sqrt(width)
        self.embedding = nn.Embedding(vocabulary, width)
        self.transformer = nn.Transformer(
            width, heads, layers, layers, hidden, 0.0, gelu, batch_first=True, norm_first=True
        )
        longest = max(source, target)
        even = torch.arange(0, width, 2, dtype=torch.double)
        angles = torch.arange(longest, dtype=torch.double)[:, None] / 10000 ** (even / width)
        sines = torch.stack([angles.sin(), angles.cos()], 2).reshape(longest, width).float()
        mask = nn.Transformer.generate_square_subsequent_mask(target)
        self.register_buffer("sines", sines, persistent=False)
        self.register_buffer("mask", mask, persistent=False)

    def embed(self, tokens):
        return self.embedding(tokens) * self.scale + self.sines[: tokens.shape[1]]

    def forward(self, tokens):
        source, target = tokens[:, : self.source], tokens[:, self.source:]
        padding = source == 0
        y = self.transformer(
            self.embed(source), self.embed(target), tgt_mask=self.mask,
            src_key_padding_mask=padding, memory_key_padding_mask=padding,
        )
        return y @ self.embedding.weight.T


TWINS = {
    "softmax": softmax,
    "mlp": mlp,
    "lenet": lenet,
    "resnet8": partial(ResNet, [16, 32, 64], 1),
    "resnet20": partial(ResNet, [16, 32, 64], 3),
    "resnet18": partial(ResNet, [64, 128, 256, 512], 2),
    "transformer_lm": partial(TransformerLM, 256, 128),
    "transformer": partial(Transformer, 1024, 32, 32),
}
IMAGES = {"lenet": (1, 28, 28)} | {f"resnet{n}": (3, 32, 32) for n in (8, 20, 18)}
SOURCE = {"transformer_lm": 0, "transformer": 32}  # tokens that are only read


def random_sentences(count, length):
    """Of as many words as problem.c draws; padded."""
    tokens = torch.randint(3, 1024, (count, length))
    words = torch.randint(length // 2, length, (count, 1))
    return tokens * (torch.arange(length) <= words)


def random_batch(name, count):
    """What loss_of() takes, for measuring time."""
    if name == "transformer_lm":
        return (torch.randint(256, (count, 129)),)
    if name == "transformer":
        begin = torch.ones(count, 1, dtype=torch.long)
        return (torch.cat([random_sentences(count, 32), begin, random_sentences(count, 32)], 1),)
    return torch.randn(count, *IMAGES.get(name, (784,))), torch.randint(10, (count,))


def loss_of(name, model, batch):
    """The mean loss that the model called `name` is trained on."""
    if name not in SOURCE:
        inputs, labels = batch
        return F.cross_entropy(model(inputs), labels)
    (tokens,) = batch
    logits = model(tokens[:, :-1]).flatten(0, 1)
    targets = tokens[:, SOURCE[name] + 1:].flatten()
    if name == "transformer":  # 0 is padding
        return F.cross_entropy(logits, targets, ignore_index=0, label_smoothing=0.1)
    return F.cross_entropy(logits, targets)
