"""`telltrace verify`: whether a sealed report and its file are what they were."""

from functools import partial
from pathlib import Path
from typing import Literal


def verify(
    report: Path,
    media: Path | None = None,
    *,
    checkpoint: list[Path] = [],  # noqa: B006  never changed; the parser reads it
    device: Literal["auto", "cpu", "cuda"] = "auto",
    trust: str | None = None,
) -> int:
    """Check a sealed report, and that a file is the one it was made of.

    Hashes are computed again of the report's parts, the file and the pixels of each judged frame;
    if all agree, the file is judged again. See docs/custody.md for what this does not prove.

    Exit code 0 when nothing differs, 1 when anything does.

    Args:
        report: JSON file that `telltrace scan --seal` wrote.
        media: The file that was judged, or a copy of it.
        checkpoint: The detectors that judged it; by default the one in the package.
        device: Where to compute.
        trust: PEM file of certificates, as it was given to the scan.
    """
    from telltrace.evidence.findings import cleaned
    from telltrace.inference import Scanner, ScanSettings
    from telltrace.inference.custody import verify_report

    ScanSettings(trust=trust)  # an OptionError if it is no list of signers
    build = partial(Scanner, checkpoint or None, device=device, trust=trust)
    checks = verify_report(report, media, build)
    words = {True: "agrees", False: "DIFFERS", None: "not checked"}
    for check in checks:
        print(f"{words[check.agrees]:12} {check.name:20} {cleaned(check.said)}")
    differs = [check.name for check in checks if check.agrees is False]
    if differs:
        print(f"Refused. This differs from what was sealed: {', '.join(differs)}.")
    elif media is None:
        print("The report is as it was sealed. Name the file as well to compare it.")
    elif any(check.agrees is None for check in checks):
        print("Nothing that was checked differs from what was sealed; not all was checked.")
    else:
        print("All is as it was sealed.")
    return 1 if differs else 0
