"""Files: written whole or not at all, identified by their hashes, packed many into one."""

from .atomic import (
    atomic_write,
    check_disk_space,
    check_folder,
    check_output,
    check_table,
    file_sha256,
    json_sha256,
    read_json,
    text_sha256,
    write_bytes,
    write_json,
    write_table,
)

__all__ = [
    "atomic_write", "check_disk_space", "check_folder", "check_output", "check_table",
    "file_sha256", "json_sha256", "read_json", "text_sha256", "write_bytes", "write_json",
    "write_table",
]  # fmt: skip
