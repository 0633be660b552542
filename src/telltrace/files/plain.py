"""Plain data, as JSON holds them: made dataclasses again, and nested values made flat."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

Kind = TypeVar("Kind")


def from_plain(kind: type[Kind], values: dict[str, Any]) -> Kind:
    """The inverse of `dataclasses.asdict`, for the types of fields that JSON can hold.

    Fields that are missing keep their defaults, those that the class computes are passed over. A
    class within, which has a ``from_dict``, is read by that. A value of no field is a KeyError, one
    that does not fit a ValueError or TypeError.
    """
    own = {field.name for field in fields(kind) if not field.init}  # type: ignore[arg-type]
    hints = get_type_hints(kind)
    return kind(**{k: _value(hints[k], value) for k, value in values.items() if k not in own})


def flatten(values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Nested values by their dotted names, as the command line spells settings: ``optim.lr``."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        nested = isinstance(value, Mapping)
        flat |= flatten(value, f"{above}{key}.") if nested else {f"{above}{key}": value}
    return flat


def _value(kind: Any, value: Any) -> Any:
    options = get_args(kind)
    if get_origin(kind) in (Union, UnionType):
        if value is None:
            return None
        return _value(next(option for option in options if option is not NoneType), value)
    if get_origin(kind) is tuple:
        kinds = options[:1] * len(value) if options[1:] == (...,) else options
        return tuple(_value(k, v) for k, v in zip(kinds, value, strict=True))
    if hasattr(kind, "from_dict"):
        return kind.from_dict(value)
    if is_dataclass(kind):
        return from_plain(kind, value)  # type: ignore[arg-type]
    if isinstance(kind, type) and issubclass(kind, tuple):  # a named one
        return kind(**value) if isinstance(value, dict) else kind(*value)
    return kind(value) if isinstance(kind, type) and issubclass(kind, Path | Enum) else value
