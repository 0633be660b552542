"""What the page says of each outcome, and that it never says more than the verdict does."""

import re
from typing import Any

from telltrace.evidence.findings import Finding
from telltrace.evidence.likelihood import Likelihood

from .conftest import BASE, BESIDE, FORGED, Service, judged, person

UNSURE = judged("UNCERTAIN", person("UNCERTAIN", [0.5]))


def shown(open_page: Any, service: Service, **more: Any) -> Any:
    """The page after one file was given to it, which is judged as the service says."""
    page = open_page(BASE, serve=service, **more)
    give(page, "interview.mp4")
    page.locator("#result h2", has_text="The file").wait_for()
    return page


def give(page: Any, name: str, size: int = 10) -> None:
    """Choose a file."""
    file = {"name": name, "mimeType": "application/octet-stream", "buffer": b"x" * size}
    page.locator("#choose").set_input_files(file)


def test_each_status_is_said_in_words(open_page: Any, service: Service) -> None:
    outcomes = {
        "A face looks forged": judged("FAKE", FORGED),
        "No face looks forged": judged("REAL", person("REAL", [0.05])),
        "Nothing is claimed either way": UNSURE,
        "Faces are too small": judged("FACE_TOO_SMALL", person("FACE_TOO_SMALL", [None])),
        "There is no face": judged("NO_FACE"),
        "The file cannot be read": judged("UNREADABLE", kind=None, size=None),
        "Not a kind of file": judged("UNSUPPORTED", kind=None, size=None),
        "It took too long": judged("TIMEOUT", kind=None, size=None),
    }
    page = open_page(BASE, serve=service)
    banner, listed = page.locator(".banner"), page.locator("#files .chip")
    for headline, verdict in outcomes.items():
        status = verdict["status"]
        service.verdict = verdict
        give(page, "interview.mp4")
        page.get_by_role("heading", name=headline).wait_for()
        said = banner.inner_text()
        assert status.replace("_", " ") in said
        assert "ays why. Do this." in said
        assert ("%" in said) == (verdict["score"] is not None)
        assert listed.first.inner_text().endswith(status.replace("_", " "))
        assert bool(re.search("fake", page.locator("body").inner_text(), re.I)) == (
            status == "FAKE"
        )
        page.get_by_role("button", name="Delete interview.mp4").click()
        page.get_by_text("Nothing yet").wait_for()


def test_a_verdict_on_a_part_says_so(open_page: Any, service: Service) -> None:
    service.verdict = judged("PARTIAL", FORGED, verdict="REAL", lost=3)
    page = shown(open_page, service)
    assert page.locator(".banner .status").inner_text() == "REAL\nof a part of the file"
    assert "3 packets could not be decoded" in page.locator("#result").inner_text()


def test_nobody_gets_the_verdict_of_another(open_page: Any, service: Service) -> None:
    page = shown(open_page, service)
    first, second = page.locator("article").all()
    assert "FAKE" in first.inner_text()
    assert "Score 22\u00a0% by all looks · 93\u00a0% from 3.17 s to 5.28 s" in first.inner_text()
    assert "REAL" in second.inner_text()
    assert "5.0\u00a0%" in second.inner_text()
    assert not re.search("FAKE|looks forged|93\u00a0%", second.inner_text())
    assert "poorly lit" in second.inner_text()


def test_of_many_people_the_most_suspicious_are_shown_first(
    open_page: Any, service: Service
) -> None:
    service.verdict = judged("REAL", *(person("REAL", [i / 100]) for i in range(15)))
    page = shown(open_page, service)
    rows = page.locator("article h3:visible")
    assert rows.all_inner_texts() == [f"Person {n}" for n in range(4, 16)]
    page.get_by_role("button", name="Show 3 more").click()
    assert rows.count() == 15


def test_words_of_a_file_are_never_markup(open_page: Any, service: Service) -> None:
    hostile = '<img src=x onerror="document.title=1">'
    service.verdict = judged("NO_FACE", reason=hostile, warnings=(hostile,))
    service.verdict["provenance"] = [{"kind": "conflict", "said": hostile}]
    page = open_page(BASE, serve=service)
    give(page, "<b>x</b>.png")
    page.locator("#result h2", has_text="The file").wait_for()
    assert page.locator("#result img, #files b").count() == 0
    assert page.locator("#result").inner_text().count(hostile) == 4
    assert page.title() == "<b>x</b>.png · telltrace"


def test_evidence_and_origin_stand_beside_the_score(open_page: Any, service: Service) -> None:
    errors = "In files like this one 12 of 80 real pictures were called FAKE."
    likelihood = Likelihood(
        log10_lr=1.2, low=-1.5, high=1.4, words="moderate support for a forgery",
        prior=0.02, posterior=0.99999,
    )  # fmt: skip
    alone = person("UNCERTAIN", [0.9], likelihood=likelihood, errors=errors)
    service.verdict = judged("UNCERTAIN", alone, provenance=(Finding("conflict", "two tags"),))
    page = shown(open_page, service)
    assert "Conflict: two tags." in page.locator(".banner").inner_text()
    said = page.locator("article").inner_text()
    assert "Likelihood ratio 16: moderate support for a forgery (kept between 1/32 and 25)." in said
    assert "A prior of 0.02 becomes a probability of 1 - 0.00001." in said
    assert "12 of 80 real pictures were called forged." in said
    page.get_by_text("How to read it").click()
    assert "That the picture was forged" in page.locator(".findings").inner_text()


def test_a_job_that_failed_says_why(open_page: Any, service: Service) -> None:
    service.verdict = None
    service.problem = {"title": "It took too long", "detail": "120 s are over", "remedy": "Cut it."}
    page = open_page(BASE, serve=service)
    give(page, "long.mp4")
    page.get_by_role("heading", name="It took too long").wait_for()
    assert "120 s are over. Cut it." in page.locator(".banner").inner_text()


def test_the_detector_tells_what_it_learnt_from(open_page: Any, service: Service) -> None:
    page = shown(open_page, service)
    page.get_by_text("What it was trained on").click()
    page.get_by_text("drawings").wait_for()
    assert "Weak where\nAll." in page.locator("#result").inner_text()
    assert BESIDE.quality == ("dark",)
