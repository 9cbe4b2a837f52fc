"""Irreducible representations of SO(3) and O(3), and their direct sums."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_LETTER = {1: "e", -1: "o", 0: ""}
_PARITY = {letter: p for p, letter in _LETTER.items()}
_IRREP = re.compile(r"(\d+)([eo]?)")
_ITEM = re.compile(r"(?:(\d+)\s*x\s*)?(\S+)")


@dataclass(frozen=True, order=True)
class Irrep:
    """Name one irrep: degree `l` and parity `p`.

    `p` is +1 (even, "e") or -1 (odd, "o") for O(3) and 0 for SO(3), where it has no letter.
    Irreps are ordered by (l, p), so 1o comes before 1e. A bad degree or parity is a ValueError.

    >>> print(*Irrep.parse("1o") * Irrep.parse("2e"))
    1o 2o 3o
    """

    l: int  # noqa: E741 -- the field's name for a degree
    p: int

    def __post_init__(self) -> None:
        """Refuse a degree that is not a natural number and a parity outside -1, 0, 1."""
        if self.l < 0:
            raise ValueError(f"degree l={self.l} is negative; an irrep is like Irrep(1, -1), '1o'")
        if self.p not in _LETTER:
            raise ValueError(
                f"parity p={self.p} is none of +1 (even), -1 (odd), 0 (SO(3), no parity); "
                "an irrep is like Irrep(1, -1), '1o'"
            )

    @classmethod
    def parse(cls, text: str | Irrep) -> Irrep:
        """Read "1o", "2e" (O(3)) or "1" (SO(3), p = 0); an Irrep is returned as it is.

        Raises ValueError for any other string.
        """
        if isinstance(text, Irrep):
            return text
        match = _IRREP.fullmatch(text.strip())
        if match is None:
            raise ValueError(
                f"cannot read irrep {text!r}: expected a degree and, for O(3), the letter e or o, "
                "for example '1o'"
            )
        return cls(int(match[1]), _PARITY[match[2]])

    @property
    def dim(self) -> int:
        """Return the dimension 2l+1."""
        return 2 * self.l + 1

    def __str__(self) -> str:
        """Print as e3nn does: "1o"; without a letter when there is no parity: "1"."""
        return f"{self.l}{_LETTER[self.p]}"

    def __mul__(self, other: Irrep) -> tuple[Irrep, ...]:
        """Decompose the product of two irreps: l from |l1-l2| to l1+l2, parity p1 p2.

        Raises ValueError when one irrep has a parity and the other has none.
        """
        if (self.p == 0) != (other.p == 0):
            raise ValueError(
                f"cannot multiply {self} and {other}: one has a parity (O(3)) and one has none "
                "(SO(3)); write both alike, for example '1o' and '2e'"
            )
        low, high = abs(self.l - other.l), self.l + other.l
        return tuple(Irrep(degree, self.p * other.p) for degree in range(low, high + 1))


@dataclass(frozen=True)
class Irreps:
    """Name a direct sum of irreps with multiplicities, in order.

    `items` holds (multiplicity, Irrep) pairs. An array of these irreps has a last axis of length
    `dim` in the layout mul_ir: item after item, within an item copy after copy, m = -l..l.
    A multiplicity below 1, or labels of O(3) and of SO(3) together, are a ValueError.

    >>> irreps = Irreps.parse("2x0e + 1o")
    >>> irreps.dim, irreps.lmax, irreps.slices()
    (5, 1, (slice(0, 2, None), slice(2, 5, None)))
    """

    items: tuple[tuple[int, Irrep], ...]

    def __post_init__(self) -> None:
        """Refuse multiplicities below 1 and sums that mix SO(3) with O(3) labels."""
        for mul, ir in self.items:
            if mul < 1:
                raise ValueError(
                    f"irreps {str(self)!r}: multiplicity {mul} of {ir} is below 1; leave the item "
                    "out, for example '2x0e+1x1o'"
                )
        if len({ir.p == 0 for _, ir in self.items}) > 1:
            raise ValueError(
                f"irreps {str(self)!r} mix labels with a parity (O(3)) and without (SO(3)); "
                "write all alike, for example '2x0e+1x1o' or '2x0+1x1'"
            )

    @classmethod
    def parse(cls, text: str | Irreps) -> Irreps:
        """Read a sum like "2x0e + 1o" (O(3)) or "2x0 + 1" (SO(3)); "" is the empty sum.

        An Irreps is returned as it is. Raises ValueError, naming the string, for anything else.
        """
        if isinstance(text, Irreps):
            return text
        if not text.strip():
            return cls(())
        items = []
        for part in text.split("+"):
            match = _ITEM.fullmatch(part.strip())
            if match is None or _IRREP.fullmatch(match[2]) is None:
                raise ValueError(
                    f"cannot read irreps {text!r}: {part.strip()!r} is not MULxIRREP or IRREP; "
                    "an example is '2x0e + 1x1o'"
                )
            items.append((int(match[1] or 1), Irrep.parse(match[2])))
        return cls(tuple(items))

    def __str__(self) -> str:
        """Print in e3nn's form, with every multiplicity: "2x0e+1x1o"."""
        return "+".join(f"{mul}x{ir}" for mul, ir in self.items)

    def __iter__(self) -> Iterator[tuple[int, Irrep]]:
        """Iterate over (multiplicity, irrep)."""
        return iter(self.items)

    def __len__(self) -> int:
        """Count the items (not the irreps, not the dimension)."""
        return len(self.items)

    @property
    def dim(self) -> int:
        """Return the length of the axis: the sum of mul (2l+1)."""
        return sum(mul * ir.dim for mul, ir in self.items)

    @property
    def lmax(self) -> int:
        """Return the largest degree; ValueError when there is none (no items)."""
        if not self.items:
            raise ValueError("the empty sum of irreps has no largest degree")
        return max(ir.l for _, ir in self.items)

    @property
    def parity(self) -> bool:
        """Tell whether the labels are of O(3) (they carry a parity); the empty sum has none."""
        return any(ir.p != 0 for _, ir in self.items)

    def slices(self) -> tuple[slice, ...]:
        """Return one slice of the axis for each item."""
        found, start = [], 0
        for mul, ir in self.items:
            found.append(slice(start, start + mul * ir.dim))
            start += mul * ir.dim
        return tuple(found)


def natural(values: Iterable[int]) -> Irreps:
    """Return one irrep of O(3) for each degree, of natural parity (-1)^l: "1x0e+1x1o+1x2e".

    >>> print(natural(range(3)))
    1x0e+1x1o+1x2e
    """
    return Irreps(tuple((1, Irrep(degree, (-1) ** degree)) for degree in values))


def degrees(values: Iterable[int]) -> Irreps:
    """Return one irrep of SO(3), without parity, for each degree: "1x0+1x1+1x2".

    >>> print(degrees([0, 2]))
    1x0+1x2
    """
    return Irreps(tuple((1, Irrep(degree, 0)) for degree in values))


def standard(symmetry: str, values: Iterable[int]) -> Irreps:
    """Return one irrep for each degree: `natural` for symmetry "o3", `degrees` for "so3".

    >>> print(standard("o3", range(2)))
    1x0e+1x1o

    Raises:
        ValueError: for another symmetry.
    """
    labels = {"o3": natural, "so3": degrees}.get(symmetry)
    if labels is None:
        raise ValueError(f"unknown symmetry {symmetry!r}: choose so3 or o3")
    return labels(values)
