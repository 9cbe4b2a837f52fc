"""The products of cuEquivariance in the same modes [@nvidia2026]: a contraction a path."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from impls.families.weighted import irreps_of
from impls.growth import Growth
from impls.implementation import Framework, Target
from impls.peers.cuequivariance import Plan, Segmented, Shape, implementations
from impls.problem import Problem, Refusal
from impls.products.channel_modes.modes import MODES, Mode, paths_of


def plan(mode: Mode, problem: Problem, target: Target, framework: Framework) -> Plan:
    """Return the product of a mode; the letters of a name are those of its subscripts."""
    (first, second, _), sizes, paths = irreps_of(problem), mode.sizes(problem), paths_of(problem)
    out = mode.irreps(problem)
    place = {ir: i3 for i3, (_, ir) in enumerate(out)}
    ends = tuple(sizes[letter] for letter in mode.out)
    segments: tuple[Sequence[Shape], ...] = (
        [mode.weights(problem)] * len(paths),
        [(ir.dim, sizes[mode.first]) for _, ir in first],
        [(ir.dim, sizes[mode.second]) for _, ir in second],
        [(ir.dim, *ends) for _, ir in out],
    )
    couplings = [
        ((k, p.i1, p.i2, place[p.ir3] if mode.summed else k), p.tensor) for k, p in enumerate(paths)
    ]
    subscripts = f"{mode.letters},i{mode.first},j{mode.second},k{mode.out}+ijk"
    product = Segmented(subscripts, segments, couplings)
    return Plan(product, ("w", "x", "y"), mode.multiplicity(problem), out.dim)


def one_axis(mode: Mode, problem: Problem, target: Target) -> Refusal | None:
    """Refuse two axes of channels on CUDA, where the library's kernels take one."""
    wide = [letter for letter in mode.letters if mode.sizes(problem)[letter] > 1]
    if target.device == "cpu" or len(wide) < 2:
        return None
    several = " and ".join(wide)
    return Refusal(
        f"uniform_1d takes one axis of channels, and mode {mode.name} has {several}",
        "use --device cpu, or ask for mul1=1 or mul2=1",
    )


IMPLEMENTATIONS = tuple(
    implementation
    for mode in MODES
    for implementation in implementations(
        mode.name,
        partial(plan, mode),
        Growth({"lmax": 6, "channels": len(mode.letters)}),
        partial(one_axis, mode),
    )
)
