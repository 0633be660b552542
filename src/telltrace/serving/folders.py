"""A folder for each job: the upload until it is judged, then what was drawn. Ids are its names."""

import secrets
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from .judging import MEDIA

ORPHAN_SECONDS: Final = 900.0
"""Age after which a folder without a job is deleted, if nothing is being written to it."""


class Folders:
    """The folders of all jobs.

    Args:
        root: The folder that they are in.
    """

    def __init__(self, root: Path) -> None:
        self.root = (root / "jobs").resolve()
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)

    def __getitem__(self, job_id: str) -> Path:
        """The folder of a job."""
        return self.root / job_id

    def make(self, job_id: str) -> None:
        """Make the folder of a new job."""
        self[job_id].mkdir(mode=0o700)

    def media(self, job_id: str) -> Path:
        """The upload of a job."""
        return self[job_id] / MEDIA

    def drop_media(self, job_id: str) -> None:
        """Delete the upload, and leave what was drawn."""
        self.media(job_id).unlink(missing_ok=True)

    def drop(self, job_id: str) -> None:
        """Delete all of a job."""
        shutil.rmtree(self[job_id], ignore_errors=True)

    def free(self) -> int:
        """Bytes that the disk has left."""
        return shutil.disk_usage(self.root).free

    def tidy(self, states: Mapping[str, str]) -> None:
        """Delete what a kill has left: uploads of jobs that are over, and folders of no job."""
        for path in self.root.iterdir():
            state = states.get(path.name)
            if state is None and min(_age(path), _age(path / MEDIA)) > ORPHAN_SECONDS:
                self.drop(path.name)
            elif state in ("done", "failed"):
                self.drop_media(path.name)


def _age(path: Path) -> float:
    """Seconds since a file or folder was last changed; any number if it is gone."""
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def new_id() -> str:
    """The id of a new job, which nobody can guess."""
    return secrets.token_hex(16)
