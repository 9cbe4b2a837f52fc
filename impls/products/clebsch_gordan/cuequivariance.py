"""The full tensor product of cuEquivariance [@nvidia2026]: one contraction for each path."""

from __future__ import annotations

from collections.abc import Sequence

from impls.families.product import ProductSizes
from impls.growth import Growth
from impls.implementation import Framework, Target
from impls.peers.cuequivariance import Plan, Segmented, Shape, implementations
from impls.problem import Problem
from impls.products.clebsch_gordan.operation import paths_of


def plan(problem: Problem, target: Target, framework: Framework) -> Plan:
    """Return the product of x and y in each channel, a segment for each irrep and path."""
    sizes, paths = ProductSizes.of(problem), paths_of(problem)
    channels = sizes.channels
    segments: tuple[Sequence[Shape], ...] = (
        [(ir.dim, channels) for _, ir in sizes.irreps_in1],
        [(ir.dim, channels) for _, ir in sizes.irreps_in2],
        [(path.ir3.dim, channels) for path in paths],
    )
    couplings = [((p.i1, p.i2, k), p.tensor) for k, p in enumerate(paths)]
    product = Segmented("iu,ju,ku+ijk", segments, couplings)
    return Plan(product, ("x", "y"), channels, sum(path.ir3.dim for path in paths))


IMPLEMENTATIONS = implementations("clebsch_gordan", plan, Growth({"lmax": 6, "channels": 1}))
