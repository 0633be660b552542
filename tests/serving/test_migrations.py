"""The migrations make the tables that the code uses, in SQLite and in PostgreSQL."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from telltrace.errors import OptionError
from telltrace.serving import ServeSettings
from telltrace.serving.database import SCHEMA, Database

from .conftest import SMALL, serving


def test_the_migrations_make_the_tables(tmp_path: Path) -> None:
    folder = tmp_path / "private"
    for _ in range(2):  # the second finds them
        database = Database(ServeSettings(data=folder))
        with database.reading() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, SCHEMA) == []
            assert connection.execute(sa.text("PRAGMA journal_mode")).scalar() == "wal"
        database.close()
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("address", ["nothing", "unknown://x"])
def test_an_address_of_no_database_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(OptionError, match="database is no address"):
        Database(ServeSettings(data=tmp_path, database=address))


def test_a_database_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "jobs.sqlite").write_bytes(bytes(range(256)) * 20)
    with pytest.raises(OptionError, match=r"jobs.sqlite cannot be used \(file is not a database"):
        Database(ServeSettings(data=tmp_path))
    pytest.importorskip("psycopg", reason="needs the extra postgres")
    away = "postgresql+psycopg://me:secret@127.0.0.1:1/x"
    with pytest.raises(OptionError, match=r"me:\*\*\*@127.0.0.1:1/x cannot be used"):
        Database(ServeSettings(data=tmp_path, database=away))


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """A server of PostgreSQL's own, without a network; its address."""
    pytest.importorskip("psycopg", reason="needs the extra postgres")
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        pytest.skip("No PostgreSQL: install Debian's package postgresql to run this test.")
    who = []
    if os.getuid() == 0:  # it refuses to run as root
        if not shutil.which("runuser"):
            pytest.skip("PostgreSQL does not run as root, and there is no runuser.")
        who = ["runuser", "-u", "postgres", "--"]
    # not below pytest's own folder, which every new run of it closes to other users
    with tempfile.TemporaryDirectory(prefix="telltrace-", ignore_cleanup_errors=True) as folder:
        if who:
            shutil.chown(folder, "postgres")
        yield from _postgres([*who], programs[-1], Path(folder))


def _postgres(who: list[str], programs: Path, root: Path) -> Iterator[str]:
    quiet: dict[str, Any] = {"check": True, "capture_output": True, "cwd": "/"}
    data = root / "data"
    make = [programs / "initdb", "-D", data, "-A", "trust", "-U", "telltrace", "--no-sync"]
    subprocess.run([*who, *make], **quiet)
    run = [programs / "postgres", "-D", data, "-k", root, "-c", "listen_addresses=", "-F"]
    with subprocess.Popen([*who, *run], cwd="/", stderr=subprocess.DEVNULL) as server:
        while not list(root.glob(".s.PGSQL.5432")):
            assert server.poll() is None, "the server has ended at its start"
            time.sleep(0.05)
        yield f"postgresql+psycopg://telltrace@/postgres?host={root}"
        subprocess.run([*who, programs / "pg_ctl", "-D", data, "stop", "-m", "immediate"], **quiet)


def test_jobs_and_keys_live_in_postgresql_too(tmp_path: Path, postgres: str) -> None:
    settings = replace(SMALL, data=tmp_path, database=postgres)
    with serving(settings) as running:
        running.gate.set()
        with running.service.database.reading() as connection:
            assert connection.dialect.name == "postgresql"
            assert compare_metadata(MigrationContext.configure(connection), SCHEMA) == []
        jobs = [running.send(f"{n}").json["id"] for n in range(10)]
        assert [running.finish(job)["verdict"]["reason"] for job in jobs] == list("0123456789")
        assert running.send("x", "/v1/scan").json["reason"] == "x"
        assert running.ask("DELETE", f"/v1/jobs/{jobs[0]}").status == 204
        key = running.service.keyring.add("name", quota=4)
        own = {"authorization": f"Bearer {key}"}
        with ThreadPoolExecutor(4) as many:  # the first uploads of a day come at once
            replies = many.map(lambda _: running.send("x", "/v1/scan", **own), range(4))
            assert [reply.status for reply in replies] == [200] * 4
        assert running.send("x", "/v1/scan", **own).problem == "quota-used"
    assert not (tmp_path / "jobs.sqlite").exists()
