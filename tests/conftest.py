"""Fixtures for every test: a fixed seed, and the research media where they are present."""

import os
from pathlib import Path

import pytest
import torch


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The research media: $TELLTRACE_DATA, or shared/data beside the checkout."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    root = Path(os.environ.get("TELLTRACE_DATA", beside))
    if not root.is_dir():
        pytest.skip(f"No research media at {root}; set TELLTRACE_DATA to run this test.")
    return root
