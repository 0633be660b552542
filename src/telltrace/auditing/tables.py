"""An audit as text for a terminal: what is wrong first, and what to do about it."""

from collections import Counter
from collections.abc import Iterator

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from ..evaluation.text_tables import text_table, to_lines
from .leaks import MEANING
from .quality import FLAWS, NAMES
from .report import Audit
from .shortcuts import LEVEL, SURE, Shortcut

STYLES = {"shortcut": "bold red", "trace": "yellow", "cannot say": "yellow", "no sign": "green"}
LISTED = 5
"""Files of a kind of trouble that are named; JSON has all of them."""


def render(audit: Audit, width: int = 100, colour: bool = False) -> str:
    """The whole audit, without a trailing newline."""
    parts: list[RenderableType] = [_summary(audit)]
    sections = {"Leaks": _leaks, "Shortcuts": _shortcuts, "Balance": _counts}
    for heading, section in {**sections, "Files and faces": _files}.items():
        parts += [Text(heading, style="bold"), *section(audit), ""]
    return to_lines(parts, width, colour).rstrip()


def _indented(text: str, style: str = "") -> Padding:
    return Padding(Text(text, style=style), (0, 0, 0, 2))


def _summary(audit: Audit) -> Text:
    seen = "all" if audit.looked_at == audit.files else f"{audit.looked_at}"
    sides = ", ".join(audit.sides) or "none"
    verdicts = Counter(answer.verdict for answer in audit.shortcuts.answers)
    where = f"{_many(audit.rows, 'row')} of {_many(len(audit.manifests), 'manifest')}"
    files = f"{_many(audit.files, 'file')} ({seen} opened)"
    leaks, shortcuts = _many(len(audit.leaks), "leak"), _many(verdicts["shortcut"], "shortcut")
    troubles = f"{_many(len(audit.troubles), 'file')} with troubles"
    return Text(f"{where}, {files}; sides: {sides}.\n{leaks}, {shortcuts}, {troubles}.\n")


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _leaks(audit: Audit) -> Iterator[RenderableType]:
    if len(audit.sides) < 2:
        remedy = "Assign splits, or give more manifests."
        yield _indented(f"Nothing to compare: there are no two sides. {remedy}")
    elif not audit.leaks:
        yield _indented("None found.", "green")
    for leak in audit.leaks:
        share = f"{leak.found} of {leak.total} in {leak.second}"
        text = f"{leak.first} / {leak.second}: {MEANING[leak.kind]} ({share})"
        yield _indented(text, "bold red")
        for x in leak.examples[:2]:
            name = f"{x.what}: " if x.what else ""
            both = f"{name}{x.first} | {x.second}" if x.first != x.second else x.first
            yield _indented(f"  {both}")
        yield _indented(f"  {leak.remedy}", "italic")


def _shortcuts(audit: Audit) -> Iterator[RenderableType]:
    found = audit.shortcuts
    basis = f"{found.media} files, {found.groups} {found.basis}"
    yield _indented(f"Can these tell fakes from reals, of people unseen? {basis}.")
    told = [answer for answer in found.answers if answer.verdict != "same everywhere"]
    if told:
        columns = ["property", f"AUC [{100 * LEVEL:g} %]", "chance", "verdict"]
        yield text_table([*columns, "difference"], map(_answer, told), whole=columns)
    same = ", ".join(a.name for a in found.answers if a.verdict == "same everywhere")
    if same:
        yield _indented(f"The same in all files, or in none: {same}.")
    yield from (_indented(f"{a.name}: {a.remedy}", "italic") for a in found.answers if a.remedy)


def _answer(answer: Shortcut) -> tuple[str, str, str, Text, str]:
    value = "" if answer.auc is None else f"{answer.auc:.3f} [{answer.low:.3f}, {answer.high:.3f}]"
    chance = ""
    if answer.chance is not None:
        chance = f"{answer.chance:.1g}" if answer.chance > SURE else f"below {SURE:g}"
    verdict = Text(answer.verdict, style=STYLES.get(answer.verdict, ""))
    return answer.name, value, chance, verdict, answer.detail


def _counts(audit: Audit) -> Iterator[RenderableType]:
    counts = ["files", "videos", "people"]
    table = text_table(["side", "data set, compression, method", *counts], right=counts)
    side = None
    for c in audit.counts:
        name = " ".join(part for part in (c.dataset, c.compression, c.method) if part)
        shown = "" if c.side == side else c.side or "(none)"
        table.add_row(shown, name, str(c.files), str(c.videos), str(c.people))
        side = c.side
    yield table
    yield from map(_indented, audit.notes)


def _files(audit: Audit) -> Iterator[RenderableType]:
    kinds = Counter(trouble.kind for trouble in audit.troubles)
    if not kinds:
        yield _indented("All files opened could be read.", "green")
    for kind, count in kinds.items():
        yield _indented(f"{_many(count, 'file')} {kind}:", "bold red")
        some = [trouble for trouble in audit.troubles if trouble.kind == kind][:LISTED]
        yield from (_indented(f"  {x.path}: {x.reason}. {x.remedy}.") for x in some)
    for flaw, meaning in FLAWS.items():
        of = [f for f in audit.flaws if f.flaw == flaw]
        shares = ", ".join(f"{NAMES[f.label]} {f.found} of {f.total}" for f in of)
        worst = next((f.examples[0] for f in of if f.examples), "")
        such = f"; such as {worst}" if worst else ""
        yield _indented(f"{flaw} ({meaning}): {shares or 'no boxes to know by'}{such}")
