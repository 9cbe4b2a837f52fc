"""A derivative of a trilinear form as the table that `rows.c` reads.

Directly, each output is a sum of c a_i b_j over the coefficients of the form. Or one slot is the
pivot: what is wanted there is C q of the pairs q_ij = sum of a_i b_j, and what is wanted in the two
other slots is sum of b_j t_ij with t = C^T of what is given in the pivot. Then each coefficient
costs one multiplication on one vector, and each pair a few. Pairs whose coefficients agree but for
signs are folded: with a + b and a - b in their place, each of the two has the coefficients of one
sign alone. Pairs are worked on in blocks that share no component of the pivot, so that they stay in
a small cache. The pivot is the slot with the fewest pairs beside it, and the cheaper way is taken.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from impls.kernels.derivative import Derivative
from impls.kernels.form import TrilinearForm
from impls.kernels.kernel import Table

END, LINEAR, PRODUCT, ADDED, SCALED, BUTTERFLY = range(6)
"""The kinds of rows, as in `rows.c`."""
PADDING = 16
"""Each argument takes a multiple of so many components, as in `rows.c`."""
BLOCK = 192
"""Blocks of pairs are joined up to this many pairs."""
FOLDED = 3
"""Pairs with fewer coefficients than these are not folded."""
COSTS = {LINEAR: 1.0, PRODUCT: 1.3, ADDED: 1.3, SCALED: 2.0, BUTTERFLY: 0.0}
"""What a term costs by kind, where one of LINEAR costs 1; a row costs `ROW` more.

