"""The digits' network in torch, trained in seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import torch
from safetensors.torch import save
from torch import nn
from torch.nn import functional

from golden.networks.digits.samples import Samples, load_samples

SEED: Final = 1
EPOCHS: Final = 40
BATCH: Final = 64
RATE: Final = 0.003
"""Of the first steps; it falls to zero by a cosine."""


class LeNet(nn.Module):
    """Two convolutions and three fully connected layers, pictures (N, 1, 8, 8) to (N, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2, bias=False)
        self.norm1 = nn.BatchNorm2d(6)
        self.conv2 = nn.Conv2d(6, 16, 5, padding=2, bias=False)
        self.norm2 = nn.BatchNorm2d(16)
        self.fc1 = nn.Linear(16 * 2 * 2, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Say how much each picture looks like each digit."""
        x = functional.max_pool2d(functional.relu(self.norm1(self.conv1(x))), 2)
        x = functional.max_pool2d(functional.relu(self.norm2(self.conv2(x))), 2)
        x = functional.relu(self.fc1(x.flatten(1)))
        x = functional.relu(self.fc2(x))
        y: torch.Tensor = self.fc3(x)
        return y


def train(
    samples: Samples | None = None,
    seed: int = SEED,
    advance: Callable[[], None] = lambda: None,
) -> dict[str, torch.Tensor]:
    """Train the network, and return its state dict.

    On one machine one seed gives one network: one thread, deterministic kernels.

    Parameters
    ----------
    samples : Samples, optional
        To train on; those of `load_samples` unless given.
    seed : int
        Of the first weights and of the order of the pictures.
    advance : callable
        Is called after each of `EPOCHS` epochs.
    """
    samples = load_samples()[0] if samples is None else samples
    pictures = torch.from_numpy(samples.pictures)
    labels = torch.from_numpy(samples.labels)
    with _repeatable(seed):
        model = LeNet()
        steps = EPOCHS * -(-len(labels) // BATCH)
        adam = torch.optim.Adam(model.parameters(), RATE)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
        for _ in range(EPOCHS):
            for chosen in torch.split(torch.randperm(len(labels)), BATCH):
                adam.zero_grad()
                loss = functional.cross_entropy(model(pictures[chosen]), labels[chosen])
                torch.autograd.backward(loss)
                adam.step()
                schedule.step()
            advance()
    return model.state_dict()


def model_bytes(tensors: dict[str, torch.Tensor]) -> bytes:
    """Return a state dict as a ``.safetensors`` file holds it."""
    return save(tensors)


@contextmanager
def _repeatable(seed: int) -> Iterator[None]:
    """One thread, deterministic kernels and this seed; afterwards all is as before."""
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(deterministic)
