"""Items of an iterator made ahead in a thread of its own, while those before them are used."""

from collections.abc import Generator
from contextlib import closing
from queue import SimpleQueue
from threading import Event, Semaphore, Thread
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Generator[T, None, None], most: int) -> Generator[T, None, None]:
    """The items, at most so many of which are made before they are asked for.

    What the generator raises is raised here, after the items before it. When this iterator is
    closed, by an error or an interrupt too, the thread ends first, within the item in work.
    """
    ready: SimpleQueue[tuple[T] | BaseException | None] = SimpleQueue()
    room, closed = Semaphore(most), Event()

    def work() -> None:
        last: BaseException | None = None
        try:
            with closing(items):
                while room.acquire() and not closed.is_set():
                    ready.put((next(items),))
        except StopIteration:
            pass
        except BaseException as error:  # is raised where the items are wanted
            last = error
        ready.put(last)

    thread = Thread(target=work, name="ahead", daemon=True)
    thread.start()
    try:
        while isinstance(item := ready.get(), tuple):
            yield item[0]
            room.release()
        if item is not None:
            raise item
    finally:
        closed.set()
        room.release()
        thread.join()
