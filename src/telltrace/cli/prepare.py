"""`telltrace prepare`: a dataset in, face crops and a manifest out."""

from functools import wraps
from typing import Any

from telltrace.data import prepare as prepare_data


@wraps(prepare_data)
def prepare(*arguments: Any, **options: Any) -> int:
    print(prepare_data(*arguments, **options))
    return 0
