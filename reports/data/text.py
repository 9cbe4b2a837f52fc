"""Text and numbers as people read them. Everything that comes from a row passes `clean`."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

NONE = "–"
"""What an empty cell shows."""
THIN = "\N{NARROW NO-BREAK SPACE}"

TIME = ((1e-9, "ns"), (1e-6, "µs"), (1e-3, "ms"), (1.0, "s"))
BYTES = ((1.0, "B"), (2.0**10, "KiB"), (2.0**20, "MiB"), (2.0**30, "GiB"))
SCALES = {"s": TIME, "B": BYTES}

SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_NUMBERS = (int, float, type(None))
_UNSAFE = ("Cc", "Cf", "Cs", "Co", "Cn")


def clean(value: Any) -> Any:
    """Return JSON data whose strings have no control, direction or unpaired surrogate characters.

    Such characters cannot be written to SVG, or make text look like something else.
    """
    if isinstance(value, str):
        return _plain(value)
    if isinstance(value, dict):
        return {clean(k): v if type(v) in _NUMBERS else clean(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [v if type(v) in _NUMBERS else clean(v) for v in value]
    return value


@lru_cache(maxsize=1 << 14)
def _plain(text: str) -> str:
    plain = text.isascii() and text.isprintable()
    return text if plain else "".join(_shown(c) for c in text)


def _shown(character: str) -> str:
    if character in "\n\t":
        return " "
    return "\N{REPLACEMENT CHARACTER}" if unicodedata.category(character) in _UNSAFE else character


def inside(data: Any) -> str:
    """Return JSON that can stand in a script element of a page: nothing in it closes that."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def slug(text: str) -> str:
    """Return a file or anchor name: lower-case letters, digits and hyphens only."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:80] or "unnamed"


def scale_of(values: Iterable[float], unit: str, typical: str = "middle") -> tuple[float, str]:
    """Return (factor, name): the largest prefix of a unit in which the typical value is >= 1.

    One prefix per column, so that numbers under each other compare. Typical is the
    "least" positive value, or the geometric "middle" between it and the greatest.
    """
    found = sorted(v for v in values if v > 0)
    scales = SCALES.get(unit)
    if scales is None:
        return 1.0, "" if unit == "1" else unit
    if not found:
        return scales[-1] if unit == "s" else scales[0]
    value = found[0] if typical == "least" else math.sqrt(found[0] * found[-1])
    fitting = [scale for scale in scales if value >= scale[0]]
    return fitting[-1] if fitting else scales[0]


def decimals(value: float) -> int:
    """Return how many decimals show three significant digits (four after a leading 1)."""
    if value == 0 or not math.isfinite(value):
        return 0
    exponent = math.floor(math.log10(abs(value)))
    leading = abs(value) / 10**exponent
    return max(0, (3 if leading < 2 else 2) - exponent)


def fixed(value: float, places: int) -> str:
    """Return a number with so many decimals and thousands set apart."""
    return f"{value:,.{places}f}".replace(",", THIN)


def number(value: float | None) -> str:
    """Return three significant digits, without exponent where that stays short."""
    if value is None:
        return NONE
    if value != 0 and not 1e-3 <= abs(value) < 1e7:
        return scientific(value)
    return fixed(value, 0 if float(value).is_integer() else decimals(value))


def scientific(value: float | None) -> str:
    """Return two significant digits, as in 3.1e-7 or 0.79; zero is exactly zero."""
    if value is None:
        return NONE
    if value == 0 or 0.01 <= abs(value) < 100:
        return f"{value:.2g}"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}".replace("-", "\N{MINUS SIGN}")


def power(value: float) -> str:
    """Return a round number such as a tolerance: 1e-5."""
    return f"{value:.0e}".replace("e-0", "e-").replace("-", "\N{MINUS SIGN}")


def quantity(value: float, unit: str) -> str:
    """Return one number with its own prefix: 12.3 µs, 4.00 MiB."""
    factor, name = scale_of([value], unit)
    scaled = value / factor
    return f"{fixed(scaled, decimals(scaled))} {name}".strip()


def percent(share: float) -> str:
    """Return a share as people read it: `95 %`.

    >>> percent(0.99).replace(chr(0xA0), " ")
    '99 %'
    """
    return f"{100 * share:g}\N{NO-BREAK SPACE}%"


def count(n: int, noun: str) -> str:
    """Return `1 case`, `2 cases`."""
    return f"{n} {noun}" + ("" if n == 1 else "es" if noun.endswith("s") else "s")


def natural(value: Any) -> tuple[int, float, str]:
    """Return a sorting key: numbers by size, before text by letters."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 1, 0.0, str(value)
    return 0, float(value), ""


def raised(text: str) -> str:
    """Return orders with whole exponents raised, not to be broken: O(L^5 C) as O(L⁵ C)."""
    found = re.sub(r"\^(\d+)(?![.\d])", lambda digits: digits[1].translate(SUPERSCRIPTS), text)
    return re.sub(r" (?!O\()(?=\S*\))", "\N{NO-BREAK SPACE}", found)


def listing(items: Iterable[str]) -> str:
    """Return `a`, `a and b`, `a, b and c`."""
    found = list(items)
    return " and ".join([", ".join(found[:-1]), found[-1]] if len(found) > 1 else found)


def spaced(text: str) -> str:
    """Return text for a terminal: spaces that are narrow, or do not break, are plain ones."""
    return text.replace(THIN, " ").replace("\N{NO-BREAK SPACE}", " ")


def unbroken(text: str) -> str:
    """Return text whose signs stay with the numbers behind them: `L = 3`, `(≥ 2.0×)`."""
    return re.sub(r" ?([=≥≤]) ", lambda m: m[0].replace(" ", "\N{NO-BREAK SPACE}"), text)
