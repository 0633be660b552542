import threading
from collections.abc import Generator

import pytest

from telltrace.faces.ahead import ahead


def running() -> int:
    return sum(thread.name == "ahead" for thread in threading.enumerate())


def test_items_come_in_order_and_not_too_many_before_they_are_asked_for() -> None:
    made = 0

    def count() -> Generator[int, None, None]:
        nonlocal made
        while made < 100:
            made += 1
            yield made

    for number in ahead(count(), 3):
        assert number <= made <= number + 3
    assert made == number == 100
    assert running() == 0


def test_an_error_comes_after_the_items_before_it() -> None:
    def fail() -> Generator[int, None, None]:
        yield 1
        yield 2
        raise LookupError("the third")

    items = ahead(fail(), 8)
    assert (next(items), next(items)) == (1, 2)
    with pytest.raises(LookupError, match="the third"):
        next(items)
    assert running() == 0


@pytest.mark.parametrize("most", [1, 5])
def test_the_thread_ends_and_cleans_up_when_nobody_wants_more(most: int) -> None:
    cleaned = []

    def endless() -> Generator[int, None, None]:
        try:
            while True:
                yield 0
        finally:
            cleaned.append(threading.current_thread().name)

    items = ahead(endless(), most)
    next(items)
    with pytest.raises(KeyboardInterrupt):
        items.throw(KeyboardInterrupt)
    assert (cleaned, running()) == (["ahead"], 0)
