"""The page in use: by pointer, by keys, by readers of the screen, on a phone, with a key."""

from typing import Any

import pytest

from .conftest import BASE, FORGED, Service, judged, person
from .test_words import give, shown


def test_keys_walk_through_the_moments_of_a_person(open_page: Any, service: Service) -> None:
    page = shown(open_page, service)
    slider = page.get_by_role("slider", name="Moments of person 1")
    caption = page.locator(".caption")
    assert slider.get_attribute("aria-valuetext").startswith("4.22 s: 95\u00a0%")  # the worst look
    assert caption.inner_text() == "Person 1 at 4.22 s · 95\u00a0% for this look alone"
    slider.focus()
    for key, said in (("ArrowRight", "5.28 s"), ("Home", "0.00 s"), ("ArrowLeft", "0.00 s")):
        page.keyboard.press(key)
        assert slider.get_attribute("aria-valuetext").startswith(said)
        assert f"at {said}" in caption.inner_text()
    page.get_by_role("button", name="Later moment").click()
    assert slider.get_attribute("aria-valuenow") == "2"


def test_a_click_shows_that_moment_of_that_person(open_page: Any, service: Service) -> None:
    page = shown(open_page, service)
    page.get_by_role("slider", name="Moments of person 2").click(position={"x": 42, "y": 60})
    assert page.locator(".caption").inner_text().startswith("Person 2 at 0.00 s")
    assert page.locator("rect.chosen").get_attribute("x") == "200"
    page.get_by_role("button", name="3.17 s to 5.28 s").click()
    assert page.locator(".caption").inner_text().startswith("Person 1 at 4.22 s")
    page.get_by_text("All 10 looks as a table").first.click()
    assert "4.22 s" in page.get_by_role("region", name="Looks", exact=True).inner_text()


def test_the_frame_is_shown_plain_with_faces_or_with_the_map(
    open_page: Any, service: Service
) -> None:
    page = shown(open_page, service)
    frame = page.locator(".frame")
    assert frame.locator("rect.box").count() == 2
    page.get_by_role("radio", name="Picture").check()
    assert frame.locator("rect.box").count() == 0
    page.get_by_role("radio", name="Map").check()
    assert any(asked.endswith("/map.jpg") for asked in service.asked)
    assert page.locator(".near svg").count() == 2


def test_progress_is_told_by_stage(open_page: Any, service: Service) -> None:
    service.stages = (("reading", 0.1), ("judging", 0.6), ("reading", 0.7))
    service.verdict, service.problem = None, {"title": "Stopped", "detail": "", "remedy": ""}
    page = open_page(BASE, serve=service)
    page.evaluate(
        "window.heard = []; new MutationObserver(() => heard.push(said.textContent))"
        ".observe(said, {childList: true})"
    )
    give(page, "a.mp4")
    page.get_by_role("heading", name="Stopped").wait_for()
    stages = ["uploading", "waiting", "reading", "judging", "Stopped"]
    assert page.evaluate("heard") == [f"a.mp4: {stage}" for stage in stages]


def test_a_list_of_files_outlives_a_reload_and_each_can_be_deleted(
    open_page: Any, service: Service
) -> None:
    page = open_page(BASE, serve=service)
    files = [{"name": n, "mimeType": "", "buffer": b"x"} for n in ("a.png", "b.png", "c.png")]
    page.locator("#choose").set_input_files(files)
    page.locator("#files .chip").nth(2).wait_for()
    page.reload()
    page.locator("#files .chip").nth(2).wait_for()
    assert page.locator("#files .name").all_inner_texts() == ["c.png", "b.png", "a.png"]
    page.get_by_role("button", name="Delete b.png").click()
    page.get_by_text("b.png was deleted.").wait_for(state="attached")
    assert sorted(service.jobs.values()) == ["a.png", "c.png"]
    page.get_by_role("button", name="Delete all").click()
    page.get_by_text("Nothing yet").wait_for()
    assert not service.jobs
    assert page.get_by_role("heading", name="Was a face in it forged?").is_visible()


def test_what_is_too_large_is_not_sent(open_page: Any, service: Service) -> None:
    service.limit = 100
    page = open_page(BASE, serve=service)
    page.get_by_text("up to 100 bytes each").wait_for()
    give(page, "large.mp4", 101)
    assert (
        page.get_by_role("alert").inner_text() == "Larger than 100 bytes, and not sent: large.mp4."
    )
    assert "POST /v1/jobs" not in service.asked


def test_files_are_dropped_and_examples_tried(open_page: Any, service: Service) -> None:
    page = open_page(BASE, serve=service)
    page.evaluate(
        "const all = new DataTransfer(); all.items.add(new File(['x'], 'dropped.png'));"
        "document.dispatchEvent(new DragEvent('drop', {dataTransfer: all, cancelable: true}))"
    )
    page.get_by_role("button", name="A drawing").click()
    page.locator("#files .chip").nth(1).wait_for()
    assert page.locator("#files .name").all_inner_texts() == ["A drawing", "dropped.png"]


def test_a_busy_service_is_asked_again(browser: Any, service: Service) -> None:
    service.busy = 1
    context = browser.new_context()  # the browser itself writes each 429 to the console
    context.route("**/*", service)
    page = context.new_page()
    page.goto(BASE)
    give(page, "a.png")
    page.locator("#result h2", has_text="The file").wait_for()
    assert service.asked.count("POST /v1/jobs") == 2
    context.close()


def test_a_key_is_asked_for_once_and_again_when_it_is_wrong(browser: Any, service: Service) -> None:
    service.key = "right"
    context = browser.new_context()  # the browser itself writes each 401 to the console
    context.route("**/*", service)
    page = context.new_page()
    page.goto(BASE)
    give(page, "a.png")
    for key in ("wrong", "right"):
        page.get_by_label("Key", exact=True).fill(key)
        page.get_by_role("button", name="Use this key").click()
        if key == "wrong":
            page.get_by_text("The key was refused").wait_for()
    page.locator("#result h2", has_text="The file").wait_for()
    assert page.evaluate("sessionStorage.getItem('key')") == "right"
    context.close()


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_axe_finds_nothing_and_nothing_is_cut_off(
    open_page: Any, service: Service, width: int, dark: bool
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = open_page(BASE, width, dark, service)
    found = axe.Axe().run(page).response["violations"]
    small = person("FACE_TOO_SMALL", [None], throughout=None)
    for verdict in (judged("FAKE", FORGED, small), judged("UNCERTAIN", person("UNCERTAIN", [0.5]))):
        service.verdict = verdict
        give(page, "interview.mp4")
        page.locator(".banner", has_text=verdict["status"]).wait_for()
        page.get_by_text("What it was trained on").click()
        found += axe.Axe().run(page).response["violations"]
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []
