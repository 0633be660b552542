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
from jsonargparse import ArgumentParser, Namespace, set_parsing_settings

from telltrace.errors import OptionError, TelltraceError

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
        self._check_names(arguments)
        try:
            values = parser.parse_args(list(_plain(self._joined(arguments), known, lists)))
            self._check_groups(values)
            values = parser.instantiate(values)
        except (ArgumentError, ValueError) as error:
            if isinstance(error, TelltraceError):
                raise
            raise self._explained(str(error), f"See telltrace {name} --help.", known) from None
        return {parameter.name: values[key] for key, parameter in self.parameters.items()}

    def _check_names(self, arguments: Sequence[str]) -> None:
        """Refuse what is empty, such as a variable of the shell that is not set, or no text."""
        for before, argument in pairwise(["", *arguments]):
            hint = self._hint(before.removeprefix("--").replace("-", "_"))
            if not argument and (before[:2] != "--" or "Path" in str(hint)):
                where = before if before.startswith("--") else "an argument"
                raise OptionError(f"{where} is empty", remedy="Give a name, or leave it out.")
            if argument.encode(errors="ignore").decode() != argument:
                remedy = "Rename the file, or name its folder or a list (.txt) that holds it."
                raise OptionError("is no text in UTF-8", remedy=remedy, path=argument)

    def _check_groups(self, values: Namespace) -> None:
        """Refuse a single value, of a YAML file, where a group of options stands."""
        for key, parameter in self.parameters.items():
            if is_dataclass(parameter.annotation) and not isinstance(values[key], Namespace):
                remedy = f"Give its options, such as --{key}.NAME."
                raise OptionError(f"{key} is a group, got {values[key]!r}", remedy=remedy)

    def _joined(self, arguments: Sequence[str]) -> Iterator[str]:
        """``--data.mean 0 0 0`` as ``--data.mean [0, 0, 0]``: as many values as it takes."""
        waiting = list(reversed(arguments))
        while waiting:
            yield (argument := waiting.pop())
            count = fixed_length(self._hint(argument.removeprefix("--").replace("-", "_")))
            values = waiting[: -count - 1 : -1] if argument.startswith("--") and count else []
            if len(values) == count > 0 and not any(x.startswith(("--", "[")) for x in values):
                del waiting[-count:]
                yield f"[{', '.join(values)}]"

    def _explained(self, text: str, remedy: str, known: Iterable[str]) -> OptionError:
        """What jsonargparse found wrong, as one sentence."""
        if found := re.match(r'Parser key "([\w.]+)"', text):
            if within := re.search(r"NestedArg\(key='([\w.]+)'", text):
                reason = f"--{found[1]}.{within[1]} is no option, or cannot have this value"
                return OptionError(reason, remedy=remedy)
            _, told, value = text.rpartition("alue: ")
            expected, got = describe(self._hint(found[1])), f", got {value!r}" if told else ""
            return OptionError(f"{self._spelt(found[1])} must be {expected}{got}")
        if found := re.search(r"^Errors:\n  - (.*)$", text, re.MULTILINE):  # of a group or null
            return OptionError(found[1], remedy=remedy)
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
        options = {n for n, p in self.parameters.items() if p.kind is p.KEYWORD_ONLY} | {"config"}
        named = names.split(", ")
        return ", ".join(f"--{n}" if n.partition(".")[0] in options else n for n in named)

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


def fixed_length(hint: Any) -> int:
    """How many values a hint such as ``tuple[float, float] | None`` asks for; 0 for any other."""
    for option in get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,):
        if get_origin(option) is tuple and ... not in get_args(option):
            return len(get_args(option))
    return 0


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


def _plain(arguments: Iterable[str], known: set[str], lists: set[str]) -> Iterator[str]:
    """``--batch-size 8`` as ``--batch_size 8``, and the content of ``--config`` for its name."""
    ended = False
    for before, argument in pairwise(["", *arguments]):
        name, equals, value = argument.partition("=")
        ended |= argument == "--"
        if ended:
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
        root = yaml.compose(text := path.read_text(encoding="utf-8"), yaml.SafeLoader)
        yaml.safe_load(text)  # which refuses tags that compose does not look at
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
