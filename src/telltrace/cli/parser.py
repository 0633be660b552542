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
    def parameters(self) -> list[tuple[Callable[..., Any], inspect.Parameter, Any]]:
        """Owner, parameter and type of every argument and option."""
        found: dict[str, tuple[Callable[..., Any], inspect.Parameter, Any]] = {}
        for owner in self.owners:
            for name, parameter in inspect.signature(owner).parameters.items():
                hidden = owner is not self.function and name in self.without
                if parameter.kind is not parameter.VAR_KEYWORD and not hidden:
                    found.setdefault(name, (owner, parameter, parameter.annotation))
        return list(found.values())

    def parser(self, prog: str) -> ArgumentParser:
        """A parser of its arguments and options."""
        set_parsing_settings(docstring_parse_attribute_docstrings=True)
        text = parse_docstring(self.function.__doc__ or "")
        long = f"\n\n{text.long_description}" if text.long_description else ""
        description = f"{text.short_description}{long}"
        parser = ArgumentParser(prog=prog, description=description, exit_on_error=False)
        parser.add_argument("--config", action="config", help="YAML file with a saved call.")
        documents = [parse_docstring(owner.__doc__ or "") for owner in reversed(self.owners)]
        helps = {p.arg_name: p.description for each in documents for p in each.params}
        for owner, parameter, hint in self.parameters:
            self._add(parser, owner, parameter, hint, helps.get(parameter.name))
        return parser

    def _add(
        self,
        parser: ArgumentParser,
        owner: Callable[..., Any],
        parameter: inspect.Parameter,
        hint: Any,
        text: str | None,
    ) -> None:
        """Add an argument or option; all but lists and flags is left to jsonargparse."""
        name, option, kind = parameter.name, f"--{parameter.name}", item_type(hint)
        many = {"type": hint} if kind is None else {"type": kind, "nargs": "+"}
        if owner is self.function and parameter.kind is not parameter.KEYWORD_ONLY:
            parser.add_argument(name, help=text, **many)
        elif hint is bool and parameter.default is False:
            parser.add_argument(option, help=text, action="store_true")
        elif kind is not None and parameter.default is parameter.empty:
            parser.add_argument(option, help=text, required=True, **many)
        elif kind is not None:
            default = None if parameter.default is None else list(parameter.default)
            parser.add_argument(option, help=text, default=default, **many)
        else:
            others = [*self.without, *(p.name for _, p, _ in self.parameters)]
            skip: set[str | int] = {other for other in others if other != name}
            is_class = isinstance(owner, type)
            add = parser.add_class_arguments if is_class else parser.add_function_arguments
            add(owner, skip=skip, as_group=False)

    def parse(self, name: str, arguments: Sequence[str]) -> dict[str, Any]:
        """The keyword arguments of the call that the command line asks for.

        Raises:
            OptionError: If an argument or option has a name or a value that it cannot have.
        """
        parser = self.parser(f"telltrace {name}")
        lists = {p.name for _, p, hint in self.parameters if item_type(hint) is not None}
        known = {*parser.get_defaults().keys(), *(p.name for _, p, _ in self.parameters)}
        plain = list(_plain(arguments, known, lists))
        try:
            values = vars(parser.instantiate(parser.parse_args(plain)))
        except ArgumentError as error:
            raise self._explained(str(error), name, known) from None
        values.pop("config", None)
        return values

    def _explained(self, text: str, name: str, known: Iterable[str]) -> OptionError:
        """What jsonargparse found wrong, as one sentence."""
        if found := re.match(r'Parser key "([\w.]+)"', text):
            _, _, value = text.rpartition("alue: ")
            expected = describe(self._hint(found[1]))
            return OptionError(f"--{found[1]} must be {expected}, got {value!r}")
        if found := re.match(r"unrecognized arguments: --([\w.]+)", text):
            return unknown_option(f"--{found[1]}", [f"--{key}" for key in known], name)
        if found := re.match(r"the following arguments are required: (.*)", text):
            return OptionError(f"{found[1]} is missing", remedy=f"See telltrace {name} --help.")
        return OptionError(text.replace("\n", " "), remedy=f"See telltrace {name} --help.")

    def _hint(self, key: str) -> Any:
        hints = {parameter.name: hint for _, parameter, hint in self.parameters}
        *groups, last = key.split(".")
        for group in groups:
            hints = get_type_hints(hints[group]) if is_dataclass(hints.get(group)) else {}
        return hints.get(last, str)


