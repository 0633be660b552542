"""Functions as commands: parameters before ``*`` are arguments, the others are options."""

import difflib
import inspect
import re
import types
from argparse import ArgumentError
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, is_dataclass
from functools import cached_property
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import yaml
from docstring_parser import parse as parse_docstring
from jsonargparse import ArgumentParser, set_parsing_settings

from telltrace.errors import OptionError

NOUNS = {int: "a whole number", float: "a number", bool: "true or false", type(None): "null"}


@dataclass(frozen=True)
class Command:
    """One command: a function, and those of the library whose options it offers too.

    Options may be spelt with dashes or underscores; a list takes one value or more, and flags
    that are off by default need no value.
    """

    function: Callable[..., int]
    """Prints what the library gives, and returns the exit code."""
    library: str = ""
    """Paths below the package of functions or classes; their parameters become options unless
    ``function`` has them itself, and are handed on to ``function`` by name."""
    without: Sequence[str] = ()
    """Those that are no options."""

    @property
    def summary(self) -> str:
        return parse_docstring(self.function.__doc__ or "").short_description or ""

    @cached_property
    def owners(self) -> list[Callable[..., Any]]:
        """The function, and the library's; looked up late, as rooms may import torch."""
        paths = [path.rpartition(".") for path in self.library.split()]
        found = [getattr(import_module(f"telltrace.{room}"), name) for room, _, name in paths]
        return [self.function, *found]

    @cached_property
    def parameters(self) -> dict[str, inspect.Parameter]:
        """Every argument and option by its name, which is `from` for a parameter `from_`."""
        found: dict[str, inspect.Parameter] = {}
        for owner in self.owners:
            for name, parameter in inspect.signature(owner).parameters.items():
                own = owner is self.function
                if parameter.kind is parameter.VAR_KEYWORD or (name in self.without and not own):
                    continue
                kind = parameter.kind if own else parameter.KEYWORD_ONLY
                found.setdefault(name.removesuffix("_"), parameter.replace(kind=kind))
        return found

    def parser(self, prog: str) -> ArgumentParser:
        """A parser of them; all but lists and flags is left to jsonargparse."""
        set_parsing_settings(docstring_parse_attribute_docstrings=True)
        documents = [parse_docstring(owner.__doc__ or "") for owner in reversed(self.owners)]
        helps = {p.arg_name: p.description for each in documents for p in each.params}
        parser = ArgumentParser(
            prog=prog, description=documents[-1].description, exit_on_error=False
        )
        parser.add_argument("--config", action="config", help="YAML file with a saved call.")
        for name, parameter in self.parameters.items():
            hint, default = parameter.annotation, parameter.default
            how: dict[str, Any] = {"help": helps.get(parameter.name), "type": hint}
            if (kind := item_type(hint)) is not None:
                given = parameter.kind is not parameter.KEYWORD_ONLY and default != parameter.empty
                how |= {"type": kind, "nargs": "*" if given else "+"}
                default = list(default) if isinstance(default, list | tuple) else default
            if parameter.kind is not parameter.KEYWORD_ONLY:
                spare = {} if default is parameter.empty else {"nargs": "?", "default": default}
                parser.add_argument(name, **spare | how)
            elif hint is bool and default is False:
                parser.add_argument(f"--{name}", help=how["help"], action="store_true")
            elif default is parameter.empty:
                parser.add_argument(f"--{name}", required=True, **how)
            else:
                parser.add_argument(f"--{name}", default=default, **how)
        return parser

    def parse(self, name: str, arguments: Sequence[str]) -> dict[str, Any]:
        """The keyword arguments of the call that the command line asks for.

        An OptionError if an argument or option has a name or a value that it cannot have.
        """
        parser = self.parser(f"telltrace {name}")
        lists = {key for key, p in self.parameters.items() if item_type(p.annotation) is not None}
        known = {*parser.get_defaults().keys(), *self.parameters}
        try:
            values = parser.parse_args(list(_plain(arguments, known, lists)))
            values = parser.instantiate(values)
        except ArgumentError as error:
            raise self._explained(str(error), f"See telltrace {name} --help.", known) from None
        return {parameter.name: values[key] for key, parameter in self.parameters.items()}

    def _explained(self, text: str, remedy: str, known: Iterable[str]) -> OptionError:
        """What jsonargparse found wrong, as one sentence."""
        if found := re.match(r'Parser key "([\w.]+)"', text):
            _, _, value = text.rpartition("alue: ")
            expected = describe(self._hint(found[1]))
            return OptionError(f"--{found[1]} must be {expected}, got {value!r}")
        if found := re.match(r"unrecognized arguments: (--[\w.]+)", text):
            close = did_you_mean(found[1], (f"--{key}" for key in known))
            return OptionError(f"there is no option {found[1]}", remedy=close or remedy)
        if found := re.match(r"unrecognized arguments: (-\S+)", text):
            file = f"A file of that name is given as ./{found[1]}."
            return OptionError(f"there is no option {found[1]}", remedy=file)
        if found := re.match(r"the following arguments are required: (.*)", text):
            return OptionError(f"{self._spelt(found[1])} is missing", remedy=remedy)
        return OptionError(text.replace("\n", " "), remedy=remedy)

    def _spelt(self, names: str) -> str:
        """Names as they are typed: options with their dashes."""
        options = {n for n, p in self.parameters.items() if p.kind is p.KEYWORD_ONLY}
        return ", ".join(f"--{n}" if n in options else n for n in names.split(", "))

    def _hint(self, key: str) -> Any:
        hints = {name: parameter.annotation for name, parameter in self.parameters.items()}
        *groups, last = key.split(".")
        for group in groups:
            hints = get_type_hints(hints[group]) if is_dataclass(hints.get(group)) else {}
        return hints.get(last, str)


