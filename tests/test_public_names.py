"""What users may rely on: the package's public names, and how little importing it costs."""

import importlib
import inspect
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

import telltrace
from telltrace import errors
from telltrace.renamed import RENAMED, new_path

NAMES_OF_0_1 = Path(__file__).parent / "contract" / "files_of_0_1" / "public_names.txt"
NAMES = [
    "CheckpointError",
    "DependencyError",
    "ManifestError",
    "MediaError",
    "OptionError",
    "OutputError",
    "Scanner",
    "TelltraceError",
    "__version__",
    "audit",
    "convert",
    "create_detector",
    "evaluate",
    "export_published",
    "list_detectors",
    "load_detector",
    "load_published",
    "predict",
    "prepare",
    "scan",
    "train",
]
SIGNATURES = {
    "Scanner": "detector= * face_detector= device= threads= **settings",
    "audit": "manifest * compare= limit= frames= workers= seed=",
    "convert": "model alpha= beta= * downsample= kernel_size= image_size=",
    "create_detector": "name **options",
    "evaluate": "scores * columns= aggregation= top= replicates= level= seed=",
    "export_published": "detector",
    "list_detectors": "family=",
    "load_detector": "path= device= precision= backend=",
    "load_published": "name state",
    "predict": "manifest * detector= split= protocol= batch_size= device= backend=",
    "prepare": "source * out layout= compressions= methods= name= label= splits= relocate= fakes= "
    "protocol= frames= sample= size= margin= alignment= faces= paper= workers=",
    "scan": "source * times= detector= device= **settings",
    "train": "* manifest out detector= options= from_= data= objective= optim= hardware= seed= "
    "device= precision= save_every= keep= sweep= sweep_on=",
}
"""Parameters of the public functions; those after ``*`` by name only, those with ``=`` optional."""


def shape(function: Callable[..., object]) -> str:
    """A signature as in `SIGNATURES`."""
    words: list[str] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in words:
            words.append("*")
        stars = "**" if parameter.kind is parameter.VAR_KEYWORD else ""
        optional = "" if parameter.default is parameter.empty else "="
        words.append(f"{stars}{parameter.name}{optional}")
    return " ".join(words)


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_signatures_are_frozen(name: str) -> None:
    assert shape(getattr(telltrace, name)) == SIGNATURES[name]


def test_the_public_names_are_frozen() -> None:
    assert telltrace.__all__ == dir(telltrace) == NAMES
    for name in NAMES:
        assert getattr(telltrace, name) is not None


def test_every_error_is_public_and_of_one_tree() -> None:
    tree = [x for x in vars(errors).values() if isinstance(x, type) and issubclass(x, ValueError)]
    assert {x.__name__ for x in tree} == {name for name in NAMES if name.endswith("Error")}
    for kind in tree:
        assert issubclass(kind, telltrace.TelltraceError)
        assert getattr(telltrace, kind.__name__) is kind


def test_importing_the_package_is_quick_and_imports_no_torch() -> None:
    code = (
        "import sys, time; start = time.process_time(); import telltrace\n"
        "print(time.process_time() - start, 'torch' in sys.modules, 'numpy' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, *heavy = said.stdout.split()
    assert heavy == ["False", "False"]
    assert float(seconds) < 0.15


def test_other_names_do_not_exist() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'detect'"):
        telltrace.detect  # noqa: B018


@pytest.mark.parametrize("old", [*RENAMED, "telltrace.train.config", "telltrace.audit.leaks"])
def test_old_import_paths_give_the_same_modules_and_a_warning(old: str) -> None:
    for name in [name for name in sys.modules if name == old]:
        del sys.modules[name]
    with warnings.catch_warnings():  # the room warns too, when it is first imported
        warnings.simplefilter("ignore")
        importlib.import_module(old.rpartition(".")[0])
    with pytest.warns(DeprecationWarning, match=f"{old} is now telltrace."):
        module = importlib.import_module(old)
    new = importlib.import_module(str(new_path(old)))
    assert new.__name__ != old
    assert module is new or module.__path__ == []
    assert all(getattr(module, name) is getattr(new, name) for name in vars(new) if name[0] != "_")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("line", NAMES_OF_0_1.read_text().splitlines())
def test_the_public_names_of_0_1_are_there_or_the_error_says_where_to_look(line: str) -> None:
    room, *names = line.split()
    for name in names:
        try:
            assert not inspect.ismodule(getattr(__import__(room, fromlist=[name]), name))
        except ImportError as error:
            said, _, place = str(error).rpartition(" ")
            assert said == f"{room}.{name} is gone; what takes its place is in"
            assert importlib.import_module(place)


def test_importing_an_old_room_hides_no_function() -> None:
    code = (
        "import telltrace.train.run, telltrace.evaluate.compare, telltrace.audit as old\n"
        "import telltrace, telltrace.inference.predict\n"
        "from telltrace import evaluation, inference\n"
        "found = telltrace.train, telltrace.evaluate, telltrace.audit, evaluation.compare, \\\n"
        "inference.predict\n"
        "print(*(type(one).__name__ for one in found))"
    )
    call = [sys.executable, "-W", "ignore", "-c", code]
    said = subprocess.run(call, capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["function"] * 5


def test_old_names_of_the_loaded_detector_and_of_evaluate_still_work() -> None:
    from telltrace import checkpoint, evaluation

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert checkpoint.load_checkpoint is checkpoint.load_detector
        assert checkpoint.Judge is checkpoint.Detector
        assert evaluation.evaluate_scores is evaluation.evaluate
    assert [warning.category for warning in said] == [DeprecationWarning] * 3
