"""`telltrace --completion bash`: a script with which a shell completes what is typed."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, Union, get_args, get_origin

from telltrace.errors import OptionError

from .parser import Command

SHELL = """\
# Completion of telltrace for bash. Load it with: source <(telltrace --completion bash)
_telltrace() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words=""
  if [[ $COMP_CWORD == 1 ]]; then
    words="COMMANDS"
  else
    case "${COMP_WORDS[1]}:$before" in
VALUES
      *) [[ $word == -* ]] && case "${COMP_WORDS[1]}" in
OPTIONS
      esac ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _telltrace telltrace
"""


def completion(shell: str, commands: Mapping[str, Command]) -> str:
    """The script for a shell, from the options of all commands; an OptionError for others."""
    if shell != "bash":
        remedy = "zsh reads bash's after: autoload bashcompinit && bashcompinit"
        raise OptionError(f"There is a completion for bash, none for {shell!r}", remedy=remedy)
    options = [f'        {name}) words="{_options(one)}" ;;' for name, one in commands.items()]
    values = [
        f'      {name}:--{option}) words="{" ".join(map(str, choices))}" ;;'
        for name, command in commands.items()
        for option, choices in _choices(command)
    ]
    names = " ".join([*commands, "--help", "--version", "--completion"])
    script = SHELL.replace("COMMANDS", names).replace("VALUES", "\n".join(values))
    return script.replace("OPTIONS", "\n".join(options))


def _options(command: Command) -> str:
    """Every option of a command, those of groups with a dot, as `--data.image_size`."""
    parser = command.parser("telltrace")
    named = [text for action in parser._actions for text in action.option_strings]
    return " ".join(sorted({text for text in named if text.startswith("--")}))


def _choices(command: Command) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Options that take one of a few values, with these."""
    for name, parameter in command.parameters.items():
        hint = parameter.annotation
        members = get_args(hint) if get_origin(hint) is Union else (hint,)
        for one in members:
            if get_origin(one) is Literal:
                yield name, get_args(one)
