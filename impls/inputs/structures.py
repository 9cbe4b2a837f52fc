"""Atomic structures by name: crystals from prototypes and molecules of the G2 collection.

Crystals are built from a prototype and the lattice constants of [@ashcroft1976] and [@jauch2005];
molecules come from `g2.csv`, geometries of the G2/97 test set [@curtiss1997]. Nothing is relaxed
or random, so a name always means the same coordinates.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Structure:
    """Hold atoms and, for a crystal, the cell that repeats them in all three directions.

    numbers    [n]     atomic numbers
    positions  [n, 3]  Cartesian coordinates [Å], not necessarily inside the cell
    cell       [3, 3]  rows are the lattice vectors [Å]; None for a molecule
    source             where the coordinates or the lattice constants were published

    The arrays are copied and made read-only. Raise ValueError on a wrong shape, an atomic number
    below 1 or a coordinate that is not finite.
    """

    name: str
    numbers: Ints
    positions: Floats
    cell: Floats | None
    source: str

    def __post_init__(self) -> None:
        """Check shapes and values and freeze the arrays."""
        numbers = np.array(self.numbers)
        positions = np.array(self.positions, dtype=np.float64)
        if numbers.ndim != 1 or numbers.dtype.kind not in "iu" or bool((numbers < 1).any()):
            raise ValueError(
                f"numbers of {self.name!r} must be integers from 1 of shape [n], "
                f"not {numbers.dtype} {numbers.tolist()}"
            )
        if positions.shape != (len(numbers), 3):
            raise ValueError(
                f"positions of {self.name!r} must have shape [{len(numbers)}, 3], "
                f"not {list(positions.shape)}"
            )
        cell = None if self.cell is None else np.array(self.cell, dtype=np.float64)
        if cell is not None and cell.shape != (3, 3):
            raise ValueError(
                f"cell of {self.name!r} must have shape [3, 3] or be None for a molecule, "
                f"not {list(cell.shape)}"
            )
        for what, lengths in (("positions", positions), ("cell", cell)):
            if lengths is not None and not np.isfinite(lengths).all():
                raise ValueError(f"{what} of {self.name!r} must be finite, not {lengths.tolist()}")
        frozen = {"numbers": numbers.astype(np.int64), "positions": positions, "cell": cell}
        for field, array in frozen.items():
            if array is not None:
                array.flags.writeable = False
            object.__setattr__(self, field, array)


@dataclass(frozen=True)
class _Crystal:
    """Conventional cell: lattice vectors [Å] and fractional sites, one (number, x, y, z) each."""

    cell: tuple[tuple[float, float, float], ...]
    sites: tuple[tuple[int, float, float, float], ...]
    source: str


_CORNER = ((0.0, 0.0, 0.0),)
_BODY = ((0.0, 0.0, 0.0), (0.5, 0.5, 0.5))
_FACES = ((0.0, 0.0, 0.0), (0.0, 0.5, 0.5), (0.5, 0.0, 0.5), (0.5, 0.5, 0.0))


def _cubic(
    a: float,
    centring: Sequence[tuple[float, float, float]],
    basis: Sequence[tuple[int, float, float, float]],
    source: str,
) -> _Crystal:
    """Put `basis` on every point of a centred cubic lattice of constant a [Å]."""
    sites = tuple(
        (number, (x + u) % 1.0, (y + v) % 1.0, (z + w) % 1.0)
        for number, x, y, z in basis
        for u, v, w in centring
    )
    return _Crystal(((a, 0.0, 0.0), (0.0, a, 0.0), (0.0, 0.0, a)), sites, source)


def _hexagonal(
    a: float, c: float, sites: tuple[tuple[int, float, float, float], ...], source: str
) -> _Crystal:
    """Use the hexagonal cell with an angle of 120° between the first two vectors."""
    cell = ((a, 0.0, 0.0), (-a / 2, a * 3**0.5 / 2, 0.0), (0.0, 0.0, c))
    return _Crystal(cell, sites, source)


_BOOK = "Ashcroft and Mermin, Solid State Physics (1976), chapter 4, table of {} [@ashcroft1976]"
_GAMMA = "Jauch and Reehuis, Acta Cryst. A 61, 411 (2005), 293 K [@jauch2005]"
_G2 = (
    "G2/97 test set, MP2(full)/6-31G(d) geometry: Curtiss, Raghavachari, Redfern and Pople, "
    "J. Chem. Phys. 106, 1063 (1997) [@curtiss1997]"
)

_CRYSTALS = {
    "diamond": _cubic(
        3.57, _FACES, ((6, 0, 0, 0), (6, 0.25, 0.25, 0.25)), _BOOK.format("diamond structures")
    ),
    "silicon": _cubic(
        5.43, _FACES, ((14, 0, 0, 0), (14, 0.25, 0.25, 0.25)), _BOOK.format("diamond structures")
    ),
    "copper": _cubic(3.61, _FACES, ((29, 0, 0, 0),), _BOOK.format("face-centred cubic elements")),
    "iron": _cubic(2.87, _BODY, ((26, 0, 0, 0),), _BOOK.format("body-centred cubic elements")),
    "magnesium": _hexagonal(
        3.21,
        5.21,
        ((12, 1 / 3, 2 / 3, 0.25), (12, 2 / 3, 1 / 3, 0.75)),
        _BOOK.format("hexagonal close-packed elements"),
    ),
    "rocksalt": _cubic(
        5.64, _FACES, ((11, 0, 0, 0), (17, 0.5, 0.5, 0.5)), _BOOK.format("sodium chlorides")
    ),
    "zincblende": _cubic(
        5.41, _FACES, ((30, 0, 0, 0), (16, 0.25, 0.25, 0.25)), _BOOK.format("zincblende compounds")
    ),
    "perovskite": _cubic(
        3.9053,
        _CORNER,
        ((38, 0, 0, 0), (22, 0.5, 0.5, 0.5), (8, 0, 0.5, 0.5), (8, 0.5, 0, 0.5), (8, 0.5, 0.5, 0)),
        _GAMMA,
    ),
}

_SUPERCELL = re.compile(r"([1-9]\d*)x([1-9]\d*)x([1-9]\d*)", re.ASCII)


@cache
def _molecules() -> dict[str, tuple[Ints, Floats]]:
    """Read the checked-in table: name -> numbers [n], positions [n, 3] [Å]."""
    text = (resources.files("impls.inputs") / "g2.csv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    rows: dict[str, list[tuple[int, float, float, float]]] = {}
    for row in csv.DictReader(lines):
        atom = (int(row["number"]), float(row["x"]), float(row["y"]), float(row["z"]))
        rows.setdefault(row["molecule"], []).append(atom)
    return {
        name: (np.array([a[0] for a in atoms]), np.array([a[1:] for a in atoms]))
        for name, atoms in rows.items()
    }


def names() -> tuple[str, ...]:
    """Name every structure: the crystals' conventional cells, then the molecules."""
    return (*_CRYSTALS, *_molecules())


