"""What users may rely on: the package's public names, and how little importing it costs."""

import subprocess
import sys

import pytest

import telltrace


def test_the_public_names_are_frozen() -> None:
    assert telltrace.__all__ == [
        "__version__",
        "convert",
        "create_detector",
        "export_published",
        "load_published",
    ]
    assert set(telltrace.__all__) <= set(dir(telltrace))


def test_they_are_the_rooms_own() -> None:
    from telltrace import conversion, models, published

    assert telltrace.convert is conversion.convert
    assert telltrace.create_detector is models.create_detector
    for name in ("export_published", "load_published"):
        assert getattr(telltrace, name) is getattr(published, name)


def test_importing_the_package_imports_no_torch() -> None:
    code = "import sys, telltrace; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_other_names_do_not_exist() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'detect'"):
        telltrace.detect  # noqa: B018
