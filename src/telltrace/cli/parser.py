"""Functions as commands: positional parameters are arguments, keyword-only ones are options."""

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args, get_origin, get_type_hints

from docstring_parser import parse as parse_docstring
from jsonargparse import ArgumentParser, set_parsing_settings

from telltrace import __version__

Command = Callable[..., int]


def create_parser(commands: Mapping[str, Command]) -> ArgumentParser:
    """A parser with one subcommand for each function.

    Parameters before ``*`` become positional arguments (a list takes one or more), flags that
    are off by default need no value, and everything else is read by its type. Options may be
    spelt with dashes or underscores.
    """
    set_parsing_settings(docstring_parse_attribute_docstrings=True)
    parser = ArgumentParser(
        prog="telltrace", description="Tell whether a face in a picture or video was forged."
    )
    parser.add_argument("--version", action="version", version=f"telltrace {__version__}")
    subcommands = parser.add_subcommands(dest="command")
    for name, function in commands.items():
        summary = parse_docstring(function.__doc__ or "").short_description
        subcommands.add_subcommand(name, _subparser(function), help=summary)
    return parser


class _Subparser(ArgumentParser):
    """In a YAML file, one value may stand for a list of one."""

    def _check_value_key(self, action: Any, value: Any, *arguments: Any, **options: Any) -> Any:
        if action.nargs == "+" and isinstance(value, str | int | float):
            value = [value]
        return super()._check_value_key(action, value, *arguments, **options)


def _subparser(function: Command) -> ArgumentParser:
    text = parse_docstring(function.__doc__ or "")
    describe = {p.arg_name: p.description for p in text.params}
    long = f"\n\n{text.long_description}" if text.long_description else ""
    parser = _Subparser(description=f"{text.short_description}{long}")
    parser.add_argument("--config", action="config", help="YAML file with a saved call.")
    hints = get_type_hints(function)
    plain: set[str | int] = set()
    for parameter in inspect.signature(function).parameters.values():
        name, hint = parameter.name, hints[parameter.name]
        many = get_origin(hint) is list
        what = {"type": get_args(hint)[0], "nargs": "+"} if many else {"type": hint}
        if parameter.kind is not parameter.KEYWORD_ONLY:
            parser.add_argument(name, help=describe.get(name), **what)
        elif many:
            required = parameter.default is parameter.empty
            default = None if required else parameter.default
            parser.add_argument(
                f"--{name}", help=describe.get(name), required=required, default=default, **what
            )
        elif hint is bool and parameter.default is False:
            parser.add_argument(f"--{name}", action="store_true", help=describe.get(name))
        else:
            continue
        plain.add(name)
    parser.add_function_arguments(function, skip=plain, as_group=False)
    return parser


def _with_underscores(arguments: Sequence[str]) -> list[str]:
    """``--batch-size 8`` as ``--batch_size 8``; values and arguments are left alone."""
    result = []
    for argument in arguments:
        name, equals, value = argument.partition("=")
        is_option = name.startswith("--") and len(name) > 2
        result.append("--" + name[2:].replace("-", "_") + equals + value if is_option else argument)
    return result


def run(commands: Mapping[str, Command], arguments: Sequence[str]) -> int:
    """Parse the arguments, call the command, and turn what went wrong into one sentence.

    Returns:
        The command's exit code; 2 when the input or the settings were at fault, 130 when
        interrupted.
    """
    parser = create_parser(commands)
    settings = parser.parse_args(_with_underscores(arguments))
    try:
        values: dict[str, Any] = vars(parser.instantiate(settings)[settings.command])
        values.pop("config", None)
        return commands[settings.command](**values)
    except KeyboardInterrupt:
        sys.stderr.write("telltrace: interrupted\n")
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # whoever read us has gone: nothing is left to say
        return 0
    except (ValueError, OSError, FloatingPointError) as error:
        sys.stderr.write(f"telltrace: {error}\n")
        return 2
