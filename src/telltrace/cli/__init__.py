"""The command line: every command is a function of the library and a printer of its result."""

import io
import logging
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence

from telltrace.errors import OptionError, TelltraceError, printable
from telltrace.files.version import VERSION

from .calibration import calibrate
from .completion import completion
from .custody import verify
from .data import audit, pack, prepare
from .doctor import doctor
from .ensemble import ensemble
from .exporting import benchmark, export
from .parser import Command, did_you_mean
from .paths import check_paths
from .quickstart import quickstart
from .scan import explain, scan
from .scores import evaluate, predict, report, reproduce, robustness
from .serve import serve
from .show import show
from .training import complexity, detectors, import_weights, runs, train

COMMANDS: dict[str, Command] = {
    "scan": Command(
        scan, "inference.ScanSettings batch.batch_scan", without=["window", "sources", "detector"]
    ),
    "serve": Command(
        serve, "serving.ServeSettings inference.ScanSettings", without=["window", "scan", "prior"]
    ),
    "verify": Command(verify),
    "explain": Command(explain, "inference.ScanSettings", without=["window", "prior", "trust"]),
    "prepare": Command(prepare, "data.prepare"),
    "pack": Command(pack),
    "audit": Command(audit, "auditing.audit"),
    "show": Command(show),
    "train": Command(train, "training.train"),
    "runs": Command(runs),
    "predict": Command(predict, "inference.scoring.predict", without=["detector"]),
    "evaluate": Command(evaluate, "evaluation.evaluate", without=["top"]),
    "calibrate": Command(calibrate, "inference.calibrate.calibrate", without=["before"]),
    "ensemble": Command(
        ensemble, "inference.ensemble.combine_detectors", without=["detectors", "names"]
    ),
    "export": Command(export),
    "benchmark": Command(benchmark),
    "robustness": Command(robustness, "robustness.measure_robustness", without=["detector"]),
    "report": Command(report, "reports.build_report"),
    "reproduce": Command(reproduce, "reproduction.Setup"),
    "detectors": Command(detectors),
    "complexity": Command(complexity),
    "import-weights": Command(import_weights, "published.import_weights"),
    "quickstart": Command(quickstart),
    "doctor": Command(doctor),
}


def main(arguments: Sequence[str] | None = None, commands: Mapping[str, Command] = COMMANDS) -> int:
    """Run the command that the arguments name, and turn what went wrong into one sentence.

    Returns:
        The command's exit code; 2 when the input or the settings were at fault, 70 for an error
        of ours, 130 when interrupted.
    """
    logger, handler = logging.getLogger("telltrace"), logging.StreamHandler()
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.INFO)
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of files may be in no encoding
        sys.stdout.reconfigure(errors="backslashreplace")
    given = sys.argv[1:] if arguments is None else arguments
    try:
        return _run(commands, given)
    except KeyboardInterrupt:
        where = "goes on where it was" if _goes_on(given) else "starts from the beginning"
        sys.stderr.write(f"telltrace: interrupted. The same command {where}.\n")
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # whoever read us has gone: nothing is left to say
        return 0
    except Exception as error:
        said, code = _explain(error)
        sys.stderr.write(f"telltrace: {said}\n")
        return code
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def _explain(error: Exception) -> tuple[str, int]:
    """What went wrong, as one sentence, and the exit code."""
    if isinstance(error, TelltraceError):
        return str(error), 2
    if isinstance(error, OSError):  # names a file, and whoever named it can put that right
        remedy = "Check its name, and whether you may use it."
        name = printable(error.filename or "")
        return (f"{name}: {error.strerror}. {remedy}" if name else str(error)), 2
    if isinstance(error, MemoryError):
        remedy = "Use smaller pictures, sizes or batches, or fewer workers."
        return f"there is too little memory for this. {remedy}", 2
    report = f"Please report it with {_keep_traceback(error)}, which says where it happened."
    found = " ".join(f"{type(error).__name__}: {error}".split())
    return f"an error of telltrace itself ({found}). {report}", 70  # EX_SOFTWARE of sysexits.h


def _goes_on(arguments: Sequence[str]) -> bool:
    """Whether a call that was stopped goes on when it is given again."""
    resumed = {"prepare", "train", "robustness", "reproduce"}
    out = any(word.partition("=")[0] == "--out" for word in arguments)
    return arguments[0] in resumed or (arguments[0] == "scan" and out)


def _run(commands: Mapping[str, Command], arguments: Sequence[str]) -> int:
    name, *rest = arguments or ["--help"]
    if name in ("-h", "--help"):
        print("usage: telltrace COMMAND [ARGUMENTS], telltrace COMMAND --help, telltrace --version")
        print("       telltrace --completion bash")
        print("\nTell whether a face in a picture or video was forged.\n")
        width = max(map(len, commands))
        for known, command in commands.items():
            print(f"  {known:{width}}  {command.summary}")
    elif name == "--version":
        print(f"telltrace {VERSION}")
    elif name == "--completion":
        print(completion(rest[0] if rest else "bash", commands), end="")
    elif name in commands:
        values = commands[name].parse(name, rest)
        check_paths(values)
        return commands[name].function(**values)
    else:
        flags = ("--help", "--version", "--completion")
        remedy = did_you_mean(name, [*commands, *flags]) or "See telltrace --help."
        raise OptionError(f"there is no command {name!r}", remedy=remedy)
    return 0


def _keep_traceback(error: Exception) -> str:
    """The name of a new file with the traceback."""
    with tempfile.NamedTemporaryFile("w", prefix="telltrace-", suffix=".txt", delete=False) as file:
        traceback.print_exception(error, file=file)
    return file.name
