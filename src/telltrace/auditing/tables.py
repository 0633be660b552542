"""An audit as text for a terminal: what is wrong first, and what to do about it."""

from collections import Counter

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from ..evaluation.rendering import text_table, to_lines
from .leaks import MEANING, Leak
from .quality import FLAWS, NAMES
from .report import Audit
from .shortcuts import LEVEL, SURE, Shortcut

STYLES = {"shortcut": "bold red", "trace": "yellow", "cannot say": "yellow", "no sign": "green"}
LISTED = 5
"""Files of a kind of trouble that are named; JSON has all of them."""


def render(audit: Audit, width: int = 100, colour: bool = False) -> str:
    """The whole audit, without a trailing newline."""
    parts = (_summary(audit), _leaks(audit), _shortcuts(audit), _counts(audit), _files(audit))
    return to_lines(parts, width, colour).rstrip()


def _heading(text: str) -> Text:
    return Text(text, style="bold")


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


def _leaks(audit: Audit) -> RenderableType:
    if len(audit.sides) < 2:
        what = "Nothing to compare: there are no two sides. Assign splits, or give more manifests."
        return Group(_heading("Leaks"), _indented(what + "\n"))
    if not audit.leaks:
        return Group(_heading("Leaks"), _indented("None found.\n", "green"))
    return Group(_heading("Leaks"), *(part for leak in audit.leaks for part in _leak(leak)), "")


def _leak(leak: Leak) -> list[RenderableType]:
    share = f"{leak.found} of {leak.total} in {leak.second}"
    lines: list[RenderableType] = [
        _indented(f"{leak.first} / {leak.second}: {MEANING[leak.kind]} ({share})", "bold red")
    ]
    for x in leak.examples[:2]:
        name = f"{x.what}: " if x.what else ""
        both = f"{name}{x.first} | {x.second}" if x.first != x.second else x.first
        lines.append(_indented(f"  {both}"))
    return [*lines, _indented(f"  {leak.remedy}", "italic")]


def _shortcuts(audit: Audit) -> RenderableType:
    found = audit.shortcuts
    parts: list[RenderableType] = [
        _heading("Shortcuts"),
        _indented(
            f"Can these tell fakes from reals, of people unseen? {found.media} files, "
            f"{found.groups} {found.basis}."
        ),
    ]
    told = [answer for answer in found.answers if answer.verdict != "same everywhere"]
    if told:
        columns = ["property", f"AUC [{100 * LEVEL:g} %]", "chance", "verdict"]
        rows = map(_answer, told)
        parts.append(text_table([*columns, "difference"], rows, whole=columns))
    same = ", ".join(a.name for a in found.answers if a.verdict == "same everywhere")
    if same:
        parts.append(_indented(f"The same in all files, or in none: {same}."))
    parts += [_indented(f"{a.name}: {a.remedy}", "italic") for a in found.answers if a.remedy]
    return Group(*parts, "")


def _answer(answer: Shortcut) -> tuple[str, str, str, Text, str]:
    value = "" if answer.auc is None else f"{answer.auc:.3f} [{answer.low:.3f}, {answer.high:.3f}]"
    chance = ""
    if answer.chance is not None:
        chance = f"{answer.chance:.1g}" if answer.chance > SURE else f"below {SURE:g}"
    verdict = Text(answer.verdict, style=STYLES.get(answer.verdict, ""))
    return answer.name, value, chance, verdict, answer.detail


def _counts(audit: Audit) -> RenderableType:
    counts = ["files", "videos", "people"]
    table = text_table(["side", "data set, compression, method", *counts], right=counts)
    side = None
    for c in audit.counts:
        name = " ".join(part for part in (c.dataset, c.compression, c.method) if part)
        shown = "" if c.side == side else c.side or "(none)"
        table.add_row(shown, name, str(c.files), str(c.videos), str(c.people))
        side = c.side
    return Group(_heading("Balance"), table, *(_indented(note) for note in audit.notes), "")


def _files(audit: Audit) -> RenderableType:
    parts: list[RenderableType] = [_heading("Files and faces")]
    kinds = Counter(trouble.kind for trouble in audit.troubles)
    if not kinds:
        parts.append(_indented("All files opened could be read.", "green"))
    for kind, count in kinds.items():
        parts.append(_indented(f"{_many(count, 'file')} {kind}:", "bold red"))
        some = [trouble for trouble in audit.troubles if trouble.kind == kind][:LISTED]
        parts += [_indented(f"  {x.path}: {x.reason}. {x.remedy}.") for x in some]
    for flaw, meaning in FLAWS.items():
        of = [f for f in audit.flaws if f.flaw == flaw]
        shares = ", ".join(f"{NAMES[f.label]} {f.found} of {f.total}" for f in of)
        worst = next((f.examples[0] for f in of if f.examples), "")
        such = f"; such as {worst}" if worst else ""
        parts.append(_indented(f"{flaw} ({meaning}): {shares or 'no boxes to know by'}{such}"))
    return Group(*parts)
