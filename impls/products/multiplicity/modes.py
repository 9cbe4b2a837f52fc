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
l1, l2), of mul1 (uvu, uuu), mul2 (uvv) or mul1 mul2 (uvuv, at u mul2 + v) channels. No path is
normalised: nothing is divided by the number of paths or channels that are summed.

Selection rule of all modes: |l1 - l2| <= l3 <= l1 + l2 and, with parity, p3 = p1 p2. What they
reach between fixed irreps, over all weights, is a linear space of bilinear maps with as many
dimensions as weights; with linear maps of channels before and after, uvw reaches all
mul1 mul2 mul3 of them for each path, and uuu what is a sum of mul1 products.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from impls.families.multiplicity import (
    batch_of,
    irreps_of,
    multiplicities_of,
    per_sample,
    weight_space,
)
from impls.families.product import irreps_space
from impls.growth import Growth
from impls.operation import Operation, exact
from impls.operation import Path as PathKey
from impls.problem import BYTES, Problem, Refusal
from impls.products.paths import Path, coupled_paths, output_irreps
from impls.so3.irreps import Irreps
from impls.spaces import Arrays, Space


def paths_of(problem: Problem) -> tuple[Path, ...]:
    """Return the paths in canonical order."""
    return coupled_paths(*irreps_of(problem))


def reached(problem: Problem) -> Irreps:
    """Return the irreps asked for in which a path ends, in the order of `irreps_out`."""
    ends = {path.ir3 for path in paths_of(problem)}
    return Irreps(tuple((1, ir) for _, ir in irreps_of(problem)[2] if ir in ends))


@dataclass(frozen=True)
class Mode:
    """A mode by its name, such as "uvw"."""

    name: str

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
        return "w" in self.name

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


def operation(
    mode: Mode,
    summary: str,
    *,
    papers: tuple[str, ...] = ("geiger2022",),
    users: tuple[str, ...] = (),
) -> Operation:
    """Return the product in a mode."""

    def outputs(problem: Problem) -> Mapping[str, Space]:
        irreps = mode.irreps(problem)
        shape = (batch_of(problem), mode.multiplicity(problem), irreps.dim)
        return {"z": irreps_space(shape, irreps)}

    def weights(problem: Problem) -> Mapping[str, Space]:
        return {"w": weight_space(problem, len(paths_of(problem)), *mode.weights(problem))}

    def coefficients(problem: Problem) -> Mapping[PathKey, float]:
        """Return those of one channel and weights of one."""
        return {
            (p.i1, p.i2, i3): float(np.sqrt(p.ir3.dim)) for i3, p in enumerate(paths_of(problem))
        }

    return Operation(
        name=mode.name,
        family="multiplicity",
        summary=summary,
        papers=papers,
        claims=exact("rotation", "inversion"),
        outputs=outputs,
        oracle=lambda problem, inputs, weights: _oracle(mode, problem, inputs, weights),
        cost=lambda problem: _cost(mode, problem),
        supports=lambda problem: _supports(mode, problem),
        weights=weights,
        linear_in=(("x", 1), ("y", 1), ("w", 1)),
        coefficients=None if mode.summed else coefficients,
        users=users,
        growth=Growth({"lmax": 5, "channels": len(mode.letters)}),
    )


def _oracle(mode: Mode, problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    x, y, w = inputs["x"], inputs["y"], weights["w"]
    sample = "b" if per_sample(problem) else ""
    formula = f"ijk,b{mode.first}i,b{mode.second}j,{sample}{mode.letters}->b{mode.out}k"
    irreps, paths = mode.irreps(problem), paths_of(problem)
    z = np.zeros((len(x), *(mode.sizes(problem)[letter] for letter in mode.out), irreps.dim))
    ends = {ir: part for (_, ir), part in zip(irreps, irreps.slices(), strict=True)}
    for path, own in zip(paths, np.moveaxis(w, len(sample), 0), strict=True):
        part = ends[path.ir3] if mode.summed else path.out
        z[..., part] += np.einsum(
            formula, path.tensor, x[..., path.in1], y[..., path.in2], own, optimize=True
        )
    return {"z": z.reshape(len(x), -1, irreps.dim)}


def _supports(mode: Mode, problem: Problem) -> Refusal | None:
    mul1, mul2, _ = multiplicities_of(problem)
    if mode.second == "u" and mul1 != mul2:
        return Refusal(
            f"mode {mode.name} pairs channel u of x with channel u of y, and mul1={mul1} is not "
            f"mul2={mul2}",
            "use equal multiplicities, or a mode with letter v (uvw, uvu, uvv, uvuv)",
        )
    if paths_of(problem):
        return None
    first, second, out = irreps_of(problem)
    return Refusal(
        f"empty output: no path of {first} x {second} ends in {out} "
        "(odd l1+l2+l3 changes the parity)",
        "ask for other output irreps, or for so3 (degrees only)",
    )


def _cost(mode: Mode, problem: Problem) -> Mapping[str, float]:
    """Count three operations for each nonzero coefficient and pair of channels, then weights.

    A weight costs two for each component of its path.
    """
    batch, paths = batch_of(problem), paths_of(problem)
    (mul1, mul2, _), (first, second, _) = multiplicities_of(problem), irreps_of(problem)
    pairs, own = mul1 * (mul2 if mode.second == "v" else 1), prod(mode.weights(problem))
    nonzero = sum(int(np.count_nonzero(path.nonzero)) for path in paths)
    components = sum(path.ir3.dim for path in paths)
    out = mode.multiplicity(problem) * mode.irreps(problem).dim
    stored = len(paths) * own * (batch if per_sample(problem) else 1)
    numbers = batch * (mul1 * first.dim + mul2 * second.dim + out) + stored
    return {
        "flops": float(batch * (3 * nonzero * pairs + 2 * own * components)),
        "bytes": float(numbers * BYTES[problem.dtype]),
    }