def structure(name: str) -> Structure:
    """Build the structure of that name: "H2O", "diamond" or the supercell "diamond:3x3x3".

    A crystal without a supercell is its conventional cell. The atoms of a supercell are ordered by
    cell (last index fastest), then as in the cell. Raise ValueError for a name that does not exist
    and for a supercell that cannot be read or is asked of a molecule.
    """
    base, colon, size = name.partition(":")
    if base in _CRYSTALS:
        return _bulk(name, _CRYSTALS[base], _repeats(name, size) if colon else (1, 1, 1))
    if base not in _molecules():
        raise ValueError(f"no structure is called {base!r}; there are {', '.join(names())}")
    if colon:
        raise ValueError(f"{base!r} is a molecule and has no supercell {size!r}; ask for {base!r}")
    numbers, positions = _molecules()[base]
    return Structure(name, numbers, positions, None, _G2)


def rattled(original: Structure, sigma: float, rng: np.random.Generator) -> Structure:
    """Displace every coordinate by an independent normal deviate of width sigma [Å].

    The cell stays. The name says what was done and is no longer one that `structure` knows. Raise
    ValueError for a negative or infinite sigma.
    """
    if not 0 <= sigma < np.inf:
        raise ValueError(f"sigma must be a finite length in Å and not negative, not {sigma}")
    moved = original.positions + sigma * rng.standard_normal(original.positions.shape)
    return replace(original, name=f"{original.name} (rattled {sigma:g} Å)", positions=moved)


def _repeats(name: str, size: str) -> tuple[int, int, int]:
    match = _SUPERCELL.fullmatch(size)
    if match is None:
        raise ValueError(
            f"supercell {size!r} of {name!r} must be three counts from 1, as in '2x2x2'"
        )
    return int(match[1]), int(match[2]), int(match[3])


def _bulk(name: str, crystal: _Crystal, repeats: tuple[int, int, int]) -> Structure:
    cell = np.array(crystal.cell)
    sites = np.array([site[1:] for site in crystal.sites])
    corners = np.indices(repeats).reshape(3, -1).T
    fractions = (corners[:, None, :] + sites[None, :, :]).reshape(-1, 3)
    numbers = np.tile(np.array([site[0] for site in crystal.sites]), len(corners))
    return Structure(
        name, numbers, fractions @ cell, np.array(repeats)[:, None] * cell, crystal.source
    )
