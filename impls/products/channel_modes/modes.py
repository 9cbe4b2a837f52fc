r"""The modes in which a product can treat the channels of its inputs, read off their names.

A name spells the channel of x, that of y, and that of the output [@geiger2022]: with CG_p the
"component" normalised Clebsch-Gordan product of a path p = (l1, l2, l3),

    uvw   z_w  = sum_p sum_uv W[p,u,v,w] CG_p(x_u, y_v)     mul1 mul2 mul3 weights for each path
    uvu   z_pu = sum_v W[p,u,v] CG_p(x_u, y_v)              mul1 mul2
    uvv   z_pv = sum_u W[p,u,v] CG_p(x_u, y_v)              mul1 mul2
    uuw   z_w  = sum_p sum_u W[p,u,w] CG_p(x_u, y_u)        mul1 mul3
    uuu   z_pu = W[p,u] CG_p(x_u, y_u)                      mul1
    uvuv  z_puv = W[p,u,v] CG_p(x_u, y_v)                   mul1 mul2

The letters of a weight are those of the name, once each. Where the mode has a letter w of its own,
it mixes channels, so paths into one irrep are summed and the output has one segment of mul3
channels for each irrep of `irreps_out` that a path reaches, in that order. The other modes keep
paths apart, as the layers of [@batzner2022] do: one segment for each path, sorted by (l3, parity,
l1, l2), of mul1 (uvu, uuu), mul2 (uvv) or mul1 mul2 (uvuv, at u mul2 + v) channels. A collapsed
mode sums paths into one irrep without mixing channels, z_u = sum_p W[p,u] CG_p(x_u, y_u) of uuu, as
the code of [@musaelian2023] does before anything is stored. No path is normalised: nothing is
divided by the number of paths or channels that are summed.

Selection rule of all modes: |l1 - l2| <= l3 <= l1 + l2 and, with parity, p3 = p1 p2. What they
reach between fixed irreps, over all weights, is a linear space of bilinear maps with as many
dimensions as weights; with linear maps of channels before and after, uvw reaches all
mul1 mul2 mul3 of them for each path, and uuu what is a sum of mul1 products.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from impls.families.weighted import irreps_of, multiplicities_of
from impls.problem import Problem
from impls.products.paths import Path, coupled_paths, output_irreps
from impls.so3.irreps import Irreps


def paths_of(problem: Problem) -> tuple[Path, ...]:
    """Return the paths in canonical order."""
    return coupled_paths(*irreps_of(problem))


def reached(problem: Problem) -> Irreps:
    """Return the irreps asked for in which a path ends, in the order of `irreps_out`."""
    ends = {path.ir3 for path in paths_of(problem)}
    return Irreps(tuple((1, ir) for _, ir in irreps_of(problem)[2] if ir in ends))


@dataclass(frozen=True)
class Mode:
    """A mode by its name, such as "uvw"; `collapsed` if its paths are summed all the same."""

    name: str
    collapsed: bool = False

    @property
    def operation(self) -> str:
        """Return the name of the operation."""
        return f"{self.name}_collapsed" if self.collapsed else self.name

    @property
    def first(self) -> str:
        """Return the letter of the channel of x."""
        return self.name[0]

    @property
    def second(self) -> str:
        """Return the letter of the channel of y."""
        return self.name[1]

    @property
    def out(self) -> str:
        """Return the letters of the channel of the output."""
        return self.name[2:]

    @property
    def letters(self) -> str:
        """Return the letters of the weights."""
        return "".join(dict.fromkeys(self.name))

    @property
    def summed(self) -> bool:
        """Tell whether paths into one irrep are summed."""
        return self.collapsed or "w" in self.name

    def sizes(self, problem: Problem) -> Mapping[str, int]:
        """Return the range of each letter."""
        return dict(zip("uvw", multiplicities_of(problem), strict=True))

    def weights(self, problem: Problem) -> tuple[int, ...]:
        """Return the shape of the weights of one path."""
        return tuple(self.sizes(problem)[letter] for letter in self.letters)

    def multiplicity(self, problem: Problem) -> int:
        """Return the number of channels of the output."""
        return prod(self.sizes(problem)[letter] for letter in self.out)

    def irreps(self, problem: Problem) -> Irreps:
        """Return the irreps of the output."""
        return reached(problem) if self.summed else output_irreps(paths_of(problem))


MODES = tuple(Mode(name) for name in ("uvw", "uvu", "uvv", "uuw", "uuu", "uvuv"))
COLLAPSED = Mode("uuu", collapsed=True)
