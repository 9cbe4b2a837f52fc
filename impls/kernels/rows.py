"""The kernel of trilinear forms: the same small map on every row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from impls.kernels.derivative import Derivative
from impls.kernels.form import TrilinearForm
from impls.kernels.kernel import Entries, Shape, Table
from impls.kernels.program import program

SOURCES = ("lanes.c", "rows.c")


@dataclass(frozen=True)
class Rows:
    """The derivatives of a trilinear form, on each row of arrays [..., dim]."""

    form: TrilinearForm
    sources: ClassVar[tuple[str, ...]] = SOURCES
    flags: ClassVar[tuple[str, ...]] = ("-DPARTS=2",)
    symbol: ClassVar[str] = "map_rows"
    indices: ClassVar[int] = 0

    @property
    def slots(self) -> int:
        """Return 3: x, y and g."""
        return 3

    @property
    def digest(self) -> str:
        """Return that of the form."""
        return self.form.digest

    @property
    def entries(self) -> Entries:
        """Return the coefficients of the form."""
        return Entries(self.form.dims, self.form.places, self.form.values)

    def table(self, derivative: Derivative) -> Table:
        """Return the cheaper program."""
        return program(self.form, derivative)

    def shapes(self, derivative: Derivative, given: Sequence[Shape]) -> tuple[Shape, ...]:
        """Return [..., dim] of each output."""
        return tuple((*given[0][:-1], self.form.dims[slot]) for slot in derivative.output_slots)

    def counts(self, derivative: Derivative, arguments: Sequence[Shape]) -> tuple[int, ...]:
        """Return the number of samples.

        Raises:
            ValueError: when the arrays do not have the same rows, or other components.
        """
        rows = tuple(arguments[0][:-1])
        for a, shape in zip(derivative.given, arguments, strict=True):
            expected = (*rows, self.form.dims[derivative.slots[a]])
            if tuple(shape) != expected:
                raise ValueError(f"a trilinear map got an array {tuple(shape)}, not {expected}")
        return (math.prod(rows),)
