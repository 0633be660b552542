"""An upload, read while it comes in: bounded in size and time, and named by us alone."""

import asyncio
import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from io import FileIO
from typing import Any, Final

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.requests import Request

from .folders import Folders, new_id
from .problems import Problem
from .settings import ServeSettings

IDLE_SECONDS: Final = 20.0
"""How long a client may send nothing."""
FORM_BYTES: Final = 65_536
"""What a form may take beyond its file."""
NAME_LENGTH: Final = 255
BODY_READ: Final = "telltrace.body_read"
"""Marks a request whose body has been read to its end."""
RESERVE: Final = 64_000_000
"""Bytes of the disk that stay free."""


@dataclass(frozen=True)
class Received:
    """An upload that lies in the folder of its job."""

    id: str
    """Of the job."""
    name: str
    bytes: int
    sha256: str


async def receive(
    request: Request, name: str | None, folders: Folders, settings: ServeSettings
) -> Received:
    """Write the file in a request's body to a new job's folder; a Problem leaves nothing behind.

    Args:
        request: Its body is a form with a part "file", or the file.
        name: What to call the file, where it is not a form's.
        folders: Where to write.
        settings: How much may come, and for how long.
    """
    _check_head(request, folders, settings)
    with _new_media(folders) as (job, file):
        sink = Sink(file, settings.max_bytes)
        form = Form.of(request, sink)
        await _read(request, form.write if form else sink.write, settings.upload_seconds)
        if form:
            form.end()
        if not sink.size:
            raise Problem("no-file", "the body holds no byte of a file")
    given = form.name if form else name
    return Received(job, clean_name(given or ""), sink.size, sink.digest.hexdigest())


def store_bytes(content: bytes, name: str, folders: Folders) -> Received:
    """Write a file of our own to a new job's folder."""
    with _new_media(folders) as (job, file):
        sink = Sink(file, len(content))
        sink.write(content)
    return Received(job, name, sink.size, sink.digest.hexdigest())


@contextmanager
def _new_media(folders: Folders) -> Iterator[tuple[str, FileIO]]:
    """The id of a new job, and a file for its upload; if the block raises, all of it goes."""
    job = new_id()
    try:
        folders.make(job)
        with folders.media(job).open("xb", buffering=0) as file:
            yield job, file
    except BaseException as error:
        folders.drop(job)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Problem("disk-full", "the disk has no room for the upload") from None
        raise


def clean_name(name: str) -> str:
    r"""A name as text alone: nothing that cannot be printed, and not too long.

    Examples:
        >>> clean_name("a\x00b\n.mp4"), clean_name("")
        ('a?b?.mp4', 'upload')
    """
    printable = "".join(c if c.isprintable() else "?" for c in name[:NAME_LENGTH])
    return printable or "upload"


def _check_head(request: Request, folders: Folders, settings: ServeSettings) -> None:
    """Refuse what can be refused before a byte of the body has been read."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        raise Problem("unsupported-body", f"the body is {kind}")
    declared = request.headers.get("content-length")
    length = int(declared) if declared and declared.isdecimal() else 0
    if length > settings.max_bytes + (FORM_BYTES if kind == "multipart/form-data" else 0):
        raise _too_large(settings.max_bytes)
    if folders.free() < length + RESERVE:
        raise Problem("disk-full", "the disk has no room for the upload")


def _too_large(most: int) -> Problem:
    return Problem("too-large", f"the upload has more than {most:,} bytes")


async def _read(request: Request, write: Callable[[bytes], None], seconds: float) -> None:
    """Hand on the body as it comes; a client that is too slow is a Problem."""
    loop, more = asyncio.get_running_loop(), True
    end = loop.time() + seconds
    try:
        async with asyncio.timeout_at(end) as limit:
            while more:
                limit.reschedule(min(end, loop.time() + IDLE_SECONDS))
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    raise Problem("no-file", "the client went away before the end")
                more = message.get("more_body", False)
                request.scope[BODY_READ] = not more
                write(message.get("body", b""))
    except TimeoutError:
        detail = f"not whole after {seconds:g} s, or silent for {IDLE_SECONDS:g} s"
        raise Problem("upload-too-slow", detail) from None


@dataclass
class Sink:
    """Counts, hashes and writes."""

    file: FileIO
    most: int
    size: int = 0
    digest: Any = field(default_factory=sha256)

    def write(self, chunk: bytes) -> None:
        """Take the next bytes; a Problem if there are too many."""
        self.size += len(chunk)
        if self.size > self.most:
            raise _too_large(self.most)
        self.digest.update(chunk)
        if self.file.write(chunk) != len(chunk):
            raise OSError(errno.ENOSPC, "no space left")


class Form:
    """A form that comes in pieces; of its parts the first that is called "file" goes to a sink."""

    def __init__(self, boundary: bytes, sink: Sink) -> None:
        self.sink, self.name = sink, ""
        self._field = self._value = self._disposition = b""
        self._taking = self._taken = False
        self._size = 0
        calls = ("part_begin", "header_field", "header_value", "header_end", "headers_finished")
        names = (*calls, "part_data", "part_end")
        callbacks: Any = {f"on_{name}": getattr(self, f"_{name}") for name in names}
        self._parser = MultipartParser(boundary, callbacks)

    @classmethod
    def of(cls, request: Request, sink: Sink) -> "Form | None":
        """The form in a request's body; None if there is none, a Problem if it is a bad one."""
        kind, options = parse_options_header(request.headers.get("content-type", ""))
        if kind.strip().lower() != b"multipart/form-data":
            return None
        if not 0 < len(boundary := options.get(b"boundary", b"")) <= 70:
            raise Problem("no-file", "the form names no boundary of its parts")
        try:
            return cls(boundary, sink)
        except FormParserError as error:
            raise Problem("no-file", f"the form cannot be read ({error})") from None

    def write(self, chunk: bytes) -> None:
        """Take the next bytes of the form; a Problem if it is damaged."""
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise Problem("no-file", f"the form cannot be read ({error})") from None
        self._size += len(chunk)
        if self._size - self.sink.size > FORM_BYTES:
            raise Problem("too-large", "the form holds too much beside its file")

    def end(self) -> None:
        """The form is over; a Problem if its file is not there, or not whole."""
        try:
            self._parser.finalize()
        except FormParserError as error:
            raise Problem("no-file", f"the form cannot be read ({error})") from None
        if self._taking or not self._taken:
            raise Problem("no-file", "the form has no whole part named file")

    def _part_begin(self) -> None:
        self._disposition, self._taking = b"", False

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._field.lower() == b"content-disposition":
            self._disposition = self._value
        self._field = self._value = b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        if options.get(b"name") == b"file" and not self._taken:
            self._taking = True
            self.name = options.get(b"filename", b"").decode("utf-8", "replace")

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._taking:
            self.sink.write(data[start:end])

    def _part_end(self) -> None:
        self._taken |= self._taking
        self._taking = False
