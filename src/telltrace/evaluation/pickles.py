"""Pickled results of others, read without running anything that the file asks for."""

import io
import pickle
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from telltrace.errors import ManifestError

_CODES: Final = re.compile(r"[fiub][1248]|[US]\d+|O8")
"""Kinds of arrays that hold results: numbers, texts, and lists of these."""


def read_pickle(path: str | Path) -> Any:
    """What a pickle of dicts, lists, texts, numbers and NumPy arrays holds; ManifestError for else.

    A pickle is a program: its one way to reach code is a name, such as ``os.system``, that the
    reader looks up and then calls with what the file says. Here a name is never looked up. The few
    in :func:`_stand_ins` are answered with functions of this module, made anew for each file, that
    build plain lists and arrays and check what they are given; not even NumPy's own unpickling,
    which trusts the file's memory layout, is called. Any other name ends the reading before
    anything is called with it. What is left is what any file can do: be damaged or very large.
    """
    path = Path(path)
    names = _stand_ins()

    class Reader(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            if (module, name) not in names:
                raise pickle.UnpicklingError(f"it asks for {module}.{name}")
            return names[module, name]

    try:
        return _plain(Reader(io.BytesIO(path.read_bytes()), encoding="latin1").load())
    except OSError:
        raise
    except Exception as error:  # a broken or hostile pickle can make the reader raise anything
        first = str(error).partition("\n")[0]
        reason = f"no pickle of plain numbers, texts and NumPy arrays ({first}). Nothing was run"
        save = "Save the scores as CSV or JSON, with NumPy arrays in place of tensors."
        raise ManifestError(reason, remedy=save, path=path) from None


class _Kind:
    """In place of ``numpy.dtype``."""

    def __init__(self, code: str, *_: Any) -> None:
        if not _CODES.fullmatch(code):
            raise pickle.UnpicklingError(f"it holds an array of kind {code!r}")
        self.code, self.order = code, "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = {"|": "=", "<": "<", ">": ">", "=": "="}[state[1]]

    @property
    def numpy(self) -> np.dtype[Any]:
        """The kind itself; not to be had of objects."""
        if self.code == "O8":
            raise pickle.UnpicklingError("it holds objects as bytes")
        return np.dtype(self.order + self.code)


class _Array:
    """In place of ``numpy.ndarray``."""

    value: Any = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, fortran, data = state
        self.value = data
        if kind.code != "O8":
            self.value = np.frombuffer(data, kind.numpy).reshape(
                shape, order="F" if fortran else "C"
            )
        elif type(data) is not list:
            raise pickle.UnpicklingError("it holds objects as bytes")


def _stand_ins() -> Mapping[tuple[str, str], Callable[..., Any]]:
    """What each name that a file of results may ask for is answered with."""

    class Kind(_Kind):
        pass

    class Array(_Array):
        pass

    def rebuilt(*_: Any) -> Array:
        return Array()

    def buffered(data: bytes, kind: _Kind, shape: tuple[int, ...], order: str) -> Any:
        return np.frombuffer(data, kind.numpy).reshape(shape, order="F" if order == "F" else "C")

    def scalar(kind: _Kind, data: bytes) -> Any:
        return np.frombuffer(data, kind.numpy, 1)[0].item()

    def encoded(text: str, _: str = "latin1") -> bytes:
        return text.encode("latin1")

    def mapping(*_: Any) -> dict[Any, Any]:
        return {}

    def sequence(*_: Any) -> list[Any]:
        return []

    found: dict[tuple[str, str], Callable[..., Any]] = {
        ("numpy", "ndarray"): Array,
        ("numpy", "dtype"): Kind,
        ("_codecs", "encode"): encoded,
        ("collections", "OrderedDict"): mapping,
        ("collections", "defaultdict"): mapping,
        ("builtins", "list"): sequence,
        ("__builtin__", "list"): sequence,
    }
    for core in ("numpy.core", "numpy._core"):  # before and from NumPy 2 on
        found[f"{core}.multiarray", "_reconstruct"] = rebuilt
        found[f"{core}.multiarray", "scalar"] = scalar
        found[f"{core}.numeric", "_frombuffer"] = buffered
    return found


def _plain(value: Any, depth: int = 3) -> Any:
    """Arrays for their stand-ins, in the mappings that hold results."""
    if isinstance(value, _Array):
        return value.value
    if isinstance(value, dict) and depth:
        return {key: _plain(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list) and depth:
        return [_plain(item, 0) for item in value]
    return value
