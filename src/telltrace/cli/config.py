"""YAML files of saved calls, checked before they are used, so that an error has its line."""

import difflib
from collections.abc import Iterator
from pathlib import Path

import yaml

from telltrace.errors import OptionError


def read_config(path: Path, known: set[str], lists: set[str]) -> str:
    """A saved call as YAML text, in which single values of lists are lists of one.

    Args:
        path: A mapping of options to values; groups of options are mappings in it.
        known: Every option, those of groups with a dot.
        lists: Those that take several values.

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