def item_type(hint: Any) -> Any:
    """Type of the items, for a list of paths, text or numbers; None for anything else.

    Examples:
        >>> item_type(Sequence[int] | None), item_type(tuple[float, float]), item_type(str)
        (<class 'int'>, None, None)
    """
    for option in get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,):
        arguments = get_args(option)
        if get_origin(option) in (list, Sequence) or arguments[1:] == (...,):
            return arguments[0] if arguments[0] in (str, int, float, Path) else None
    return None


def describe(hint: Any) -> str:
    """What a value of this type looks like.

    Examples:
        >>> describe(Literal["auto", "cpu"]), describe(float | None)
        ('one of auto, cpu', 'a number or null')
    """
    if get_origin(hint) is Literal:
        return f"one of {', '.join(map(str, get_args(hint)))}"
    if get_origin(hint) in (Union, types.UnionType):
        return " or ".join(describe(part) for part in get_args(hint))
    if (kind := item_type(hint)) is not None:
        return f"a list of {NOUNS.get(kind, 'a text').removeprefix('a ')}s"
    if get_origin(hint) in (list, tuple, Sequence):
        count = len(get_args(hint)) if get_origin(hint) is tuple and ... not in hint.__args__ else 0
        return f"a list of {count} values" if count else "a list"
    return NOUNS.get(hint, "settings" if is_dataclass(hint) else "text")


def unknown_option(option: str, known: Iterable[str], command: str) -> OptionError:
    """The error of an option that there is not, with the closest that there is."""
    close = difflib.get_close_matches(option, list(known), 1)
    remedy = f"Did you mean {close[0]}?" if close else f"See telltrace {command} --help."
    return OptionError(f"there is no option {option}", remedy=remedy)


def _plain(arguments: Sequence[str], known: set[str], lists: set[str]) -> Iterator[str]:
    """``--batch-size 8`` as ``--batch_size 8``, and the content of ``--config`` for its name."""
    config = False
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if config:
            yield read_config(Path(argument), known, lists)
        elif name.startswith("--") and len(name) > 2:
            name = "--" + name[2:].replace("-", "_")
            name += "_" * (f"{name[2:]}_" in known)  # an option whose name is a word of Python
            is_file = name == "--config" and equals
            yield f"{name}{equals}{read_config(Path(value), known, lists) if is_file else value}"
        else:
            yield argument
        config = argument == "--config"


def read_config(path: Path, known: set[str], lists: set[str]) -> str:
    """A saved call as YAML text, in which single values of lists are lists of one.

    Raises:
        OptionError: If the file is no such mapping, or names an option that there is not.
    """
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), yaml.SafeLoader)
    except OSError as error:
        raise OptionError(f"cannot be read ({error.strerror})", path=path) from None
    except UnicodeDecodeError:
        raise OptionError("is not text in UTF-8", path=path) from None
    except yaml.MarkedYAMLError as error:
        line = 1 + (error.problem_mark.line if error.problem_mark else 0)
        raise OptionError(f"line {line}: is not YAML ({error.problem})", path=path) from None
    if not isinstance(root, yaml.MappingNode):
        raise OptionError("holds no options", remedy="Write lines such as 'seed: 7'.", path=path)
    for name, _ in root.value:
        name.value += "_" * (f"{name.value}_" in known)
    for key, line in _keys(root, known):
        if key not in known:
            close = difflib.get_close_matches(key, known, 1)
            remedy = f"Did you mean {close[0]}?" if close else ""
            raise OptionError(f"line {line}: there is no option {key!r}", remedy=remedy, path=path)
    for index, (name, value) in enumerate(root.value):
        if name.value in lists and isinstance(value, yaml.ScalarNode) and value.value != "null":
            one = yaml.SequenceNode("tag:yaml.org,2002:seq", [value], flow_style=True)
            root.value[index] = (name, one)
    return str(yaml.serialize(root, Dumper=yaml.SafeDumper))


def _keys(node: yaml.MappingNode, known: set[str], group: str = "") -> Iterator[tuple[str, int]]:
    """Every option that is named, with its line."""
    for name, value in node.value:
        key = f"{group}{name.value}"
        if isinstance(value, yaml.MappingNode) and any(k.startswith(f"{key}.") for k in known):
            yield from _keys(value, known, f"{key}.")
        else:
            yield key, name.start_mark.line + 1
