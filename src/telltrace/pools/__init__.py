"""Work spread over processes, in which a crash or a hang costs one job and one process."""

from .pool import Lost, Pool, run_jobs
from .worker import ask, processors

__all__ = ["Lost", "Pool", "ask", "processors", "run_jobs"]
