"""What `telltrace scan` takes with and without a folder for results."""

import json
from pathlib import Path

import pytest
from PIL import Image

from telltrace.cli import main


def test_a_folder_a_list_and_a_pattern_go_to_one_folder_of_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("a", "b", "c"):
        (tmp_path / folder).mkdir()
        Image.new("RGB", (64, 64)).save(tmp_path / folder / "grey.png")
    (tmp_path / "list.txt").write_text(f"{tmp_path}/b/grey.png\n")
    sources = [str(tmp_path / "a"), str(tmp_path / "list.txt"), str(tmp_path / "[c]" / "*.png")]
    out = tmp_path / "out"
    call = ["scan", *sources, "--out", str(out), "--workers", "1", "--device", "cpu"]
    for reused in (0, 3):
        assert main(call) == 1  # no face, so no verdict
        assert f"3 files ({reused} from an earlier run): 3 NO_FACE" in capsys.readouterr().out
    lines = (out / "verdicts.jsonl").read_text().splitlines()
    found = [Path(json.loads(line)["path"]).parent.name for line in lines]
    assert found == ["a", "b", "c"]
    assert main([*call, "--time-limit", "9"]) == 1  # no part of what the verdicts depend on
    assert main([*call, "--frames", "9"]) == 2
    assert "other settings (frames was 36, is 9" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--workers", "2"], "need --out"),
        (["--retry"], "need --out"),
        (["--out", "o", "--json"], "--out is not for"),
        (["--out", "a.mp4/o"], "a.mp4 is no folder). Choose another place."),
        (["--out", "o", "--checkpoint", "none.safetensors"], "none.safetensors: no such file"),
        (["--out", "o", "--workers", "0"], "workers must be at least 1"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    options: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.mp4").touch()
    assert main(["scan", "a.mp4", *options]) == 2
    assert said in capsys.readouterr().err
    assert not Path("o").exists()
