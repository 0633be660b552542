"""API keys: 256 random bits each, of which the database holds a hash."""

import hmac
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import sqlalchemy as sa

from telltrace.errors import OptionError, check_positive

from .database import KEYS, USAGE, Database
from .problems import Problem

PREFIX: Final = "tt"
DAY: Final = 86_400
LOOK_EVERY: Final = 1.0
"""Seconds between looks for the first key."""


@dataclass(frozen=True)
class Key:
    """A key without its secret."""

    id: str
    name: str
    hash: str
    """SHA-256 of the secret; of so many random bits a slow hash would gain nothing."""
    created: float
    revoked: float | None
    quota: int | None
    """Uploads a day, UTC."""


class Keyring:
    """The keys of a service. Once there was one, even if it is revoked, requests need one."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._needed, self._looked = False, -LOOK_EVERY

    @property
    def needed(self) -> bool:
        """Whether requests need a key."""
        now = time.monotonic()
        if not self._needed and now - self._looked >= LOOK_EVERY:
            with self.database.reading() as of:
                self._needed = of.execute(sa.select(KEYS.c.id).limit(1)).first() is not None
            self._looked = now
        return self._needed

    def add(self, name: str, quota: int | None = None) -> str:
        """Make a key and return it; nothing can show it again."""
        if not name or len(name) > 100 or not name.isprintable():
            raise OptionError("A key needs a name of 1 to 100 printable characters.")
        check_positive(quota=quota)
        key_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        values = Key(key_id, name, _hash(secret), time.time(), None, quota)
        with self.database.writing() as to:
            to.execute(sa.insert(KEYS).values(**vars(values)))
        self._needed = True
        return f"{PREFIX}_{key_id}_{secret}"

    def list(self) -> Sequence[Key]:
        """All keys, the oldest first."""
        with self.database.reading() as of:
            rows = of.execute(sa.select(KEYS).order_by(KEYS.c.created)).mappings()
            return [Key(**row) for row in rows]

    def revoke(self, key_id: str) -> Key:
        """Let a key open nothing from now on; one that there is not is an OptionError."""
        mine = (KEYS.c.id == key_id) & KEYS.c.revoked.is_(None)
        with self.database.writing() as to:
            to.execute(sa.update(KEYS).where(mine).values(revoked=time.time()))
        found = self._find(key_id)
        if found is None:
            remedy = "telltrace serve keys list names them."
            raise OptionError(f"there is no key {key_id!r}", remedy=remedy)
        return found

    def check(self, text: str) -> Key:
        """The key that a client sent; a Problem if it is none, or revoked."""
        _, _, rest = text.partition("_")
        key_id, _, secret = rest.partition("_")
        found = self._find(key_id) if key_id.isalnum() and len(key_id) <= 16 else None
        known = found.hash if found else _hash("")
        fits = hmac.compare_digest(known, _hash(secret))  # takes as long wherever they differ
        if found is None or not fits:
            raise Problem("key-wrong", "the key is not one of this service")
        if found.revoked is not None:
            raise Problem("key-revoked", f"the key {found.id} was revoked")
        return found

    def use(self, key: Key) -> None:
        """Count an upload; a Problem if the key has none left today."""
        if key.quota is None:
            return
        day, left = divmod(int(time.time()), DAY)
        mine = (USAGE.c.key == key.id) & (USAGE.c.day == day)
        with self.database.writing() as to:
            to.execute(sa.select(KEYS.c.id).where(KEYS.c.id == key.id).with_for_update())
            used = to.execute(sa.select(USAGE.c.uploads).where(mine)).scalar()
            if used is None:
                to.execute(sa.delete(USAGE).where(USAGE.c.key == key.id))
                to.execute(sa.insert(USAGE).values(key=key.id, day=day, uploads=1))
            elif used < key.quota:
                to.execute(sa.update(USAGE).where(mine).values(uploads=used + 1))
            else:
                raise Problem("quota-used", f"{key.quota} uploads a day are used up", DAY - left)

    def _find(self, key_id: str) -> Key | None:
        with self.database.reading() as of:
            row = of.execute(sa.select(KEYS).where(KEYS.c.id == key_id)).mappings().first()
        return Key(**row) if row else None


def _hash(secret: str) -> str:
    return sha256(secret.encode("utf-8", "replace")).hexdigest()
