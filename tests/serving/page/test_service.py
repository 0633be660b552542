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
    frames = [np.ascontiguousarray(data.astronaut()[:300, 60 - i : 380 - i]) for i in range(4)]
    return [folder / "portrait.png", write_clip(folder / "moving.mp4", frames)]


@pytest.fixture(scope="module")
def served(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service with the detector in the package; none without a browser."""
    folder, scan = tmp_path_factory.mktemp("service"), ScanSettings(frames=4, backend="torch")
    settings = ServeSettings(data=folder, workers=1, device="cpu", scan=scan)
    with serving(settings, prepare_engines(settings)) as running:
        assert running.service.judges.ready.wait(120)
        yield running.url


def saved(page: Any, button: str) -> Path:
    """The file that a button saves."""
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
    return Path(download.value.path())


def check_each_look(page: Any) -> None:
    """Wide and narrow, light and dark: verdict and timeline are there, and none is cut off."""
    for width in (1280, 390):
        for scheme in ("light", "dark"):
            page.set_viewport_size({"width": width, "height": 844})
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.locator(".banner h1").is_visible()
            assert page.locator(".frame").bounding_box()["width"] > 250
            ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (ground < "rgb(2") == (scheme == "dark")
            if page.get_by_role("slider").count():
                assert page.get_by_role("slider").bounding_box()["width"] > 250


def test_a_picture_and_a_video_from_upload_to_deletion(
    open_page: Any, served: str, media: list[Path]
) -> None:
    page = open_page(served)
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
        check_each_look(page)
    page.get_by_role("slider").focus()
    page.keyboard.press("Home")
    assert "at 0.00 s" in page.locator(".caption").inner_text()
    page.get_by_text("What it was trained on").click()
    page.get_by_text("Terms of the weights").wait_for()
    page.get_by_role("button", name="Delete all").click()
    page.get_by_text("Nothing yet").wait_for()


def test_an_example_without_a_face_gets_no_score(open_page: Any, served: str) -> None:
    page = open_page(served)
    page.get_by_role("button", name="A drawing without a face").click()
    page.get_by_role("heading", name="There is no face to judge").wait_for(timeout=60_000)
    assert "%" not in page.locator(".banner").inner_text()
    page.get_by_role("link", name="HTTP interface").click()
    page.get_by_text("/v1/scan").first.wait_for()
