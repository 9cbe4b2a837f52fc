"""What is wrong with one array beside another: factors, order, signs, or which entries are off.

Pure functions of what was found and what was expected, both [samples, ..., dim]. A block is a copy
of an irrep on the last axis, or a path where each has a block of its own. Whatever is said was
tried: what is found, mended so, agrees with what is expected within the tolerance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bench.measuring.answers import norm
from bench.measuring.diagnosis.numbers import factor, grouped, listed, near_one, said
from impls.so3.irreps import Irrep, Irreps
from impls.spaces import Array

WINDOWS = 4096
"""Where so many places of blocks or fewer are to be tried, blocks are looked for elsewhere."""
ENTRIES = 128
"""A last axis of more entries is not looked at entry by entry."""


@dataclass(frozen=True)
class Block:
    """A part of the last axis that carries one irrep, and what people call it."""

    label: str
    irrep: Irrep | None
    place: slice


def blocks_of(irreps: str | None, labels: Sequence[str] = ()) -> tuple[Block, ...]:
    """Return the copies of irreps on a last axis; one without a name where there are none."""
    if irreps is None:
        return (Block("", None, slice(None)),)
    found, start = [], 0
    copies = [ir for mul, ir in Irreps.parse(irreps) for _ in range(mul)]
    for number, ir in enumerate(copies):
        repeated = copies.count(ir) > 1
        label = f"{ir} (block {number + 1} of {len(copies)})" if repeated else str(ir)
        place = slice(start, start + ir.dim)
        found.append(Block(labels[number] if labels else label, ir, place))
        start += ir.dim
    return tuple(found)


Pairs = Mapping[str, tuple[Array, Array]]
"""By name: what was found and what was expected."""


def pairs_of(found: Array, expected: Array, blocks: Sequence[Block]) -> Pairs:
    """Return the two of each block."""
    return {b.label: (found[..., b.place], expected[..., b.place]) for b in blocks}


def errors(pairs: Pairs) -> dict[str, float]:
    """Return the error of each, relative to itself or, where it is smaller, to the usual one."""
    sizes = {name: norm([expected]) for name, (_, expected) in pairs.items()}
    usual = norm(expected for _, expected in pairs.values()) / max(len(pairs), 1) ** 0.5
    return {
        name: norm([found - expected]) / (max(sizes[name], usual) or 1.0)
        for name, (found, expected) in pairs.items()
    }


def factors(pairs: Pairs, limit: float, what: str) -> str:
    """Return what is said where all of some parts are right but for factors; "" where not.

    `what` is what they are called: path, channel.
    """
    off = {name for name, error in errors(pairs).items() if error > limit}
    known = {name: factor(*pairs[name], limit) for name in off}
    if not off or any(k is None or near_one(k) for k in known.values()):
        return ""
    wrong = {name: float(k) for name, k in known.items() if k is not None and name in pairs}
    ordered = {name: wrong[name] for name in pairs if name in wrong}
    groups = grouped(ordered, limit)
    if len(groups) > 3:
        return ""
    parts = [
        f"{what}{'s' if len(names) > 1 else ''} {listed(names)} "
        f"{'are' if len(names) > 1 else 'is'} {times(k)}"
        for k, names in groups.items()
    ]
    others = len(pairs) - len(off)
    rest = f"; {'all others are' if others > 1 else 'the other is'} right" if others else ""
    return ", ".join(parts) + rest


def times(k: str) -> str:
    """Return what a factor in words does: it is zero, has the wrong sign, or so many times."""
    named = {"0": "zero", "-1": "of the wrong sign"}
    return named.get(k, f"{k} times the oracle")


def by_degree(pairs: Pairs, blocks: Sequence[Block], limit: float) -> str:
    """Return the normalisation by degree that explains all blocks; "" where none does."""
    forms = {
        "sqrt(2 l + 1)": lambda l: (2 * l + 1) ** 0.5,  # noqa: E741
        "1/sqrt(2 l + 1)": lambda l: (2 * l + 1) ** -0.5,  # noqa: E741
        "2 l + 1": lambda l: 2.0 * l + 1,  # noqa: E741
        "1/(2 l + 1)": lambda l: 1 / (2.0 * l + 1),  # noqa: E741
        "(-1)^l": lambda l: (-1.0) ** l,  # noqa: E741
    }
    if len({block.irrep.l for block in blocks if block.irrep is not None}) < 2:
        return ""
    known = [factor(*pairs[block.label], limit) for block in blocks]
    for text, form in forms.items():
        wanted = [form(block.irrep.l) for block in blocks if block.irrep is not None]
        if all(
            k is not None and abs(k - w) <= 10 * limit * abs(w)
            for k, w in zip(known, wanted, strict=True)
        ):
            return f"every block of degree l is {text} times the oracle: another normalisation"
    return ""


def moved(found: Array, expected: Array, blocks: Sequence[Block], limit: float) -> str:
    """Return where blocks stand that are right, up to a sign, but not in their place."""
    width = found.shape[-1]
    if len(blocks) < 2 or len(blocks) * width > WINDOWS:
        return ""
    places: dict[str, tuple[int, float]] = {}
    for block in blocks:
        wanted = expected[..., block.place]
        dim = wanted.shape[-1]
        for start in (block.place.start, *range(width - dim + 1)):
            k = factor(found[..., start : start + dim], wanted, limit)
            if k is not None and abs(abs(k) - 1) <= 10 * limit:
                places[block.label] = start, k
                break
        else:
            return ""
    ends = [(start, start + _dim(block, expected)) for block, (start, _) in _with(blocks, places)]
    if any(stop > start for (_, stop), (start, _) in pairwise(sorted(ends))):
        return ""
    ordered = sorted(places, key=lambda label: places[label][0])
    if ordered == [block.label for block in blocks]:
        return ""
    flipped = [label for label in ordered if places[label][1] < 0]
    signs = f"; of the wrong sign: {listed(flipped)}" if flipped else ""
    return f"the blocks are right but in another order: {_order(ordered)}{signs}"


def _with(
    blocks: Sequence[Block], places: Mapping[str, tuple[int, float]]
) -> list[tuple[Block, tuple[int, float]]]:
    return [(block, places[block.label]) for block in blocks]


def _order(labels: Sequence[str]) -> str:
    return ", ".join(labels) if len(labels) <= 8 else f"{', '.join(labels[:8])} ..."


def components(found: Array, expected: Array, blocks: Sequence[Block], limit: float) -> str:
    """Return in what order, and with what signs, the components m stand; "" where in none."""
    said_of: dict[str, str] = {}
    for dim in dict.fromkeys(expected[..., b.place].shape[-1] for b in blocks if b.irrep):
        mine = [b for b in blocks if expected[..., b.place].shape[-1] == dim]
        order = _signed(found, expected, mine, limit)
        if order is None:
            return ""
        text = _components(order)
        if text:
            said_of[f"l = {(dim - 1) // 2}"] = text
    if not said_of:
        return ""
    texts = set(said_of.values())
    if len(texts) == 1 and next(iter(texts)) in (REVERSED, ALTERNATING):
        return f"the components of each irrep are right but {next(iter(texts))}"
    each = "; ".join(f"{degree}: {text}" for degree, text in said_of.items())
    return f"the components of irreps are right but in another order or sign: {each}"


def permuted(found: Array, expected: Array, limit: float) -> str:
    """Return in what order the entries of the last axis stand; "" where in none."""
    width = expected.shape[-1]
    if not 1 < width <= ENTRIES:
        return ""
    order = _signed(found, expected, [Block("", None, slice(0, width))], limit)
    if order is None:
        return ""
    places, flipped = [place for place, _ in order], sum(sign < 0 for _, sign in order)
    signs = f", {flipped} of them with the wrong sign" if flipped else ""
    if places == list(range(width))[::-1]:
        return f"the last axis is in reverse order{signs}"
    shown = ", ".join(map(str, places[:12])) + (" ..." if width > 12 else "")
    return f"the entries of the last axis are right but in another order{signs}: {shown}"


REVERSED = "in reverse order: m runs from l to -l"
ALTERNATING = "with the sign (-1)^m"


def _signed(
    found: Array, expected: Array, blocks: Sequence[Block], limit: float
) -> list[tuple[int, int]] | None:
    """Return for each component which one stands there, and its sign; None where none does."""
    ours = np.concatenate([found[..., b.place].reshape(-1, _dim(b, found)) for b in blocks])
    theirs = np.concatenate([expected[..., b.place].reshape(-1, _dim(b, expected)) for b in blocks])
    order: list[tuple[int, int]] = []
    for column in ours.T:
        for other, wanted in enumerate(theirs.T):
            k = factor(column, wanted, limit)
            if k is not None and abs(abs(k) - 1) <= 10 * limit:
                order.append((other, 1 if k > 0 else -1))
                break
        else:
            return None
    return order if sorted(other for other, _ in order) == list(range(len(order))) else None


def _dim(block: Block, a: Array) -> int:
    return int(a[..., block.place].shape[-1])


def _components(order: Sequence[tuple[int, int]]) -> str:
    l = (len(order) - 1) // 2  # noqa: E741
    places, signs = [other for other, _ in order], [sign for _, sign in order]
    straight = list(range(len(order)))
    if places == straight and signs == [1] * len(order):
        return ""
    if places == straight[::-1] and signs == [1] * len(order):
        return REVERSED
    if places == straight and signs == [(-1) ** (m - l) for m in straight]:
        return ALTERNATING
    said_of = [f"{'-' if sign < 0 else ''}[m={other - l}]" for other, sign in order]
    return f"where m = {-l}..{l} are expected stand {' '.join(said_of)}"


def where(
    found: Array,
    expected: Array,
    blocks: Sequence[Block],
    limit: float,
    axis: str,
    numbers: Array,
) -> str:
    """Return which blocks, samples or channels are off, the fewest; what is said then is a fact.

    `numbers` are those of the rows in the whole.
    """
    scale = norm([expected]) / max(expected.size, 1) ** 0.5
    off = ~(np.abs(found - expected) <= 10 * limit * np.maximum(np.abs(expected), scale))
    count = int(np.count_nonzero(off))
    if not count:
        return "errors are spread over all entries, each small"
    texts: list[tuple[float, str]] = []
    wrong = [b.label for b in blocks if np.any(off[..., b.place])]
    if len(blocks) > 1 and len(wrong) < len(blocks):
        texts.append((len(wrong) / len(blocks), f"{listed(wrong)} ({len(wrong)} of {len(blocks)})"))
    names = [axis or "row", *["channel" if off.ndim == 3 else "row"] * (off.ndim - 2)]
    for number, name in enumerate(names[: off.ndim - 1]):
        others = tuple(n for n in range(off.ndim) if n != number)
        rows = np.flatnonzero(np.any(off, axis=others))
        if len(rows) < off.shape[number]:
            shown = listed([str(row) for row in (rows if number else numbers[rows])])
            part = f"{name} {shown} ({len(rows)} of {off.shape[number]})"
            texts.append((len(rows) / off.shape[number], part))
    share = f"{count} of {off.size} entries are off"
    if not texts:
        return share
    return f"{share}, all in {' and '.join(text for _, text in sorted(texts)[:2])}"


def whole(found: Array, expected: Array, limit: float) -> str:
    """Return what one factor explains; "" where none does."""
    k = factor(found, expected, limit)
    return "" if k is None else f"every entry is {times(said(k, limit))}"
