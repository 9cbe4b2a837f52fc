"""Names that nobody knows: what is said of them, with those that look alike."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def alike(name: str, known: Iterable[str]) -> str:
    """Return "did you mean 'a' or 'b'?", or nothing where no known name looks like it."""
    names = sorted(set(known))
    close = [other for other in names if other.casefold() == name.casefold()]
    close += [n for n in difflib.get_close_matches(name, names, 3, 0.65) if n not in close]
    close += [other for other in names if name and name in other and other not in close][:3]
    return f"did you mean {' or '.join(map(repr, close[:3]))}?" if close else ""


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Return what is wrong with a name, what may be meant, and what there is."""
    names = list(known)
    meant = alike(name, names)
    listed = f"known are {', '.join(names)}" if names else "there is none"
    return f"unknown {what} {name!r}: {f'{meant} ' if meant else ''}{listed}"
