"""The application: the API, the page, the documentation and what watches over the service."""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import uvicorn
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool

from telltrace.errors import OptionError
from telltrace.files.version import VERSION

from .answers import HealthAnswer
from .connection import Connection
from .database import Database
from .engines import Engines
from .guard import HANDLERS, Guard, is_local
from .keys import Keyring
from .monitor import log_json_lines
from .openapi import describe, problems
from .problems import Problem
from .routes import api, running
from .service import Service
from .settings import ServeSettings

PAGE: Final = Path(__file__).parent / "page"
ASSETS: Final = "fastapi_offline"
"""The package whose folder ``static`` holds the scripts of the documentation."""
SERVER: Final[dict[str, Any]] = {
    "http": Connection,
    "ws": "none",
    "proxy_headers": False,
    "access_log": False,
    "log_config": None,
    "server_header": False,
    "timeout_graceful_shutdown": 3,
}
"""Options of the server: the log is ours, requests under way have seconds to end, and no header
says from where a client asks."""
SILENT: Final[Any] = dict.fromkeys(("tracing", "metrics", "logs", "auto_configure"), False)
"""FastAPI can send to collectors that the environment names: never from here."""
DOCS: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>telltrace API</title>
<link rel="icon" href="/page/mark.svg">
<link rel="stylesheet" href="/docs/static/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<script src="/docs/static/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
START: Final = (
    'SwaggerUIBundle({url: "/openapi.json", dom_id: "#docs", deepLinking: true, '
    "validatorUrl: null});\n"
)
plain: Final = APIRouter(tags=["about"])


@plain.get("/", include_in_schema=False)
def show_page() -> FileResponse:
    """The page for browsers."""
    return FileResponse(PAGE / "index.html")


@plain.get("/docs", include_in_schema=False)
def show_docs() -> HTMLResponse:
    """The documentation, with nothing from elsewhere."""
    return HTMLResponse(DOCS)


@plain.get("/docs/start.js", include_in_schema=False)
def start_docs() -> Response:
    """What makes the documentation of its description."""
    return Response(START, media_type="text/javascript")


@plain.get("/healthz", response_model=HealthAnswer)
async def is_alive() -> Any:
    """Whether the service answers."""
    return {"telltrace": VERSION}


@plain.get("/readyz", response_model=HealthAnswer, responses=problems("starting"))
async def is_ready(request: Request) -> Any:
    """Whether the service can judge now: its database answers, and its detectors are loaded."""
    service = running(request)
    await run_in_threadpool(service.store.counts)
    if not service.judges.ready.is_set():
        raise Problem("starting", "no detector is loaded yet", 1.0)
    return {"telltrace": VERSION}


@plain.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "Metrics for Prometheus"}},
)
def show_metrics(request: Request) -> Response:
    """Counts and times for Prometheus."""
    service = running(request)
    content = service.monitor.metrics(service.store.counts())
    return Response(content, media_type="text/plain; version=0.0.4; charset=utf-8")


def create_app(settings: ServeSettings, engines: Engines | None = None) -> FastAPI:
    """The whole service as an ASGI application, which judges from its start to its end.

    Args:
        settings: All it is told.
        engines: What judges; by default as the settings say.

    Raises:
        TelltraceError: If a checkpoint cannot be read, or a package is missing.
    """
    service = Service(settings, engines)

    @asynccontextmanager
    async def run(_: FastAPI) -> AsyncIterator[None]:
        service.judges.start()
        yield
        await run_in_threadpool(service.close)

    app = FastAPI(
        title="telltrace",
        lifespan=run,
        docs_url=None,
        redoc_url=None,
        exception_handlers=HANDLERS,
        telemetry=SILENT,
    )
    app.state.service = service
    app.include_router(plain)
    app.include_router(api)
    app.mount("/page", StaticFiles(directory=PAGE))
    app.mount("/docs/static", StaticFiles(packages=[(ASSETS, "static")]))
    app.add_middleware(Guard, settings=settings, monitor=service.monitor)
    described = cache(partial(describe, app))
    app.openapi = lambda: described(service.keyring.needed)  # type: ignore[method-assign]
    return app


def serve_forever(settings: ServeSettings, announce: Callable[[str], object] = str) -> None:
    """Serve until this process is told to end.

    Args:
        settings: All it is told.
        announce: Called with the address at which it listens.

    Raises:
        TelltraceError: As of `create_app`, and if the address cannot be had, or not without keys.
    """
    if not (is_local(settings.host) or settings.insecure or _has_keys(settings)):
        remedy = "Run telltrace serve keys add NAME first, or say --insecure."
        raise OptionError(f"{settings.host} can be reached by others", remedy=remedy)
    with _listening(settings) as bound:
        app = create_app(settings)
        log_json_lines()
        port = bound.getsockname()[1]
        name = f"[{settings.host}]" if ":" in settings.host else settings.host
        announce(url := f"http://{name}:{port}")
        app.state.service.monitor.event("listening", url=url)
        uvicorn.Server(uvicorn.Config(app, **SERVER)).run(sockets=[bound])


def _has_keys(settings: ServeSettings) -> bool:
    with closing(Database(settings)) as database:
        return Keyring(database).needed


def _listening(settings: ServeSettings) -> socket.socket:
    """The socket at the address of the settings; an OptionError if it cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=512)
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        remedy = "Choose another --host or --port."
        raise OptionError(f"{where} cannot be had ({error.strerror})", remedy=remedy) from None