def item_type(hint: Any) -> Any:
    """Type of the items, for a list of paths, text or numbers; None for anything else."""
    for option in get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,):
        arguments = get_args(option)
        if get_origin(option) in (list, Sequence) or arguments[1:] == (...,):
            kind = Path if arguments[0] == str | Path else arguments[0]
            return kind if kind in (str, int, float, Path) else None
    return None


def describe(hint: Any) -> str:
    """What a value of this type looks like, such as "a number or null"."""
    if get_origin(hint) is Literal:
        return f"one of {', '.join(map(str, get_args(hint)))}"
    if get_origin(hint) in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(describe(part) for part in get_args(hint)))
    if (kind := item_type(hint)) is not None:
        return f"a list of {NOUNS.get(kind, 'a text').removeprefix('a ')}s"
    if get_origin(hint) is tuple and ... not in get_args(hint):
        return f"a list of {len(get_args(hint))} values"
    if get_origin(hint) in (list, tuple, Sequence):
        return "a list"
    return NOUNS.get(hint, "settings" if is_dataclass(hint) else "text")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The remedy of a misspelt name: the closest that there is, if one is close."""
    close = difflib.get_close_matches(name, list(known), 1)
    return f"Did you mean {close[0]}?" if close else ""


def _plain(arguments: Sequence[str], known: set[str], lists: set[str]) -> Iterator[str]:
    """``--batch-size 8`` as ``--batch_size 8``, and the content of ``--config`` for its name."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    for place, (before, argument) in enumerate(pairwise(["", *arguments])):
        name, equals, value = argument.partition("=")
        if place >= end:
            yield argument
        elif before == "--config":
            yield read_config(Path(argument), known, lists)
        elif name == "--config" and equals:
            yield f"--config={read_config(Path(value), known, lists)}"
        elif name.startswith("--"):
            yield f"--{name[2:].replace('-', '_').removesuffix('_')}{equals}{value}"
        else:
            yield argument


def read_config(path: Path, known: set[str], lists: set[str]) -> str:
    """A saved call as YAML text, in which single values of lists are lists of one.

    An OptionError if the file is no such mapping, or names an option that there is not; an OSError
    if it cannot be read.
    """
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), yaml.SafeLoader)
    except UnicodeDecodeError:
        raise OptionError("is not text in UTF-8", path=path) from None
    except yaml.MarkedYAMLError as error:
        line = 1 + (error.problem_mark.line if error.problem_mark else 0)
        raise OptionError(f"line {line}: is not YAML ({error.problem})", path=path) from None
    if not isinstance(root, yaml.MappingNode):
        raise OptionError("holds no options", remedy="Write lines such as 'seed: 7'.", path=path)
    for index, (name, value) in enumerate(root.value):
        name.value = name.value.removesuffix("_")  # the recipe of a run says from_
        if name.value in lists and isinstance(value, yaml.ScalarNode) and value.value != "null":
            one = yaml.SequenceNode("tag:yaml.org,2002:seq", [value], flow_style=True)
            root.value[index] = (name, one)
    for key, line in _keys(root, known):
        if key not in known:
            close, reason = did_you_mean(key, known), f"line {line}: there is no option {key!r}"
            raise OptionError(reason, remedy=close, path=path)
    return str(yaml.serialize(root, Dumper=yaml.SafeDumper))


def _keys(node: yaml.MappingNode, known: set[str], group: str = "") -> Iterator[tuple[str, int]]:
    """Every option that is named, with its line."""
    for name, value in node.value:
        key = f"{group}{name.value}"
        if isinstance(value, yaml.MappingNode) and any(k.startswith(f"{key}.") for k in known):
            yield from _keys(value, known, f"{key}.")
        else:
            yield key, name.start_mark.line + 1
