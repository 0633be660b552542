"""Where uploads are judged: in a process of this machine, or by an actor on a Ray cluster."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

from telltrace.batch.journal import Answer
from telltrace.batch.scan import preloads, prepare_scanner
from telltrace.batch.worker import Order, lost_answer
from telltrace.inference import Scanner
from telltrace.jobs.pool import Pool
from telltrace.jobs.threads import processors

from .judging import Upload, UploadWorker
from .settings import MEGA, ServeSettings

Told = Callable[[tuple[str, str, float]], bool]
"""Takes a job, its stage and its share; says whether to go on with it."""


class Engine(Protocol):
    """Judges one upload at a time, whatever it does."""

    def judge(self, upload: Upload) -> Answer:
        """The answer, even if the upload takes its process with it."""

    def close(self) -> None:
        """End its process."""


class ProcessEngine:
    """A process of this machine, replaced when it crashes or hangs."""

    def __init__(self, worker: UploadWorker, time_limit: float, told: Told) -> None:
        self._pool: Pool[Order, Answer] = Pool(
            worker, 1, begin=worker.begin, time_limit=time_limit, lost=lost_answer, answer=told
        )

    def judge(self, upload: Upload) -> Answer:
        """As `Engine.judge`."""
        ((_, answer),) = self._pool.run([upload])
        assert answer is not None
        return answer

    def close(self) -> None:
        """As `Engine.close`."""
        self._pool.close()


class RayEngine:
    """An actor that holds such a process. It sees uploads only in a folder that its machine has."""

    def __init__(self, ray: Any, actor: Any) -> None:
        self._ray, self._actor = ray, actor

    def judge(self, upload: Upload) -> Answer:
        """As `Engine.judge`."""
        (answer,) = self._ray.get(self._actor.judge.remote([upload]))
        return answer

    def close(self) -> None:
        """As `Engine.close`."""
        self._ray.kill(self._actor)


@dataclass(frozen=True)
class Engines:
    """All engines of a service."""

    count: int
    make: Callable[[Told], Engine]
    end: Callable[[], object]
    """To be called after the last."""


def prepare_engines(settings: ServeSettings) -> Engines:
    """The engines that the settings ask for.

    A checkpoint that cannot be read, or Ray that is not there, is a TelltraceError.
    """
    paths, asked = prepare_scanner(settings.checkpoint, settings.device, settings.scan)
    worker = UploadWorker(
        partial(Scanner, paths, device=settings.device, **asked),
        preloads(asked),
        memory=settings.memory_megabytes * MEGA,
    )
    if settings.engine == "process":
        make = partial(ProcessEngine, worker, settings.time_limit)
        return Engines(settings.workers or processors(), make, lambda: None)
    return ray_engines(replace(worker, tells=False), settings)  # who would answer is elsewhere


def ray_engines(worker: UploadWorker, settings: ServeSettings) -> Engines:
    """Actors on the cluster that Ray finds, or makes; without Ray it is a DependencyError."""
    from telltrace.batch.ray_engine import LASTING, RayWorker, connect

    ray = connect(settings.workers, settings.workers or 1)
    kind = ray.remote(num_cpus=1, **LASTING)(RayWorker)
    count = settings.workers or int(ray.cluster_resources().get("CPU", 1))

    def make(_: Told) -> Engine:
        return RayEngine(ray, kind.remote(worker, settings.time_limit))

    return Engines(count, make, ray.shutdown)
