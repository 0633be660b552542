"""What stands before every request: who may ask, from where, how often; and what is answered."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from ipaddress import ip_address
from typing import Annotated, Any, Final, NamedTuple

from fastapi import Depends, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .keys import Key, Keyring
from .monitor import Monitor
from .problems import Problem
from .settings import ServeSettings
from .upload import BODY_READ

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""Of every answer that does not set its own."""
DRAINED: Final = 4_000_000
"""Bytes of a body that are read though the request is refused."""
DRAIN_SECONDS: Final = 2.0
LOCAL: Final = ("localhost", "127.0.0.1", "[::1]")


def is_local(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class Client(NamedTuple):
    """Who asks."""

    id: str
    """The key's id, or the address: jobs belong to it where keys are needed."""
    key: Key | None

    @property
    def owns(self) -> str | None:
        """Whose jobs it may see; None for all whose id it knows."""
        return self.id if self.key else None


bearer: Final = HTTPBearer(auto_error=False, description="Of `telltrace serve keys add`.")


async def known_client(
    request: Request,
    sent: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)],
) -> Client:
    """Who asks; without a key where one is needed, or with a wrong one, a Problem."""
    keyring: Keyring = request.app.state.service.keyring
    request.scope["who"] = address = request.client.host if request.client else "local"
    if not await run_in_threadpool(lambda: keyring.needed):
        return Client(address, None)
    if sent is None:
        raise Problem("key-missing", "the request has no header Authorization: Bearer")
    key = await run_in_threadpool(keyring.check, sent.credentials)
    request.scope["who"] = f"key {key.id}"
    return Client(key.id, key)


Known = Annotated[Client, Depends(known_client)]


class Rate:
    """How many uploads a client has sent in the last minute, to this process.

    Args:
        most: How many it may.
    """

    def __init__(self, most: int) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._item = RateLimitItemPerMinute(most)

    def count(self, client: str) -> None:
        """Count an upload; one too many is a Problem."""
        if not self._limiter.hit(self._item, client):
            until = self._limiter.get_window_stats(self._item, client).reset_time
            wait = max(1.0, until - time.time())
            raise Problem("too-many-requests", f"more than {self._item.amount} a minute", wait)


class Guard:
    """Checks the head of each request, adds the headers of each answer, and writes both down.

    Whatever the service itself does wrong is answered as a problem too, and is in the log.
    """

    def __init__(self, app: ASGIApp, settings: ServeSettings, monitor: Monitor) -> None:
        self.app, self.settings, self.monitor = app, settings, monitor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, status = time.perf_counter(), 0

        async def begin(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/v1/"):
                    headers.setdefault("cache-control", "no-store")
            await send(message)

        try:
            self._check(Headers(scope=scope), scope)
            await self.app(scope, receive, begin)
        except Problem as problem:
            await answer(problem)(scope, receive, begin)
        except Exception as error:
            self.monitor.error("a request failed", error)
            if not status:
                said = Problem("internal", "the request was not carried out")
                await answer(said)(scope, receive, begin)
        finally:
            self._note(scope, status, time.perf_counter() - start)

    def _check(self, headers: Mapping[str, str], scope: Scope) -> None:
        """Refuse what a page of another site has a browser send."""
        site = headers.get("sec-fetch-site", "none")
        if site in ("cross-site", "same-site") and scope["method"] not in ("GET", "HEAD"):
            raise Problem("cross-site", f"it is {site}")
        host = headers.get("host", "").rpartition(":")
        name = host[0] if host[2].isdecimal() and host[1] else "".join(host)
        local_only = is_local(self.settings.host) and not self.settings.insecure
        if local_only and name.lower() not in (*LOCAL, self.settings.host):
            raise Problem("wrong-host", "this service listens to its own machine alone")

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")
        client = scope.get("who") or (scope["client"][0] if scope.get("client") else "local")
        self.monitor.answered(scope["method"], route, status, seconds, client)


def answer(problem: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """A problem as a response."""
    more = dict(headers or {})
    if problem.retry_after is not None:
        more["retry-after"] = str(max(1, round(problem.retry_after)))
    if problem.status == 401:
        more["www-authenticate"] = "Bearer"
    if problem.status in (408, 413):
        more["connection"] = "close"  # the rest of the body is not read
    return JSONResponse(
        problem.to_dict(), problem.status, more, media_type="application/problem+json"
    )


async def on_problem(request: Request, problem: Exception) -> JSONResponse:
    """Answer what a route raised."""
    assert isinstance(problem, Problem)
    if problem.kind != "upload-too-slow":
        await _drain(request)
    return answer(problem)


async def _drain(request: Request) -> None:
    """Read on for a while: a client that still sends would not hear the answer."""
    declared = request.headers.get("content-length", "0")
    left = DRAINED - (int(declared) if declared.isdecimal() else 0)
    if request.scope.get(BODY_READ) or left < 0:
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            more = declared != "0" or "transfer-encoding" in request.headers
            while more and left > 0:
                message = await request.receive()
                left -= len(message.get("body", b""))
                more = message.get("more_body", False)


async def on_http_error(request: Request, error: Exception) -> JSONResponse:
    """Answer what the framework found: no such address, no such method."""
    assert isinstance(error, HTTPException)
    kinds = {404: "not-found", 405: "not-allowed"}
    kind = kinds.get(error.status_code, "invalid" if error.status_code < 500 else "internal")
    headers = dict(error.headers or {})
    if "allow" in {name.lower() for name in headers}:  # of all routes of this path, not of one
        path = getattr(request.scope.get("route"), "path", "")
        known = request.app.openapi()["paths"].get(path, {})
        headers = {"allow": ", ".join(sorted(map(str.upper, known)))} if known else headers
    return answer(Problem(kind, f"{request.method} {request.url.path[:200]}"), headers)


async def on_invalid(_: Request, error: Exception) -> JSONResponse:
    """Answer a request whose parameters do not fit."""
    assert isinstance(error, RequestValidationError)
    found = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:5]]
    return answer(Problem("invalid", "; ".join(found)))


HANDLERS: Final[dict[Any, Callable[[Request, Any], Coroutine[Any, Any, Response]]]] = {
    Problem: on_problem,
    HTTPException: on_http_error,
    RequestValidationError: on_invalid,
}
