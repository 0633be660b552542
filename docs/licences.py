"""The page about dependencies: `python docs/licences.py > docs/dependencies.md`.

It asks the packages that are installed here for their terms, so run it where all extras are.
"""

import re
import tomllib
from importlib import metadata
from pathlib import Path

PROJECT = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text())["project"]
HEAD = """\
# Dependencies and their licences

Written by `python docs/licences.py`, from what the installed packages say of themselves. Each has
terms of its own, and packages that it needs in turn. None of them is part of telltrace's wheel.
"""


def licence(name: str) -> str:
    """A package's licence as it states it: an expression, classifiers, or the first words."""
    try:
        about = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return "not installed here"
    if expression := about.get("License-Expression"):
        return str(expression)
    kinds = [
        c.rpartition(" :: ")[2] for c in about.get_all("Classifier") or [] if "License ::" in c
    ]
    said = (about.get("License") or "").strip().splitlines()
    return ", ".join(kinds) or (said[0][:60] if said else "see the package")


def rows(requirements: list[str]) -> list[str]:
    """One row of the table for each requirement."""
    found = []
    for requirement in sorted(requirements, key=str.lower):
        name, _, bounds = re.match(r"([\w.-]+)(\[[\w,]+\])?(.*)", requirement).groups()  # type: ignore[union-attr]
        if name != "telltrace":
            found.append(f"| {name.lower()} | `{bounds}` | {licence(name)} |")
    return found


def main() -> None:
    """Print the page."""
    print(HEAD)
    groups = {"Always": PROJECT["dependencies"], **PROJECT["optional-dependencies"]}
    for group, requirements in groups.items():
        title = group if group == "Always" else f"Extra `{group}`"
        print(f"## {title}\n\n| package | versions | licence |\n|---|---|---|")
        print("\n".join(rows(requirements)) + "\n")


if __name__ == "__main__":
    main()
