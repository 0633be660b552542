"""The database of jobs and keys: SQLite in WAL mode, or any other that SQLAlchemy reaches."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Semaphore
from typing import Any, Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy import event
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from telltrace.errors import DependencyError, OptionError
from telltrace.files import check_folder

from .problems import Problem
from .settings import ServeSettings

BUSY_SECONDS: Final = 5.0
"""How long a statement waits for another's lock."""
RETRY_SECONDS: Final = 2.0
POOL: Final[dict[str, Any]] = {"pool_size": 8, "max_overflow": 40, "hide_parameters": True}
"""Of connections; what an error says of a statement leaves out names of uploads and verdicts."""
SCHEMA: Final = sa.MetaData()

JOBS: Final = sa.Table(
    "jobs",
    SCHEMA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("client", sa.String(64), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("started", sa.Double),
    sa.Column("finished", sa.Double),
    sa.Column("expires", sa.Double),
    sa.Column("stage", sa.String(16), nullable=False),
    sa.Column("share", sa.Double, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("sync", sa.Boolean, nullable=False),
    sa.Column("owner", sa.String(32)),
    sa.Column("lease", sa.Double),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("verdict", sa.Text),
    sa.Column("problem", sa.Text),
    sa.Index("jobs_by_state", "state", "created"),
    sa.Index("jobs_by_expiry", "expires"),
)
KEYS: Final = sa.Table(
    "keys",
    SCHEMA,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("revoked", sa.Double),
    sa.Column("quota", sa.Integer),
)
USAGE: Final = sa.Table(
    "usage",
    SCHEMA,
    sa.Column("key", sa.String(16), primary_key=True),
    sa.Column("day", sa.Integer, primary_key=True),
    sa.Column("uploads", sa.Integer, nullable=False),
)


class Database:
    """Connections to a database that has the tables of this version.

    Args:
        settings: Names the database, and the folder. One that cannot be used is an OptionError.
    """

    def __init__(self, settings: ServeSettings) -> None:
        check_folder(settings.data)
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        url = settings.database_url
        self.engine = _engine(url)
        is_sqlite = self.engine.dialect.name == "sqlite"
        self._turns = Semaphore(1 if is_sqlite else 48)  # SQLite would sleep between looks
        try:
            with _alone(settings.data / ".migrating"), self.engine.connect() as one:
                _upgrade(one)
        except DBAPIError as error:
            said = " ".join(str(error.orig).split())
            remedy = "Check --database or --data, and whether its server runs."
            raise OptionError(f"{self.engine.url} cannot be used ({said})", remedy=remedy) from None

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection that sees one moment; a database that does not answer is a Problem."""
        with _translated(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction of its own, made as a whole or not at all; Problem as of `reading`."""
        if not self._turns.acquire(timeout=BUSY_SECONDS):
            raise Problem("database-busy", "others write to the database", RETRY_SECONDS)
        try:
            with _translated(), self.engine.connect() as connection:
                connection = connection.execution_options(writes=True)
                with connection.begin():
                    yield connection
        finally:
            self._turns.release()

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()


def _upgrade(connection: sa.Connection) -> None:
    scripts = Config()
    scripts.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    scripts.attributes["connection"] = connection
    command.upgrade(scripts, "head")
    connection.commit()


def _engine(url: str) -> sa.Engine:
    try:
        if sa.make_url(url).get_backend_name() != "sqlite":
            return sa.create_engine(url, pool_pre_ping=True, **POOL)
        engine = sa.create_engine(url, connect_args={"timeout": BUSY_SECONDS}, **POOL)
    except (ArgumentError, NoSuchModuleError) as error:
        remedy = "Give one such as postgresql+psycopg://user@host/name."
        raise OptionError(f"database is no address ({error})", remedy=remedy) from None
    except ImportError as error:
        reason = f"this database needs a package ({error})"
        raise DependencyError(reason, extra="postgres") from None
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # the driver begins no transactions; `_begin_sqlite` does
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    """A writer takes the lock first: two that had read could not both go on to write."""
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _translated() -> Iterator[None]:
    """What the driver raises, as a Problem if another moment may do."""
    try:
        yield
    except DBAPIError as error:
        said = str(error.orig).lower()
        if "full" in said or "no space" in said:
            raise Problem("disk-full", "the database has no room") from None
        if isinstance(error, sa.exc.OperationalError):
            raise Problem(
                "database-busy", "the database is locked or away", RETRY_SECONDS
            ) from error
        raise
    except sa.exc.TimeoutError:
        raise Problem("database-busy", "all connections are in use", RETRY_SECONDS) from None


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """One process at a time."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