They only choose between two tables of the same map, and are a model and not times of the machine: a
SCALED term has twice the arithmetic of a LINEAR one, a PRODUCT two vectors to load where that has a
number, and a row its head and what is stored. What they choose is held against both times in
`tests/impls/kernels/test_trilinear.py`.
"""
ROW = 2.0
DIGITS = 12
"""Coefficients that agree in so many digits are equal: they differ by rounding."""

Ints = NDArray[np.int64]
Row = tuple[int, Sequence[int], Sequence[float]]
"""Target, arguments and numbers of a row."""
Column = tuple[Ints, NDArray[np.float64]]
"""Components of the pivot, and their coefficients."""
Level = list[tuple[int, int]]
"""Columns that are replaced by their sum and difference."""


@dataclass
class Writer:
    """Collects segments of rows, and what they cost."""

    words: list[int] = field(default_factory=list)
    numbers: list[float] = field(default_factory=list)
    written: set[int] = field(default_factory=set)
    cost: float = 0.0

    def rows(self, kind: int, rows: Iterable[Row]) -> None:
        """Write rows (target, arguments, numbers) of a kind, those of equal length together."""
        by_length = defaultdict(list)
        for row in rows:
            by_length[kind, len(row[1])].append(row)
        self._segments(by_length)

    def sums(self, rows: Iterable[Row]) -> None:
        """Write sums of products; what was written before is added to."""
        by_length = defaultdict(list)
        for row in rows:
            by_length[ADDED if row[0] in self.written else PRODUCT, len(row[1])].append(row)
        self._segments(by_length)

    def _segments(self, segments: dict[tuple[int, int], list[Row]]) -> None:
        for (kind, length), rows in sorted(segments.items()):
            terms = length if kind in (LINEAR, BUTTERFLY) else length // 2
            self.words += [kind, terms, len(rows)]
            self.cost += len(rows) * (ROW + terms * COSTS[kind])
            for target, arguments, numbers in rows:
                self.words += [target, *arguments]
                self.numbers += numbers
                self.written.add(target)


@lru_cache(maxsize=64)
def program(form: TrilinearForm, derivative: Derivative) -> Table:
    """Return the cheaper table."""
    plan = Plan(form, derivative)
    best = plan.pivoted()
    if plan.direct_cost() < best.cost:
        best = plan.direct()
    return plan.table(best)


class Plan:
    """Where arguments and outputs lie, and the ways to write the table."""

    def __init__(self, form: TrilinearForm, derivative: Derivative) -> None:
        """Place what is given, then what is wanted, then the pairs."""
        self.form, self.derivative = form, derivative
        self.given: dict[int, int] = {}
        self.wanted: dict[int, int] = {}
        at = 0
        for place, arguments in ((self.given, derivative.given), (self.wanted, derivative.wanted)):
            for a in arguments:
                place[a] = at
                at += -(-form.dims[derivative.slots[a]] // PADDING) * PADDING
        self.scratch = self.components = at

    def table(self, written: Writer) -> Table:
        """Return what was written, with its head."""
        derivative, sizes = self.derivative, self.form.dims
        dims = [sizes[derivative.slots[a]] for a in (*derivative.given, *derivative.wanted)]
        head = [len(derivative.given), len(derivative.wanted), self.components, *dims]
        return Table(np.array([*head, *written.words, END], np.int32), np.array(written.numbers))

    def direct_cost(self) -> float:
        """Return what `direct` would cost."""
        held = sum(a in term for a in self.wanted for term in self.derivative.terms)
        rows = sum(self.form.dims[slot] for slot in self.derivative.output_slots)
        return ROW * rows + COSTS[SCALED] * held * len(self.form.values)

    def direct(self) -> Writer:
        """Write each output as a sum over coefficients."""
        writer, (places, values) = Writer(), (self.form.places, self.form.values)
        for a, target in self.wanted.items():
            slot = self.derivative.slots[a]
            left, right = (other for other in range(3) if other != slot)
            terms = [term for term in self.derivative.terms if term[slot] == a]
            order = np.argsort(places[:, slot], kind="stable")
            ends = np.flatnonzero(np.diff(places[order, slot])) + 1
            rows = []
            for run in np.split(order, ends):
                where = [
                    np.stack(
                        (
                            self.given[term[left]] + places[run, left],
                            self.given[term[right]] + places[run, right],
                        ),
                        axis=1,
                    )
                    for term in terms
                ]
                arguments = np.concatenate(where).ravel().tolist() if where else []
                numbers = values[run].tolist() * len(terms)
                rows.append((target + int(places[run[0], slot]), arguments, numbers))
            writer.rows(SCALED, rows)
        self._zeros(writer)
        return writer

    def pivoted(self) -> Writer:
        """Write the outputs by the pairs of the components of the two slots beside the pivot."""
        pivot = min(range(3), key=lambda slot: len(_columns(self.form, slot)[0]))
        writer, sides = Writer(), tuple(other for other in range(3) if other != pivot)
        pairs, levels, folded, blocks = _arranged(self.form, pivot)
        terms = self.derivative.terms
        for block in blocks:
            place = {column: self.scratch + i for i, column in enumerate(block)}
            self.components = max(self.components, self.scratch + len(block))
            turns: list[list[Row]] = [
                [(place[a], [place[b]], []) for a, b in level if a in place] for level in levels
            ]
            for a, target in self.wanted.items():
                mine = [term for term in terms if term[pivot] == a]
                if mine:
                    self._products(writer, mine, sides, pairs, place)
                    for turn in turns:
                        writer.rows(BUTTERFLY, turn)
                    writer.rows(LINEAR, _transposed(folded, place, target))
            for c in dict.fromkeys(term[pivot] for term in terms):
                mine = [term for term in terms if term[pivot] == c]
                ends = [a for side in sides for a in (term[side] for term in mine)]
                if c in self.given and any(a in self.wanted for a in ends):
                    at = self.given[c]
                    rows = [
                        (place[k], (at + folded[k][0]).tolist(), folded[k][1].tolist())
                        for k in block
                    ]
                    writer.rows(LINEAR, rows)
                    for turn in reversed(turns):
                        writer.rows(BUTTERFLY, turn)
                    writer.sums(self._contractions(mine, sides, pairs, place))
        self._zeros(writer)
        return writer

    def _products(
        self,
        writer: Writer,
        terms: Sequence[tuple[int, ...]],
        sides: tuple[int, ...],
        pairs: Ints,
        place: dict[int, int],
    ) -> None:
        """Write the pairs of a block, each the sum of the products of all terms."""
        rows: list[Row] = []
        for column, target in place.items():
            left, right = pairs[column].tolist()
            arguments: list[int] = []
            for term in terms:
                arguments += [self.given[term[sides[0]]] + left, self.given[term[sides[1]]] + right]
            rows.append((target, arguments, []))
        writer.rows(PRODUCT, rows)

    def _contractions(
        self,
        terms: Sequence[tuple[int, ...]],
        sides: tuple[int, ...],
        pairs: Ints,
        place: dict[int, int],
    ) -> Iterator[Row]:
        """Yield what each pair of a block adds to what is wanted beside the pivot."""
        found: dict[int, list[int]] = defaultdict(list)
        for term in terms:
            for own, other in ((0, 1), (1, 0)):
                a, b = term[sides[own]], term[sides[other]]
                if a in self.wanted:
                    for column, at in place.items():
                        target = self.wanted[a] + int(pairs[column, own])
                        found[target] += [self.given[b] + int(pairs[column, other]), at]
        for target, arguments in found.items():
            yield target, arguments, []

    def _zeros(self, writer: Writer) -> None:
        """Write zeros where no term ends."""
        every = (
            target + i
            for a, target in self.wanted.items()
            for i in range(self.form.dims[self.derivative.slots[a]])
        )
        writer.rows(LINEAR, [(t, [], []) for t in every if t not in writer.written])


@lru_cache(maxsize=16)
def _columns(form: TrilinearForm, pivot: int) -> tuple[Ints, list[Column]]:
    """Return the pairs [pairs, 2] beside a pivot that have coefficients, and these."""
    sides = [other for other in range(3) if other != pivot]
    pairs, inverse = np.unique(form.places[:, sides], axis=0, return_inverse=True)
    order = np.lexsort((form.places[:, pivot], inverse.ravel()))
    runs = np.split(order, np.flatnonzero(np.diff(inverse.ravel()[order])) + 1)
    return pairs, [(form.places[run, pivot], form.values[run]) for run in runs]


@lru_cache(maxsize=16)
def _arranged(
    form: TrilinearForm, pivot: int
) -> tuple[Ints, list[Level], list[Column], list[list[int]]]:
    """Return the pairs beside a pivot, what is folded, the folded columns, and the blocks."""
    pairs, columns = _columns(form, pivot)
    levels, folded = _fold(columns)
    return pairs, levels, folded, list(_blocks(levels, folded, form.dims[pivot]))


def _fold(columns: list[Column]) -> tuple[list[Level], list[Column]]:
    """Return the pairs of columns to add and subtract, level by level, and what is left."""
    left, levels = list(columns), list[Level]()
    while True:
        alike: dict[bytes, list[int]] = defaultdict(list)
        for number, (where, values) in enumerate(left):
            if len(where) >= FOLDED:
                key = where.tobytes() + np.abs(values).round(DIGITS).tobytes()
                alike[key].append(number)
        level = [
            pair for group in alike.values() for pair in zip(group[::2], group[1::2], strict=False)
        ]
        if not level:
            return levels, left
        for a, b in level:
            where, values = left[a]
            same = values * left[b][1] > 0
            left[a], left[b] = (where[same], values[same]), (where[~same], values[~same])
        levels.append(level)


def _blocks(levels: list[Level], columns: list[Column], dim: int) -> Iterator[list[int]]:
    """Yield columns in blocks that share no component of the pivot, small ones joined."""
    root = list(range(len(columns)))

    def find(a: int) -> int:
        while root[a] != a:
            root[a] = root[root[a]]
            a = root[a]
        return a

    for a, b in (pair for level in levels for pair in level):
        root[find(b)] = find(a)
    first = [-1] * dim
    for number, (where, _) in enumerate(columns):
        for k in where.tolist():
            if first[k] < 0:
                first[k] = number
            root[find(number)] = find(first[k])
    parts: dict[int, list[int]] = defaultdict(list)
    for number in range(len(columns)):
        parts[find(number)].append(number)
    block: list[int] = []
    for part in parts.values():
        if block and len(block) + len(part) > BLOCK:
            yield block
            block = []
        block = block + part
    yield block


def _transposed(columns: list[Column], place: dict[int, int], target: int) -> list[Row]:
    """Return the rows of the components of the pivot that a block reaches."""
    where: dict[int, list[int]] = defaultdict(list)
    numbers: dict[int, list[float]] = defaultdict(list)
    for column, at in place.items():
        for k, value in zip(columns[column][0].tolist(), columns[column][1].tolist(), strict=True):
            where[k].append(at)
            numbers[k].append(value)
    return [(target + k, where[k], numbers[k]) for k in where]
