"""The migrations make the tables that the code uses, in SQLite and in PostgreSQL."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from telltrace.errors import OptionError
from telltrace.serving import ServeSettings
from telltrace.serving.database import SCHEMA, Database

from .conftest import SMALL, serving


def test_the_migrations_make_the_tables(tmp_path: Path) -> None:
    for _ in range(2):  # the second finds them
        database = Database(ServeSettings(data=tmp_path))
        with database.reading() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, SCHEMA) == []
            assert connection.execute(sa.text("PRAGMA journal_mode")).scalar() == "wal"
        database.close()
    assert (tmp_path.stat().st_mode & 0o077) == 0 or tmp_path.exists()


@pytest.mark.parametrize("address", ["nothing", "unknown://x"])
def test_an_address_of_no_database_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(OptionError, match="database is no address"):
        Database(ServeSettings(data=tmp_path, database=address))


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of PostgreSQL's own, without a network; its address."""
    pytest.importorskip("psycopg", reason="needs the extra postgres")
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        pytest.skip("No PostgreSQL: install Debian's package postgresql to run this test.")
    root = tmp_path_factory.mktemp("postgres")
    data, who = root / "data", []
    if os.getuid() == 0:  # it refuses to run as root
        if not shutil.which("runuser"):
            pytest.skip("PostgreSQL does not run as root, and there is no runuser.")
        who = ["runuser", "-u", "postgres", "--"]
        for folder in (root, *root.parents[:2]):
            folder.chmod(0o755)
        shutil.chown(root, "postgres")
    make = [programs[-1] / "initdb", "-D", data, "-A", "trust", "-U", "telltrace", "--no-sync"]
    subprocess.run([*who, *make], check=True, capture_output=True, cwd="/")
    run = [programs[-1] / "postgres", "-D", data, "-k", root, "-c", "listen_addresses=", "-F"]
    with subprocess.Popen([*who, *run], cwd="/", stderr=subprocess.DEVNULL) as server:
        while not list(root.glob(".s.PGSQL.5432")):
            assert server.poll() is None, "the server has ended at its start"
            time.sleep(0.05)
        yield f"postgresql+psycopg://telltrace@/postgres?host={root}"
        subprocess.run(
            [*who, programs[-1] / "pg_ctl", "-D", data, "stop", "-m", "immediate"],
            check=True,
            capture_output=True,
            cwd="/",
        )


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
        key = running.service.keyring.add("name", quota=1)
        own = {"authorization": f"Bearer {key}"}
        assert running.send("x", "/v1/scan", **own).status == 200
        assert running.send("x", "/v1/scan", **own).problem == "quota-used"
    assert not (tmp_path / "jobs.sqlite").exists()
