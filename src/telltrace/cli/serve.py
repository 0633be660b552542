"""`telltrace serve`: the page and the service, and the keys that open it."""

import sys
from contextlib import suppress
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from telltrace.errors import DependencyError, OptionError

if TYPE_CHECKING:
    from telltrace.serving import ServeSettings
    from telltrace.serving.keys import Keyring


def serve(keys: list[str] = [], *, quota: int | None = None, **options: Any) -> int:  # noqa: B006
    """Serve a page for browsers, and the same scans over HTTP.

    Open the address that it prints in a browser; /docs describes the API. It ends with Ctrl-C, and
    goes on with the jobs that waited when it is started again. See docs/serve.md.

    Keys: "telltrace serve keys add NAME" prints a new key, once; "keys list" shows all without
    their secrets; "keys revoke ID" ends one. Once there was a key, every request needs one.

    Args:
        keys: Nothing to serve; or keys add NAME, keys list, keys revoke ID.
        quota: Uploads a day of the key that is added.
        **options: Those of `ServeSettings` and `ScanSettings`.
    """
    try:
        from telltrace.serving.app import serve_forever
    except ImportError as error:
        remedy = "Install it with: pip install 'telltrace[serve]'."
        raise DependencyError(f"serve needs a package ({error})", remedy=remedy) from None

    settings = _settings(options)
    if keys:
        return _manage_keys(keys, quota, settings)
    if quota is not None:
        raise OptionError("--quota is for keys add alone.", remedy="Leave it out.")
    with suppress(KeyboardInterrupt):  # this is how it ends
        serve_forever(settings, _announce)
    sys.stderr.write("telltrace: stopped. Jobs that wait are judged when it is started again.\n")
    return 0


def _announce(url: str) -> None:
    print(f"Open {url} in a browser; Ctrl-C ends.", flush=True)


def _settings(options: dict[str, Any]) -> "ServeSettings":
    """The settings of the service, and within them those of its scans."""
    from telltrace.inference import ScanSettings
    from telltrace.serving import ServeSettings

    own = {field.name for field in fields(ServeSettings)}
    mine = {name: value for name, value in options.items() if name in own}
    scan = {name: value for name, value in options.items() if name not in own}
    mine["checkpoint"] = tuple(mine["checkpoint"])
    return ServeSettings(**mine, scan=ScanSettings(**scan))


def _manage_keys(words: list[str], quota: int | None, settings: "ServeSettings") -> int:
    from telltrace.serving.database import Database
    from telltrace.serving.keys import Keyring

    match words:
        case ["keys", "add", name]:
            print(Keyring(Database(settings)).add(name, quota))
        case ["keys", "list"]:
            _print_keys(Keyring(Database(settings)), settings)
        case ["keys", "revoke", key_id]:
            key = Keyring(Database(settings)).revoke(key_id)
            print(f"{key.id} ({key.name}) opens nothing any more")
        case _:
            remedy = "Say keys add NAME, keys list or keys revoke ID; or nothing, to serve."
            raise OptionError(f"{' '.join(words)} is not understood", remedy=remedy)
    return 0


def _print_keys(keyring: "Keyring", settings: "ServeSettings") -> None:
    if not (keys := keyring.list()):
        print(f"No keys in {settings.database or settings.data}.")
    for key in keys:
        made = datetime.fromtimestamp(key.created, UTC).date()
        quota = "no quota" if key.quota is None else f"{key.quota} uploads a day"
        state = "valid" if key.revoked is None else "revoked"
        print(f"{key.id}  {state:7}  {made}  {quota}  {key.name}")
