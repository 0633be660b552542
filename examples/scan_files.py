"""Judge files, and say who in them looks forged, and when.

python examples/scan_files.py FILE...
"""

import sys

from telltrace import Scanner
from telltrace.inference import Verdict


def describe(verdict: Verdict) -> str:
    """The verdict on a file, and below it a line for each person who is not simply real."""
    if verdict.verdict is None:
        return f"{verdict.path}: {verdict.status}. {verdict.reason} {verdict.remedy}"
    lines = [f"{verdict.path}: {verdict.status}, {verdict.score:.0%}. {verdict.reason}"]
    for number, person in enumerate(verdict.tracks, 1):
        if person.status == "REAL":
            continue
        when = ", ".join(f"{span.start:.1f} to {span.end:.1f} s" for span in person.forged)
        lines.append(f"  person {number}: {person.status}, {when or 'no stretch stands out'}")
    return "\n".join(lines)


def main(files: list[str]) -> None:
    """Judge one file after the other; what is damaged stops nothing."""
    scanner = Scanner()  # keeps its models
    for verdict in scanner.scan_many(files):
        print(describe(verdict))


if __name__ == "__main__":
    main(sys.argv[1:])
