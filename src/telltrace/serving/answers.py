"""What the service answers, as types that document themselves."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

State = Literal["queued", "running", "done", "failed", "cancelled"]
Stage = Literal["waiting", "reading", "finding faces", "judging", "drawing", "done"]

ID = "3f2b8c1e9d7a4b6c8e0f1a2b3c4d5e6f"
TIME = "2026-01-31T12:00:00.000Z"


class ProblemAnswer(BaseModel):
    """Why a request was not answered, and what to do about it (RFC 9457)."""

    type: str = Field(examples=["/problems/too-large"], description="The kind of problem.")
    title: str = Field(examples=["The file is too large"])
    status: int = Field(examples=[413], description="Of HTTP.", ge=400, le=599)
    detail: str = Field(examples=["the upload has more than 512,000,000 bytes"])
    remedy: str = Field(examples=["See /v1/limits; send a shorter copy."])


class ProgressAnswer(BaseModel):
    """How far a job is."""

    stage: Stage = Field(examples=["judging"])
    share: float = Field(ge=0, le=1, examples=[0.5], description="Of the work of all stages.")


class FileAnswer(BaseModel):
    """The upload itself."""

    name: str = Field(examples=["interview.mp4"], description="As the client gave it.")
    bytes: int = Field(ge=0, examples=[1048576])
    sha256: str = Field(pattern="^[0-9a-f]{64}$", examples=["0" * 64])


class JobAnswer(BaseModel):
    """One upload and what became of it."""

    id: str = Field(pattern="^[0-9a-f]{32}$", examples=[ID])
    state: State = Field(examples=["running"])
    created: str = Field(examples=[TIME], description="ISO 8601, UTC.")
    started: str | None = Field(examples=[TIME])
    finished: str | None = Field(examples=[None])
    expires: str | None = Field(
        examples=[None], description="When verdict, report and pictures are deleted."
    )
    progress: ProgressAnswer
    file: FileAnswer
    verdict: dict[str, Any] | None = Field(
        examples=[None], description="A line of JSON of `telltrace scan`; see Verdict."
    )
    problem: ProblemAnswer | None = Field(examples=[None])


class PictureFace(BaseModel):
    """A face in a kept frame."""

    person: int = Field(ge=1, examples=[1], description="Place in the verdict's tracks, from 1.")
    box: tuple[float, float, float, float] = Field(
        examples=[(10, 20, 110, 120)], description="Left, top, right, bottom in the kept picture."
    )
    score: float | None = Field(ge=0, le=1, examples=[0.12])


class PictureAnswer(BaseModel):
    """A judged frame that was kept."""

    index: int = Field(ge=0, examples=[0], description="Place in this list.")
    time: float | None = Field(examples=[1.25], description="Seconds; null of a still picture.")
    size: tuple[int, int] = Field(examples=[(960, 540)], description="Width and height.")
    faces: list[PictureFace]
    frame: str = Field(examples=[f"/v1/jobs/{ID}/pictures/0/frame.jpg"])
    marked: str = Field(examples=[f"/v1/jobs/{ID}/pictures/0/marked.jpg"])
    map: str | None = Field(examples=[f"/v1/jobs/{ID}/pictures/0/map.jpg"])


class ExampleAnswer(BaseModel):
    """A picture to try the service with."""

    name: str = Field(pattern="^[a-z0-9-]{1,40}$", examples=["astronaut"])
    title: str = Field(examples=["A portrait in the public domain"])
    picture: str = Field(examples=["/v1/examples/astronaut.jpg"])


class Zone(BaseModel):
    """Below the first number a face is REAL, from the second FAKE, between them UNCERTAIN."""

    real_below: float = Field(ge=0, le=1, examples=[0.19])
    fake_from: float = Field(ge=0, le=1, examples=[0.82])


class Thresholds(Zone):
    """Those of pictures, and of videos of one person."""

    video: Zone


class DetectorAnswer(Zone):
    """A detector that judges here, by its card."""

    model_config = ConfigDict(extra="allow")

    name: str = Field(examples=["blend_lite"])
    sha256: str = Field(pattern="^[0-9a-f]{64}$", examples=["0" * 64])
    trained_on: str = Field(examples=["47147 face crops of 45785 media"])
    weaknesses: list[str] = Field(examples=[["Its thresholds for videos rest on 44 real videos."]])
    calibrated_on: list[str] = Field(examples=[["2025 real and 1991 fake pictures"]])
    terms: str = Field(examples=["research only, by the terms of the data"])


class DetectorsAnswer(BaseModel):
    """What every verdict of this service depends on, as `telltrace scan --json` says it."""

    model_config = ConfigDict(populate_by_name=True)

    form: str = Field(alias="schema", examples=["telltrace-scan/3"])
    telltrace: str = Field(examples=["0.1.0"])
    detectors: list[DetectorAnswer]
    thresholds: Thresholds
    settings: dict[str, Any] = Field(examples=[{"frames": 36, "strict": False}])


class LimitsAnswer(BaseModel):
    """What an upload must keep to."""

    max_bytes: int = Field(examples=[512000000])
    max_pixels: int = Field(examples=[134217728])
    max_seconds: float = Field(examples=[600.0], description="Longest video of a job.")
    sync_seconds: float = Field(examples=[15.0], description="Longest video of /v1/scan.")
    time_limit: float = Field(examples=[120.0], description="Seconds that judging may take.")
    max_waiting: int = Field(examples=[100])
    uploads_per_minute: int = Field(examples=[600])
    keep_seconds: float = Field(examples=[3600.0], description="How long results are kept.")
    needs_key: bool = Field(examples=[False])


class FindingAnswer(BaseModel):
    """How one kind of finding about a file's origin is to be read."""

    title: str = Field(examples=["C2PA: none"])
    means: str = Field(examples=["No C2PA manifest was found."])
    does_not_mean: str = Field(examples=["That the file is suspicious."])
    notable: bool = Field(examples=[False], description="Whether a hurried reader is told.")


class HealthAnswer(BaseModel):
    """Whether the service lives, or can judge."""

    status: Literal["ok"] = "ok"
    telltrace: str = Field(examples=["0.1.0"])
