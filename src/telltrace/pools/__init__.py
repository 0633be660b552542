"""Work spread over processes, in which a crash or a hang costs one job and one process."""

from .pool import Crew, Lost, run_jobs
from .worker import ask, processors

__all__ = ["Crew", "Lost", "ask", "processors", "run_jobs"]
