"""The same scan over a cluster: Ray hands files to actors, each of which guards a process.

An actor does not judge itself: it holds a process of its own that does, so that a decoder that
crashes or hangs is met on a cluster as it is on one machine, and Ray never hears of it.
"""

import itertools
import logging
import os
from collections.abc import Callable, Generator, Sequence
from typing import Any, Final

from telltrace.errors import DependencyError, OptionError
from telltrace.jobs.pool import Pool

from .journal import Answer
from .worker import Order, ScanWorker, Task, lost_answer

WAVE: Final = 200_000
"""Files that are handed to Ray at a time, so that the driver's memory is bounded."""
BLOCK: Final = 8
"""Files that an actor is given at a time, at most."""
STORE_BYTES: Final = 2**28
"""Shared memory for paths and answers, in a cluster that is made for one scan."""
LASTING: Final = {"max_restarts": -1, "max_task_retries": -1}
"""Options of actors: one that dies is made again."""


def run_ray(task: Task) -> Generator[Answer, None, None]:
    """Judge the files on the cluster, in the order in which they are done.

    The cluster is that of ``RAY_ADDRESS``; without one it is made, of this machine, and ends with
    the scan. All its machines must see the files under the same paths. If it has GPUs and there is
    a ``split`` scanner, each GPU gets an actor with the models, and the actors that read files and
    find faces, one to a processor, ask these. Without Ray, or with fewer processors than
    ``workers``, it is a TelltraceError.
    """
    ray = connect(task.workers, task.most)
    try:
        worker, models = task.worker, []
        if task.split and (gpus := _resource(ray, "GPU")):
            kind = ray.remote(num_gpus=1, num_cpus=0, **LASTING)(RayScoring)
            models = [kind.remote(task.split.scoring) for _ in range(gpus)]
            worker = ScanWorker(task.split.scanner)
        count = min(task.workers or _resource(ray, "CPU"), task.most)
        kind = ray.remote(num_cpus=1, **LASTING)(RayWorker)
        actors = [kind.remote(worker, task.time_limit, models) for _ in range(count)]
        starting = {one.ready.remote(): one for one in actors}
        pool = ray.util.ActorPool([])
        _take_on(ray, pool, starting, None)
        for wave in iter(lambda: list(itertools.islice(task.orders, WAVE)), []):
            size = max(1, min(BLOCK, len(wave) // (8 * count)))
            blocks = [wave[start : start + size] for start in range(0, len(wave), size)]
            for answers in pool.map_unordered(lambda one, block: one.judge.remote(block), blocks):
                _take_on(ray, pool, starting, 0)
                yield from answers
    finally:
        ray.shutdown()


def _take_on(ray: Any, pool: Any, starting: dict[Any, Any], wait: float | None) -> None:
    """Give the pool the actors that the cluster has found room for; others may wait for long."""
    if starting:
        ready, _ = ray.wait(list(starting), num_returns=1, timeout=wait)
        for one in ready:
            pool.push(starting.pop(one))


def _resource(ray: Any, name: str) -> int:
    return int(ray.cluster_resources().get(name, 0))


def connect(workers: int | None, most: int) -> Any:
    """Ray, connected; quiet, and telling nobody of its use."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise DependencyError(f"--engine ray needs Ray ({error})", extra="scale") from None
    quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    if os.environ.get("RAY_ADDRESS"):
        ray.init(**quiet)
    else:
        cpus = workers and min(workers, most)
        ray.init(num_cpus=cpus, include_dashboard=False, object_store_memory=STORE_BYTES, **quiet)
    found = _resource(ray, "CPU")
    if min(workers or 1, most) > found:
        ray.shutdown()
        remedy = f"Use --workers {found} or fewer, or add machines to it."
        few = f"The cluster has {found} processors, too few for {workers} workers."
        raise OptionError(few, remedy=remedy)
    return ray


class RayScoring:
    """What an actor on a GPU holds."""

    def __init__(self, build: Callable[[], Any]) -> None:
        self._model = build()

    def score(self, number: int, images: Any) -> Any:
        """What detector ``number`` says of faces."""
        return self._model.score(number, images)


class RayWorker:
    """What a Ray actor holds: a process that judges, replaced when it crashes or hangs."""

    def __init__(self, worker: ScanWorker, time_limit: float, models: Sequence[Any] = ()) -> None:
        self._models = itertools.cycle(models)
        self._pool: Pool[Order, Answer] = Pool(
            worker, 1, begin=worker.begin, time_limit=time_limit, lost=lost_answer, answer=self._ask
        )

    def _ask(self, question: tuple[int, Any]) -> Any:
        """Have faces scored on a GPU."""
        import ray

        return ray.get(next(self._models).score.remote(*question))

    def ready(self) -> None:
        """Answered once the actor runs."""

    def judge(self, block: list[Order]) -> list[Answer]:
        """Judge a block of files."""
        return [answer for _, answer in self._pool.run(block) if answer]

    def __del__(self) -> None:
        if "_pool" in vars(self):  # Ray's wrapper of this class inherits this method, and has none
            self._pool.close()
