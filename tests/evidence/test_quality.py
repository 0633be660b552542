"""Which errors on validation files stand beside a verdict, and when they are too many."""

from telltrace.evidence.quality import QualityBin, kinds_of, worst_bin


def bin_of(kind: str, reals: int, wrong: int, medium: str = "image") -> QualityBin:
    return QualityBin(
        medium=medium, kind=kind, reals=reals, called_fake=wrong, fakes=0, called_real=0,  # type: ignore[arg-type]
        promised=(0.05, 0.05),
    )  # fmt: skip


def test_a_promise_is_broken_only_where_chance_is_no_excuse() -> None:
    assert not bin_of("dark", 80, 7).breaks_promise("FAKE")  # 9 %, from 4 %
    assert bin_of("dark", 80, 12).breaks_promise("FAKE")  # 15 %, from 9 %
    assert not bin_of("dark", 29, 29).breaks_promise("FAKE")  # too few
    assert not bin_of("dark", 80, 80).breaks_promise("REAL")  # no fakes were seen


def test_the_bin_that_errs_most_speaks() -> None:
    bins = [bin_of("any", 900, 27), bin_of("dark", 80, 12), bin_of("cut", 29, 20)]
    bins.append(bin_of("blurred", 80, 40, "video"))
    kinds = kinds_of(["dark", "cut", "blurred"], [60.0, 90.0, 70.0])
    assert kinds == ("dark", "cut", "blurred", "face under 80 pixels", "any")
    found = worst_bin(bins, "image", kinds, "FAKE")
    assert found is not None
    assert found.sentence("FAKE") == (
        "In files like this one (dark) 12 of 80 real pictures were called FAKE."
    )
    plain = worst_bin(bins, "image", kinds_of([], [200.0]), "FAKE")
    assert plain is not None
    assert plain.sentence("FAKE").startswith("In files like this one 27 of 900 real pictures")
    assert worst_bin(bins, "image", kinds, "REAL") is None
