"""A connection to the service, which must bring the head of each request soon, and a small one."""

import asyncio
from http import HTTPStatus
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .guard import answer
from .problems import Problem

HEAD_SECONDS: Final = 20.0
"""How long a connection may take to bring a whole head, or the rest of a body nobody reads."""
HEAD_BYTES: Final = 65_536
MOST: Final = 400
"""Connections at a time: a process may usually open 1,024 files."""


class Connection(HttpToolsProtocol):
    """A connection of uvicorn's that is closed where it would wait, or collect, for ever."""

    _end: asyncio.TimerHandle | None = None
    _head = 0
    """Bytes that have come of a head that is not whole."""
    _in_body = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MOST:
            self._refuse(Problem("too-many-connections", f"{MOST} are open", 1.0))
        else:
            self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        super().connection_lost(exc)
        if self._end:
            self._end.cancel()

    def data_received(self, data: bytes) -> None:
        """Take what has come."""
        if not self._in_body:
            self._head += len(data)
        super().data_received(data)
        if self._head > HEAD_BYTES and not self.transport.is_closing():
            self._refuse(Problem("head-too-large", f"it has more than {HEAD_BYTES:,} bytes"))
        self._watch()

    def on_headers_complete(self) -> None:
        """A head is whole."""
        self._in_body, self._head = True, 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """A body is whole."""
        self._in_body = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer was sent."""
        super().on_response_complete()
        self._watch()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._refuse(Problem("bad-request", msg))

    def _watch(self) -> None:
        """Count the time while no request is being answered."""
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if is_answering and self._end:
            self._end.cancel()
            self._end = None
        elif not is_answering and not self._end:
            self._end = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _give_up(self) -> None:
        if self._head:
            self._refuse(Problem("upload-too-slow", f"no whole head after {HEAD_SECONDS:g} s"))
        self.transport.close()

    def _refuse(self, problem: Problem) -> None:
        """Answer before there is a request, and close."""
        said = answer(problem, {"connection": "close"})
        phrase = HTTPStatus(said.status_code).phrase.encode()
        lines = [b"HTTP/1.1 %d %s" % (said.status_code, phrase)]
        lines += [b"%s: %s" % header for header in said.raw_headers]
        self.transport.write(b"\r\n".join([*lines, b"", bytes(said.body)]))
        self.transport.close()
