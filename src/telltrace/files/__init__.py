"""Files written whole or not at all, and what identifies them."""

from .hashing import file_sha256, json_sha256
from .writing import (
    atomic_write,
    check_disk_space,
    check_suffix,
    write_bytes,
    write_json,
    write_table,
)

__all__ = [
    "atomic_write",
    "check_disk_space",
    "check_suffix",
    "file_sha256",
    "json_sha256",
    "write_bytes",
    "write_json",
    "write_table",
]
