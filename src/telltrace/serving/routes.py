"""The API: uploads in, jobs and verdicts out."""

import json
import pathlib
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from telltrace.evidence.findings import MEANINGS

from . import examples
from .answers import (
    ID,
    DetectorsAnswer,
    ExampleAnswer,
    FindingAnswer,
    JobAnswer,
    LimitsAnswer,
    PictureAnswer,
)
from .drawing import PICTURES, REPORT, file_name, zip_marked
from .guard import Known
from .openapi import BODY, VERDICT, problems
from .problems import Problem
from .service import Service
from .store import Job

REPORT_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
"""Of the report, which has its style and pictures within and no script."""
JPEG: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"image/jpeg": {}}, "description": "A picture"}
}
api: Final = APIRouter(prefix="/v1", responses=problems("database-busy", "internal"))


def running(request: Request) -> Service:
    """The service that a request is sent to."""
    service: Service = request.app.state.service
    return service


def own_job(
    request: Request,
    client: Known,
    job_id: Annotated[str, Path(pattern="^[0-9a-f]{32}$", examples=[ID])],
) -> Job:
    """The job that a path names, if it is the client's."""
    return running(request).store.find(job_id, client.owns)


def judged_job(job: Annotated[Job, Depends(own_job)]) -> Job:
    """The same, if it is over."""
    if not job.is_over:
        raise Problem("not-done", f"the job is {job.state}")
    return job


