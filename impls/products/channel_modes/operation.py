"""The Clebsch-Gordan product in each mode of channels [@geiger2022]; `modes` has the formulas.

uvw is fully connected: every pair of channels feeds every channel of the output. uvu is channelwise
(depthwise): each channel of x meets a mixture of the channels of y; uvv is its mirror image. In uuw
channels are paired, then mixed; in uuu they are paired and stay apart. uvuv is a weighted full
tensor product: each pair of channels is a channel of the output.

uuu_collapsed is uuu with the paths into one irrep summed: as many weights, and a fraction of the
numbers that are stored.

What the weights of uvw, uuw and uuu_collapsed add does not show at weights of one, which sum all
paths: these declare no coefficients, and tests hold their dimension. Cost: O(L^5) for each pair of
channels that meet, and two operations for each weight and component of its path.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import prod

import numpy as np

from impls.families.product import irreps_space
from impls.families.weighted import (
    batch_of,
    irreps_of,
    multiplicities_of,
    per_sample,
    weight_space,
)
from impls.growth import Growth
from impls.operation import Operation, exact
from impls.operation import Path as PathKey
from impls.problem import BYTES, Problem, Refusal
from impls.products.channel_modes.modes import COLLAPSED, Mode, paths_of
from impls.spaces import Arrays, Space


def product(
    mode: Mode,
    title: str,
    summary: str,
    *,
    papers: tuple[str, ...] = ("geiger2022",),
    users: tuple[str, ...] = (),
) -> Operation:
    """Return the product in a mode."""
    return Operation(
        name=mode.operation,
        title=title,
        family="weighted",
        summary=summary,
        papers=papers,
        claims=exact("rotation", "inversion"),
        outputs=partial(_outputs, mode),
        oracle=partial(_oracle, mode),
        cost=partial(_cost, mode),
        supports=partial(_supports, mode),
        weights=partial(_weights, mode),
        linear_in=(("x", 1), ("y", 1), ("w", 1)),
        coefficients=None if mode.summed else _coefficients,
        users=users,
        growth=Growth({"lmax": 5, "channels": len(mode.letters)}),
    )


def _outputs(mode: Mode, problem: Problem) -> Mapping[str, Space]:
    irreps = mode.irreps(problem)
    shape = (batch_of(problem), mode.multiplicity(problem), irreps.dim)
    return {"z": irreps_space(shape, irreps)}


def _weights(mode: Mode, problem: Problem) -> Mapping[str, Space]:
    return {"w": weight_space(problem, len(paths_of(problem)), *mode.weights(problem))}


def _coefficients(problem: Problem) -> Mapping[PathKey, float]:
    """Return those of one channel and weights of one."""
    return {(p.i1, p.i2, i3): float(np.sqrt(p.ir3.dim)) for i3, p in enumerate(paths_of(problem))}


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


OPERATIONS = (
    product(
        Mode("uvw"),
        "uvw: fully connected",
        "every pair of channels into every channel (fully connected), paths summed",
        users=("brandstetter2022", "corso2023"),
    ),
    product(
        Mode("uvu"),
        "uvu: channels of x kept",
        "channels of x kept, channels of y mixed (depthwise), a weight for each pair",
        papers=("batzner2022", "geiger2022"),
        users=("batzner2022", "batatia2022", "park2024", "liao2023"),
    ),
    product(
        Mode("uvv"),
        "uvv: channels of y kept",
        "channels of y kept, channels of x mixed, a weight for each pair",
    ),
    product(
        Mode("uuw"),
        "uuw: paired, then mixed",
        "channel u of x with channel u of y, mixed into every channel, paths summed",
    ),
    product(
        Mode("uuu"),
        "uuu: elementwise",
        "channel u of x with channel u of y (elementwise), a weight for each channel",
        papers=("musaelian2023", "geiger2022"),
        users=("musaelian2023",),
    ),
    product(
        COLLAPSED,
        "uuu: elementwise, paths summed",
        "channel u of x with channel u of y (elementwise), paths into an irrep summed by weights",
        papers=("musaelian2023", "geiger2022"),
        users=("musaelian2023",),
    ),
    product(
        Mode("uvuv"),
        "uvuv: all pairs of channels",
        "every pair of channels is a channel of the output, with a weight",
    ),
)
