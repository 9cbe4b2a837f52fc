"""What a worker may answer: JSON lines of a known shape, which name the request that they answer.

Code that is measured runs in the worker and can write into its pipes. What it writes is no reply:
it does not know the random name of the request, which is drawn when it is sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import NoneType
from typing import Any

from bench.record.rows import STATUSES

NUMBER = (int, float)
READING: Mapping[str, tuple[type, ...]] = {
    "probe": (str,),
    "value": (*NUMBER, NoneType),
    "lo": (*NUMBER, NoneType),
    "hi": (*NUMBER, NoneType),
    "n": (int,),
    "samples": (list,),
    "detail": (dict,),
    "passed": (bool, NoneType),
    "limit": (*NUMBER, NoneType),
    "claimed": (bool, NoneType),
    "expected": (*NUMBER, NoneType),
}
DONE: Mapping[str, Mapping[str, tuple[type, ...]]] = {
    "start": {},
    "build": {"seconds": (dict,)},
    "open": {"failed": (bool,), "layout": (str,), "kernel": (str,), "seconds": (dict,)},
    "sample": {
        "samples": (list,),
        "number": (int,),
        "warm_up": NUMBER,
        "steady": (bool,),
        "retaken": (int,),
        "disturbed": (int,),
        "processors": NUMBER,
    },
    "vouch": {"failed": (bool,)},
    "probe": {"failed": (bool,), "seconds": (dict,)},
    "close": {},
    "peaks": {},
}
"""What the last reply to each request says, at least."""


def reply_of(line: bytes, asked: str, what: str) -> dict[str, Any] | None:
    """Return the reply on a line to the request named `asked`, which is to do `what`.

    None for a line that is no such reply.
    """
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or message.pop("id", None) != asked or len(message) != 1:
        return None
    (kind, said), *_ = message.items()
    if not isinstance(said, dict) or not _well_formed(kind, said, what):
        return None
    return message


def _well_formed(kind: str, said: Mapping[str, Any], what: str) -> bool:
    if kind == "reading":
        return set(said) == set(READING) and _has(said, READING) and _numbers(said["samples"])
    if kind == "doing":
        return isinstance(said.get("what"), str)
    if kind == "fault":
        return said.get("status") in STATUSES and isinstance(said.get("reason"), str)
    whole = kind == "done" and _has(said, DONE[what])
    return whole and (what != "sample" or _numbers(said["samples"]))


def _has(said: Mapping[str, Any], types: Mapping[str, tuple[type, ...]]) -> bool:
    return all(type(said.get(name, ...)) in kinds for name, kinds in types.items())


def _numbers(samples: list[Any]) -> bool:
    return all(type(sample) in NUMBER for sample in samples)
