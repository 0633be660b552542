"""What can go wrong with a request: every kind once, and as problem+json (RFC 9457)."""

from typing import Any, Final, NamedTuple

from telltrace.errors import TelltraceError


class Kind(NamedTuple):
    """What all problems of a kind share."""

    status: int
    """Of HTTP."""
    title: str
    remedy: str


LATER: Final = "Try again after the seconds in the header Retry-After."
OTHER_FILE: Final = "Convert the file with another program, and send the copy."
KINDS: Final = {
    "invalid": Kind(422, "The request is not as the API describes it", "See /docs."),
    "no-file": Kind(
        422, "There is no file in the request", "Send a form with a part named file, or the bytes."
    ),
    "unsupported-body": Kind(
        415, "The body is of a kind that holds no file", "Send multipart/form-data, or the bytes."
    ),
    "too-large": Kind(413, "The file is too large", "See /v1/limits; send a shorter copy."),
    "upload-too-slow": Kind(408, "The request took too long", "Use a faster connection."),
    "bad-request": Kind(400, "The request is no HTTP that can be read", "See /docs."),
    "head-too-large": Kind(431, "The head of the request is too large", "Send fewer headers."),
    "too-many-connections": Kind(503, "Too many connections are open", LATER),
    "too-many-pixels": Kind(422, "The picture has too many pixels", "Shrink it; see /v1/limits."),
    "too-long": Kind(422, "The video is too long", "Send a part of it; see /v1/limits."),
    "use-jobs": Kind(422, "The video is too long to wait for", "Send it to /v1/jobs."),
    "crashed": Kind(422, "The file crashed the process that judged it", OTHER_FILE),
    "took-too-long": Kind(422, "The file took too long to judge", "Send a part of it."),
    "judging-error": Kind(500, "The file could not be judged", "Report it as a defect."),
    "queue-full": Kind(429, "Too many jobs are waiting", LATER),
    "too-many-uploads": Kind(429, "Too many uploads are under way", LATER),
    "too-many-requests": Kind(429, "This client has sent too many uploads", LATER),
    "quota-used": Kind(429, "The key has no uploads left today", "Ask for a higher quota."),
    "key-missing": Kind(
        401, "A key is needed", "Send the header Authorization: Bearer KEY; see telltrace serve."
    ),
    "key-wrong": Kind(401, "There is no such key", "Check it, or ask for another."),
    "key-revoked": Kind(401, "The key has been revoked", "Ask for another."),
    "cross-site": Kind(403, "The request comes from another site's page", "Use the API directly."),
    "wrong-host": Kind(
        403, "The request names another host", "Use http://127.0.0.1 or http://localhost."
    ),
    "not-found": Kind(404, "There is nothing here", "Check the address; results expire."),
    "not-allowed": Kind(405, "The method is not allowed here", "See /docs."),
    "not-done": Kind(409, "The job is not done", "Wait for it: GET /v1/jobs/{id}/events."),
    "cancelled": Kind(410, "The job was deleted while it was judged", "Send the file again."),
    "disk-full": Kind(507, "The service has no room left", "Try later; its owner must make room."),
    "database-busy": Kind(503, "The service's database does not answer", LATER),
    "starting": Kind(503, "The service is starting", LATER),
    "internal": Kind(500, "An error of the service itself", "Report it; its log says more."),
}
LOST: Final = {
    "crash": "crashed",
    "timeout": "took-too-long",
    "error": "judging-error",
    "too-many-pixels": "too-many-pixels",
    "too-long": "too-long",
    "use-jobs": "use-jobs",
    "disk-full": "disk-full",
}
"""The kind of problem for each way in which a file can be lost."""


class Problem(TelltraceError):  # noqa: N818  the word of RFC 9457
    """A request that cannot be answered as asked.

    Args:
        kind: A key of `KINDS`.
        detail: What was found in this case.
        retry_after: Seconds after which to try again.
    """

    def __init__(self, kind: str, detail: str, retry_after: float | None = None) -> None:
        super().__init__(detail, remedy=KINDS[kind].remedy)
        self.kind, self.detail, self.retry_after = kind, detail, retry_after

    @property
    def status(self) -> int:
        """Of HTTP."""
        return KINDS[self.kind].status

    def to_dict(self) -> dict[str, Any]:
        """As JSON shows it."""
        status, title, remedy = KINDS[self.kind]
        about = {"type": f"/problems/{self.kind}", "title": title, "status": status}
        return {**about, "detail": self.detail, "remedy": remedy}
