"""Does every one of 2,000 damaged files get a status, without a crash, a hang or growing memory?

Makes clips and pictures of its own in eight formats, damages them in eight ways (flipped bits,
truncation, swapped heads, absurd sizes, ...), adds empty files, links that lead nowhere or in
circles, pipes, folders and strange names, and judges them all with the detector in the package.

    python benchmarks/scan_fuzz.py --files 2000
    python benchmarks/scan_fuzz.py --files 2000 --metadata     # readers of provenance alone
"""

import argparse
import json
import tempfile
import time
from collections import Counter
from pathlib import Path

from metadata_material import damaged, signed_media, sound_media
from scan_material import load, make_corpus, watch

from telltrace.batch import batch_scan
from telltrace.evidence.provenance import read_provenance


def main() -> int:
    """Run it, print the table; 1 if a file is without a status or a limit was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--time-limit", type=float, default=60, help="seconds of a file")
    parser.add_argument("--memory", type=float, default=3000, help="MiB that all may hold")
    parser.add_argument("--metadata", action="store_true", help="damage and read metadata alone")
    args = parser.parse_args()
    print(load())
    if args.metadata:
        return read_metadata(args.files, args.seed, args.memory)
    with tempfile.TemporaryDirectory() as folder:
        made = make_corpus(Path(folder) / "in", args.files, args.seed)
        out, started = Path(folder) / "out", time.perf_counter()
        with watch() as use:
            batch_scan(
                [str(Path(folder) / "in")],
                out,
                device="cpu",
                workers=args.workers,
                time_limit=args.time_limit,
                sample="spread",
                frames=4,
            )
        seconds = time.perf_counter() - started
        verdicts = [json.loads(line) for line in (out / "verdicts.jsonl").open()]
        summary = json.loads((out / "summary.json").read_text())
    told = {verdict["path"]: verdict for verdict in verdicts}
    missing = [path for path in made if str(path) not in told]
    unexplained = [v for v in verdicts if not v["verdict"] and not (v["reason"] and v["remedy"])]
    show(verdicts)
    for verdict in verdicts:
        if "could not be processed" in verdict["reason"] or "decoder" in verdict["reason"]:
            print(f"  {verdict['path'][-60:]!r}: {verdict['reason']}")
    print(f"{len(verdicts)} statuses for {len(made)} files; lost: {summary['lost'] or 'none'}")
    print(f"without a reason or remedy: {len(unexplained)}; {seconds:.0f} s; MiB at most: driver")
    print(f"{use.driver:.0f}, a worker {use.largest_worker:.0f}, all {use.together:.0f}")
    sound = len(verdicts) == len(made) and not missing and not unexplained
    return int(not sound or bool(summary["lost"]) or use.together > args.memory)


def read_metadata(files: int, seed: int, memory: float) -> int:
    """Read the provenance of damaged files; 1 if one takes a second, or all too much memory."""
    kinds, seconds = Counter[tuple[str, str]](), []
    with tempfile.TemporaryDirectory() as folder, watch() as use:
        media, path = sound_media(Path(folder)), Path(folder) / "damaged"
        media += signed_media(Path(folder), media)
        for number in range(files):
            how, data = damaged(media, number, seed)
            path.write_bytes(data)
            started = time.perf_counter()
            found = {one.kind for one in read_provenance(path)}  # what it raises ends this
            seconds.append(time.perf_counter() - started)
            damage = {"metadata.damaged", "metadata.unread"} & found
            said = "damage named" if damage else "findings" if found else "no findings"
            kinds[how.partition(".")[2], said] += 1
    for (kind, said), count in sorted(kinds.items()):
        print(f"{kind:6}{said:16}{count:6}")
    slowest = max(seconds)
    print(
        f"{files} files read, none raised; {1000 * sum(seconds) / files:.2f} ms each in the mean,"
    )
    print(f"{1000 * slowest:.1f} ms at most; {use.driver:.0f} MiB at most")
    return int(slowest > 1 or use.driver > memory)


def show(verdicts: list[dict[str, str]]) -> None:
    """Statuses by what was done to the file."""
    counts = Counter((Path(v["path"]).name.split("_")[0], v["status"]) for v in verdicts)
    names = sorted({status for _, status in counts})
    print(f"{'':12}" + "".join(f"{name:>16}" for name in names))
    for done in sorted({done for done, _ in counts}):
        print(f"{done:12}" + "".join(f"{counts[done, name] or '':>16}" for name in names))


if __name__ == "__main__":
    raise SystemExit(main())
