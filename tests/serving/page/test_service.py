"""The page with the service behind it: from a dropped file to a saved report, and deletion."""

import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data

from telltrace.inference import ScanSettings
from telltrace.serving import ServeSettings
from telltrace.serving.engines import prepare_engines

from ..conftest import serving


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory, write_clip: Callable[..., Path]) -> list[Path]:
    """A photograph, and a clip in which it moves."""
    folder = tmp_path_factory.mktemp("media")
    Image.fromarray(data.astronaut()).save(folder / "portrait.png")
    frames = [np.ascontiguousarray(data.astronaut()[:300, 60 - i : 380 - i]) for i in range(12)]
    return [folder / "portrait.png", write_clip(folder / "moving.mp4", frames)]


@pytest.fixture(scope="module")
def served(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service with the detector in the package; none without a browser."""
    folder, scan = tmp_path_factory.mktemp("service"), ScanSettings(frames=12)
    settings = ServeSettings(data=folder, workers=1, device="cpu", scan=scan)
    with serving(settings, prepare_engines(settings)) as running:
        assert running.service.judges.ready.wait(120)
        yield running.url


def saved(page: Any, button: str) -> Path:
    """The file that a button saves."""
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
    return Path(download.value.path())


@pytest.mark.parametrize(
    ("width", "dark"), [(1280, False), (390, True)], ids=["1280-light", "390-dark"]
)
def test_a_picture_and_a_video_from_upload_to_deletion(
    open_page: Any, served: str, media: list[Path], width: int, dark: bool
) -> None:
    page = open_page(served, width, dark)
    page.locator("#choose").set_input_files(media)
    page.locator("#files .chip").nth(1).wait_for(timeout=60_000)
    for name, kind in (("portrait.png", "image"), ("moving.mp4", "video")):
        page.locator(".file", has_text=name).click()
        page.locator(".crumb", has_text=name).wait_for()
        verdict = json.loads(saved(page, "Verdict as JSON").read_text())
        assert verdict["kind"] == kind
        assert page.locator(".banner .status").inner_text() == verdict["verdict"]
        assert page.locator("article").count() == len(verdict["tracks"]) == 1
        assert verdict["sha256"] in page.locator("#result").inner_text()
        assert saved(page, "Report").read_text().startswith("<!DOCTYPE html>")
        assert zipfile.ZipFile(saved(page, "Marked pictures")).namelist()
        page.get_by_role("radio", name="Map").check()
        page.locator(".frame image[href^='blob:']").wait_for(state="attached")
        assert page.get_by_role("slider").count() == (kind == "video")
    page.get_by_role("slider").focus()
    page.keyboard.press("Home")
    assert "at 0.00 s" in page.locator(".caption").inner_text()
    page.get_by_text("What it was trained on").click()
    page.get_by_text("Terms of the weights").wait_for()
    page.get_by_role("button", name="Delete all").click()
    page.get_by_text("Nothing yet").wait_for()