def read_result(path: pathlib.Path, missing: str) -> bytes:
    """A file of a job; a Problem if there is none, or it is deleted at this moment."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise Problem("not-found", missing) from None


Own = Annotated[Job, Depends(own_job)]
Judged = Annotated[Job, Depends(judged_job)]
Name = Annotated[
    str | None,
    Query(max_length=255, description="What to call a raw body.", examples=["interview.mp4"]),
]
UPLOAD: Final = problems(
    *("key-missing", "upload-too-slow", "too-large", "unsupported-body"),
    *("no-file", "queue-full", "disk-full", "cross-site"),
)
LOOK: Final = problems("key-missing", "not-found", "invalid")
DONE: Final = LOOK | problems("not-done")


@api.post(
    "/scan",
    tags=["verdicts"],
    openapi_extra=BODY,
    responses=UPLOAD | problems("cancelled") | VERDICT,
    response_class=Response,
)
async def scan(request: Request, client: Known, name: Name = None) -> Response:
    """Judge a picture or a short clip, and answer with the verdict.

    The verdict is a line of JSON as `telltrace scan --out` writes it, the same bytes. A file that
    holds no picture or face has one too, whose status says so. Nothing of the file is kept.
    """
    service = running(request)
    job = await service.take(request, client, name, sync=True)
    try:
        job = await service.wait(job)
    finally:
        await run_in_threadpool(service.delete, job.id)
    if job.problem:
        about = json.loads(job.problem)
        raise Problem(about["type"].rpartition("/")[2], about["detail"])
    return Response(job.verdict, media_type="application/json")


@api.post(
    "/jobs",
    tags=["jobs"],
    status_code=202,
    openapi_extra=BODY,
    responses={202: {"model": JobAnswer}, **UPLOAD, **problems("not-found")},
    response_class=Response,
)
async def add_job(
    request: Request,
    client: Known,
    name: Name = None,
    example: Annotated[str | None, Query(include_in_schema=False)] = None,  # then without a body
) -> Response:
    """Have a picture or video judged, drawn and reported on; answers at once with the job.

    Without a body, the query example=NAME judges one of /v1/examples.
    """
    service = running(request)
    if example is None:
        job = await service.take(request, client, name, sync=False)
    else:
        content = await run_in_threadpool(_example, example)
        job = await service.take_bytes(content, client, f"{example}.jpg")
    answer = Response(json.dumps(job.to_dict()), 202, media_type="application/json")
    answer.headers["location"] = f"/v1/jobs/{job.id}"
    return answer


def _example(name: str) -> bytes:
    try:
        return examples.picture(name)
    except KeyError:
        raise Problem("not-found", f"there is no example {name!r}") from None


@api.get("/jobs/{job_id}", tags=["jobs"], responses=LOOK, response_model=JobAnswer)
def show_job(job: Own) -> Any:
    """A job: how far it is, and its verdict when it is done."""
    return job.to_dict()


@api.get(
    "/jobs/{job_id}/events",
    tags=["jobs"],
    responses=LOOK | {200: {"content": {"text/event-stream": {}}, "description": "Events"}},
    response_class=StreamingResponse,
)
async def follow_job(request: Request, job: Own) -> StreamingResponse:
    """A server-sent event named job, whose data is the job, at each change until it is over."""
    return StreamingResponse(running(request).events(job), media_type="text/event-stream")


@api.delete("/jobs/{job_id}", tags=["jobs"], status_code=204, responses=LOOK)
def delete_job(request: Request, job: Own) -> None:
    """Cancel a job if it is not over, and delete the upload, the verdict and all pictures."""
    running(request).delete(job.id)


@api.get(
    "/jobs/{job_id}/report",
    tags=["results"],
    responses=DONE | {200: {"content": {"text/html": {}}, "description": "The report"}},
    response_class=Response,
)
def show_report(request: Request, job: Judged, download: bool = False) -> Response:
    """The page that `telltrace scan --report` writes: timeline, faces, evidence."""
    page = read_result(running(request).folders[job.id] / REPORT, "there is no report of this file")
    kind = "attachment" if download else "inline"
    headers = {
        "content-disposition": f'{kind}; filename="{REPORT}"',
        "content-security-policy": REPORT_POLICY,
    }
    return Response(page, headers=headers, media_type="text/html")


@api.get(
    "/jobs/{job_id}/pictures",
    tags=["results"],
    responses=DONE,
    response_model=list[PictureAnswer],
)
def list_pictures(request: Request, job: Judged) -> Any:
    """The judged frames that were kept, at most 48, in the order of time."""
    path = running(request).folders[job.id] / PICTURES
    try:
        entries = json.loads(path.read_bytes())
    except FileNotFoundError:
        entries = []
    for entry in entries:
        there = f"/v1/jobs/{job.id}/pictures/{entry['index']}"
        entry |= {"frame": f"{there}/frame.jpg", "marked": f"{there}/marked.jpg"}
        entry["map"] = f"{there}/map.jpg" if entry["map"] else None
    return entries


@api.get(
    "/jobs/{job_id}/pictures/{index}/{view}.jpg",
    tags=["results"],
    responses=DONE | JPEG,
    response_class=Response,
)
def show_picture(
    request: Request,
    job: Judged,
    index: Annotated[int, Path(ge=0, le=47)],
    view: Literal["frame", "marked", "map"],
) -> Response:
    """A kept frame: as it is, with its faces marked, or with the map of where a seam is seen."""
    path = running(request).folders[job.id] / file_name(index, view)
    return Response(read_result(path, "there is no such picture"), media_type="image/jpeg")


@api.get(
    "/jobs/{job_id}/pictures.zip",
    tags=["results"],
    responses=DONE | {200: {"content": {"application/zip": {}}, "description": "The pictures"}},
    response_class=Response,
)
def pack_pictures(request: Request, job: Judged) -> Response:
    """The marked pictures of all kept frames as one file."""
    about = {"content-disposition": 'attachment; filename="pictures.zip"'}
    try:
        pictures = zip_marked(running(request).folders[job.id])
    except FileNotFoundError:
        raise Problem("not-found", "no pictures were drawn of this file") from None
    return Response(pictures, headers=about, media_type="application/zip")


@api.get("/detectors", tags=["about"], response_model=DetectorsAnswer)
def list_detectors(request: Request) -> Any:
    """The detectors that judge here, their thresholds, training data and weaknesses."""
    return running(request).detectors


@api.get("/findings", tags=["about"], response_model=dict[str, FindingAnswer])
def explain_findings() -> Any:
    """What each kind of finding about a file's origin means, and what it does not mean."""
    return {kind: meaning._asdict() for kind, meaning in MEANINGS.items()}


@api.get("/limits", tags=["about"], response_model=LimitsAnswer)
def show_limits(request: Request) -> Any:
    """What an upload must keep to, and how long results are kept."""
    service = running(request)
    known = vars(service.settings)
    shown = {name: known[name] for name in LimitsAnswer.model_fields if name in known}
    return {
        **shown,
        "max_bytes": service.settings.max_bytes,
        "max_pixels": service.settings.max_pixels,
        "keep_seconds": service.settings.keep_hours * 3600,
        "needs_key": service.keyring.needed,
    }


@api.get("/examples", tags=["about"], response_model=list[ExampleAnswer])
def list_examples() -> Any:
    """Pictures to try the service with."""
    there = examples.titles().items()
    return [{"name": k, "title": v, "picture": f"/v1/examples/{k}.jpg"} for k, v in there]


@api.get(
    "/examples/{name}.jpg",
    tags=["about"],
    responses=problems("not-found", "invalid") | JPEG,
    response_class=Response,
)
def show_example(name: Annotated[str, Path(pattern="^[a-z0-9-]{1,40}$")]) -> Response:
    """The picture itself."""
    return Response(_example(name), media_type="image/jpeg")
