"""All that the service can be told, in one value."""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Final, Literal

from telltrace.errors import OptionError
from telltrace.faces.media import MAX_PIXELS
from telltrace.inference import ScanSettings

MEGA: Final = 1_000_000
DATABASE: Final = "jobs.sqlite"
PORTS: Final = 65535
MAY_BE_ZERO: Final = ("port", "memory_megabytes")


@dataclass(frozen=True, kw_only=True)
class ServeSettings:
    """How the service listens, judges and limits; a value out of range is an OptionError.

    Args:
        host: Address to listen at. One that other machines can reach needs keys, or --insecure.
        port: Port to listen at; 0 takes a free one.
        data: Folder of the database, of uploads until they are judged, and of results. Several
            services may share it, and its database.
        database: SQLAlchemy address of another database, such as
            postgresql+psycopg://user@host/name; by default SQLite in the folder.
        checkpoint: Detectors to use; several are averaged. By default the one in the package.
        device: Where to compute.
        engine: "process" judges on this machine, "ray" on the cluster that Ray finds, or makes.
        workers: Processes that judge; by default one for each processor.
        time_limit: Seconds of one file.
        memory_megabytes: Memory that judging one file may take beyond the models'; 0 for no limit.
        max_megabytes: Largest upload.
        max_megapixels: Largest picture or frame.
        max_seconds: Longest video of a job.
        sync_seconds: Longest video that /v1/scan judges while the client waits.
        max_waiting: Jobs that wait, uploads under way among them.
        max_uploads: Uploads under way at a time.
        upload_seconds: Longest time of one upload.
        uploads_per_minute: Uploads that one client may send in a minute.
        keep_hours: How long results are kept; uploads are deleted right after judging.
        insecure: Listen at any address without keys.
        log_names: Write the names of uploads to the log.
        scan: How files are looked at.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    data: Path = Path("telltrace-service")
    database: str | None = None
    checkpoint: tuple[Path, ...] = ()
    device: Literal["auto", "cpu", "cuda"] = "auto"
    engine: Literal["process", "ray"] = "process"
    workers: int | None = None
    time_limit: float = 120.0
    memory_megabytes: int = 4096
    max_megabytes: float = 512.0
    max_megapixels: float = MAX_PIXELS / MEGA
    max_seconds: float = 600.0
    sync_seconds: float = 15.0
    max_waiting: int = 100
    max_uploads: int = 16
    upload_seconds: float = 300.0
    uploads_per_minute: int = 600
    keep_hours: float = 1.0
    insecure: bool = False
    log_names: bool = False
    scan: ScanSettings = field(default_factory=ScanSettings)

    def __post_init__(self) -> None:
        for part in fields(self):
            value = getattr(self, part.name)
            if isinstance(value, int | float) and not isinstance(value, bool):
                lowest = 0 if part.name in MAY_BE_ZERO else 1e-9
                if not lowest <= value < float("inf"):
                    wanted = "not be negative" if lowest == 0 else "be positive"
                    raise OptionError(f"{part.name} must {wanted}, got {value}.")
        if self.port > PORTS:
            raise OptionError(f"port must be at most {PORTS}, got {self.port}.")

    @property
    def max_bytes(self) -> int:
        """Largest upload."""
        return int(self.max_megabytes * MEGA)

    @property
    def max_pixels(self) -> int:
        """Largest picture or frame."""
        return int(self.max_megapixels * MEGA)

    @property
    def database_url(self) -> str:
        """The database, SQLite in the folder unless another is named."""
        return self.database or f"sqlite:///{self.data / DATABASE}"
