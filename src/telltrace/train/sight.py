"""What a running training shows and writes: progress bar, TensorBoard, metrics.csv."""

import csv
import io
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch.utils.tensorboard.writer import SummaryWriter

from telltrace.data.manifest import write_bytes
from telltrace.train.loop import State


class Sight:
    """Progress on standard error, scalars for TensorBoard, one row an epoch in metrics.csv.

    Args:
        out: Folder of the run.
        epochs: Epochs of the whole run.
        steps: Steps in an epoch.
    """

    def __init__(self, out: Path, epochs: int, steps: int) -> None:
        self.out, self.epochs, self.steps = out, epochs, steps
        self.console = Console(stderr=True)
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )

    def __enter__(self) -> Self:
        self.writer = SummaryWriter(self.out)
        self.task = self.bar.add_task("epoch", total=self.steps * self.epochs, figures="")
        self.bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bar.stop()
        self.writer.close()

    def step(self, state: State, loss: float, batch_size: int) -> None:
        """Show one finished step."""
        done = state.epoch * self.steps + state.step
        rate = state.optimizer.param_groups[0]["lr"]
        speed = self.bar.tasks[self.task].speed or 0.0
        self.bar.update(
            self.task,
            completed=done,
            description=f"epoch {state.epoch + 1}/{self.epochs}",
            figures=f"loss {loss:.4f}  lr {rate:.1e}  {speed * batch_size:.0f} images/s",
        )
        self.writer.add_scalar("train/loss", loss, done)
        self.writer.add_scalar("train/lr", rate, done)

    def epoch(self, state: State) -> None:
        """Show one finished epoch and write the table of all of them."""
        row = state.history[-1]
        figures = {key: value for key, value in row.items() if key != "epoch" and value is not None}
        for key, value in figures.items():
            self.writer.add_scalar(f"epoch/{key}", value, row["epoch"])
        text = "  ".join(f"{key} {value:.4f}" for key, value in figures.items())
        line = f"epoch {row['epoch']}/{self.epochs}  {text}"
        self.console.print(line, highlight=False, soft_wrap=True)
        table = io.StringIO()
        writer = csv.DictWriter(table, fieldnames=list(row), lineterminator="\n")
        writer.writeheader()
        writer.writerows(state.history)
        write_bytes(table.getvalue().encode(), self.out / "metrics.csv")
