"""What a training shows and records: progress, TensorBoard, MLflow, metrics.csv, speed.csv."""

import importlib
import importlib.util
import os
import resource
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from telltrace.files import write_bytes, write_table
from telltrace.jobs.progress import logger, progress

from .loop import Batch, State


class RunLogger(ExitStack):
    """Progress, and the run's tables; a context in which the run takes place.

    metrics.csv has the loss and the validation figures of every epoch: the same in a run that
    was stopped and resumed. speed.csv has seconds, images a second, the share of the time in
    which the device waited for data, and the highest memory so far. TensorBoard gets both, where
    it is installed, and MLflow, where it is and the environment variable MLFLOW_TRACKING_URI says
    where its server or folder is; one that fails ends no training. Of several processes one is
    ``active``: it shows and writes.
    """

    def __init__(
        self, out: Path, epochs: int, steps: int, batch_size: int, *, active: bool = True
    ) -> None:
        super().__init__()
        self.out, self.epochs, self.steps, self.batch_size = out, epochs, steps, batch_size
        self.active, self.tensorboard, self.mlflow = active, None, None

    def start(self, state: State, text: str) -> None:
        """Open TensorBoard, MLflow and the progress bar; say how the run computes."""
        if not self.active:
            return
        if importlib.util.find_spec("tensorboard") is not None:
            writer: Any = importlib.import_module("torch.utils.tensorboard").SummaryWriter(self.out)
            self.callback(writer.close)
            self.tensorboard = writer
        if os.environ.get("MLFLOW_TRACKING_URI") and importlib.util.find_spec("mlflow") is not None:
            os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # send no usage statistics
            self._start_mlflow(importlib.import_module("mlflow"))
        done, total = state.epoch * self.steps + state.step, self.epochs * self.steps
        self.advance = self.enter_context(progress("Training", total, "steps", done=done))
        logger.info(text)

    def timed(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The same batches; the time spent waiting for them is counted."""
        self.started, self.waited, self.images = time.perf_counter(), 0.0, 0
        asked = self.started
        for batch in batches:
            self.waited += time.perf_counter() - asked
            yield batch
            asked = time.perf_counter()

    def step(self, state: State, loss: float) -> None:
        """Show one finished step."""
        self.images += self.batch_size
        if not self.active:
            return
        rate = state.optimizer.param_groups[0]["lr"]
        speed = self.images / (time.perf_counter() - self.started)
        self.advance(note=f"loss {loss:.4f}, lr {rate:.1e}, {speed:.0f} images/s")
        self._scalars("train", {"loss": loss, "lr": rate}, state.epoch * self.steps + state.step)

    def speed(self) -> dict[str, float]:
        """The speed of the epoch up to now; the validation that follows is not counted."""
        seconds = time.perf_counter() - self.started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            peak = torch.cuda.max_memory_allocated()
        return {
            "seconds": round(seconds, 3),
            "images_per_second": round(self.images / seconds, 2),
            "waiting": round(self.waited / seconds, 4),
            "peak_mib": round(peak / 2**20, 1),
        }

    def epoch(self, state: State, speed: dict[str, float]) -> None:
        """Show one finished epoch and write the tables of all of them."""
        if not self.active:
            return
        row = state.history[-1]
        figures = {key: value for key, value in row.items() if key != "epoch" and value is not None}
        self._scalars("epoch", figures | speed, row["epoch"])
        self._ask_mlflow("log_metrics", figures | speed, step=row["epoch"])
        text = "  ".join(f"{key} {value:.4f}" for key, value in figures.items())
        rate = f"{speed['images_per_second']:.0f} images/s"
        logger.info("epoch %d/%d  %s  %s", row["epoch"], self.epochs, text, rate)
        write_table(pd.DataFrame(state.history), self.out / "metrics.csv")
        file, speeds = self.out / "speed.csv", pd.DataFrame([{"epoch": row["epoch"]} | speed])
        if file.is_file():
            before = pd.read_csv(file, dtype=str)
            speeds = pd.concat([before[before.epoch.astype(int) < row["epoch"]], speeds])
        write_table(speeds, file)

    def _start_mlflow(self, mlflow: Any) -> None:
        """Open MLflow's run of this folder, the same one when training goes on."""
        file = self.out / "mlflow_run.txt"
        known = file.read_text().strip() if file.is_file() else None
        self.mlflow = mlflow
        run = self._ask_mlflow("start_run", run_id=known, run_name=self.out.name)
        if run is not None:
            self.callback(self._ask_mlflow, "end_run")
            write_bytes(run.info.run_id.encode(), file)

    def _ask_mlflow(self, what: str, *given: Any, **named: Any) -> Any:
        """MLflow's answer; after its first failure, of which a warning tells, it is not asked."""
        if self.mlflow is None:
            return None
        try:
            return getattr(self.mlflow, what)(*given, **named)
        except Exception as error:  # its server or the way there: the training goes on without it
            self.mlflow = None
            text = "MLflow gets no more figures of this run (%s: %s). The tables in %s have all."
            logger.warning(text, type(error).__name__, error, self.out)
            return None

    def _scalars(self, group: str, values: dict[str, float], step: int) -> None:
        if self.tensorboard is not None:
            for key, value in values.items():
                self.tensorboard.add_scalar(f"{group}/{key}", value, step)
