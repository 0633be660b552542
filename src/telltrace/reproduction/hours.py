"""How long the trainings of a table take on this machine, from a few steps of each network."""

import time
from collections.abc import Iterable

import torch
import torch.nn.functional as F

from telltrace.inference import choose_device
from telltrace.models import create_detector

from .cells import Cell, Run, Setup, run_of, settings
from .selection import both_sides
from .tables import Table

BATCH, STEPS = 8, 3
"""Images of a step, and steps that are timed after the first, which is slower."""


def training_hours(table: Table, cells: Iterable[Cell], setup: Setup) -> dict[str, float]:
    """Hours of each row's trainings, of all seeds, measured on images of noise.

    Preparing the batches overlaps with them; validation and judging come on top. Trainings that
    cells share count once, those that are done count too.
    """
    found: dict[str, float] = {}
    counted = set()
    for cell in cells:
        if cell.reason:
            continue
        run = run_of(table, cell, setup, setup.seeds[0])
        if run.name not in counted:
            counted.add(run.name)
            rows, _ = both_sides(cell.column, run.scale, setup)
            images = int((rows.split == "train").sum()) * settings(run.recipe, run.scale)[1].epochs
            hours = len(setup.seeds) * images * _seconds_of_image(run, setup) / 3600
            found[cell.row.name] = found.get(cell.row.name, 0.0) + hours
    return found


def _seconds_of_image(run: Run, setup: Setup) -> float:
    """Of one image in a training step: forward, backward, and the optimiser."""
    device = choose_device(setup.device)
    options = {name: value for name, value in run.options.items() if name != "weights"}
    network = create_detector(run.detector, **options)
    network = network.to(device).to(memory_format=torch.channels_last).train()
    side = settings(run.recipe, run.scale)[0].image_size
    images = torch.rand(BATCH, 3, side, side, device=device)
    labels = torch.arange(BATCH, device=device) % 2
    optimiser = torch.optim.Adam(network.parameters())
    began = 0.0
    for step in range(STEPS + 1):
        if step == 1:
            began = time.perf_counter()
        optimiser.zero_grad()
        loss = F.cross_entropy(network(images), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        float(loss.detach())  # waits for a GPU
    return (time.perf_counter() - began) / (STEPS * BATCH)
