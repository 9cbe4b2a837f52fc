"""The convolution of cuEquivariance [@nvidia2026]: it gathers and sums by itself.

Its harmonics are a segmented polynomial too, with sparse products that its method for the CPU does
one by one; here those of this suite are taken, so that what differs is the convolution.
"""

from __future__ import annotations

from collections.abc import Sequence

from impls.backends import load
from impls.families.points import channels_of, irreps_of
from impls.growth import Growth
from impls.implementation import Framework, Target, Tensors
from impls.inputs.named import counts_of
from impls.peers.cuequivariance import Edges, Plan, Segmented, Shape, implementations
from impls.points.convolution.operation import paths_of
from impls.points.harmonics import EdgeHarmonics, supports
from impls.problem import Problem


def plan(problem: Problem, target: Target, framework: Framework) -> Plan:
    """Return the product of gathered features, harmonics and a weight for each edge and path."""
    (node, edge, _), channels, paths = irreps_of(problem), channels_of(problem), paths_of(problem)
    segments: tuple[Sequence[Shape], ...] = (
        [(channels,)] * len(paths),
        [(ir.dim, channels) for _, ir in node],
        [(ir.dim,) for _, ir in edge],
        [(path.ir3.dim, channels) for path in paths],
    )
    couplings = [((k, p.i1, p.i2, k), p.tensor) for k, p in enumerate(paths)]
    product = Segmented("u,iu,j,ku+ijk", segments, couplings)
    harmonics = EdgeHarmonics(problem, load(framework, problem, target))

    def first(inputs: Tensors) -> Tensors:
        return {**inputs, "sh": harmonics(inputs)}

    names, nodes = ("w", "x", "sh"), counts_of(problem)[0]
    return Plan(product, names, channels, paths[-1].out.stop, Edges(1, nodes), first)


IMPLEMENTATIONS = implementations("channelwise", plan, Growth({"lmax": 6, "channels": 1}), supports)
