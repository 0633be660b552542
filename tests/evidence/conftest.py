"""Media with metadata, and a signer of C2PA manifests, made by the modules of the benchmarks."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from telltrace.evidence.findings import Finding


def from_benchmarks(name: str) -> ModuleType:
    folder = str(Path(__file__).parents[2] / "benchmarks")
    sys.path.insert(0, folder)
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(folder)


@pytest.fixture(scope="session")
def material() -> ModuleType:
    return from_benchmarks("metadata_material")


@pytest.fixture(scope="session")
def told() -> Callable[[tuple[Finding, ...], str], list[str]]:
    """``told(findings, kind)`` gives what the findings of a kind say."""

    def said(found: tuple[Finding, ...], kind: str) -> list[str]:
        return [one.said for one in found if one.kind == kind]

    return said


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A signer whose authority is in ``anchors``; skipped without c2pa-python."""
    pytest.importorskip("c2pa", reason="signing takes c2pa-python", exc_type=ImportError)
    pytest.importorskip("cryptography", reason="certificates take cryptography")
    return from_benchmarks("signed_material").make_signer(tmp_path_factory.mktemp("trust"))
