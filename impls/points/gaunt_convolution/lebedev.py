r"""Gaunt convolution at the points of a Lebedev rule: nodes once, edges by degree, sums at points.

Features are evaluated at the points node by node, before they are sent, and messages are summed as
values at points, so that the way back is one matrix product a node too. The function of an edge
is, by degree, the same for all channels,

    g_l(p) = sum_m Y_lm(v) Y_lm(p),   f_y(p) = sum_l w[l, u] g_l(p),

so that an edge costs O(L^3) for each channel, and O(L^4) once for all; a node O(L^4) for each
channel. The rule is the smallest one with positive weights that is exact for the degree
D = L1 + L2 + L3 of the triple product [@luo2024] [@lebedev1999].
"""

from __future__ import annotations

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.points import irreps_of
from impls.growth import Growth
from impls.implementation import Built, Target, Tensors
from impls.points import harmonics
from impls.points.gaunt_convolution.operation import of_one_edge
from impls.points.harmonics import EdgeHarmonics
from impls.problem import Problem, Refusal
from impls.products.gaunt import lebedev as rule
from impls.products.gaunt.layout import product_degree
from impls.so3.quadrature import lebedev as lebedev_rule


def lebedev(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    asked = of_one_edge(problem)
    points, weights = lebedev_rule(product_degree(asked))
    node, edge, back = map(b.table, rule.point_matrices(asked, points, weights))
    harmonics, degrees = EdgeHarmonics(problem, b), irreps_of(problem)[1].slices()

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, sh = inputs["x"], harmonics(inputs)
        by_degree = b.concatenate([(sh[:, part] @ edge[part])[:, None] for part in degrees], 1)
        function = weights["w"].swapaxes(1, 2) @ by_degree
        values = b.gather(x @ node, inputs["src"]) * function
        return {"z": b.segment_sum(values, inputs["dst"], x.shape[0]) @ back}

    return Built(call, kernel=f"{len(points)} points, summed by receiver as values there")


def supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse directions in bfloat16, and degrees beyond the largest Lebedev rule."""
    return harmonics.supports(problem, target) or rule.supports(of_one_edge(problem), target)


ALGORITHM = Algorithm(
    "gaunt_convolution",
    "lebedev",
    "points of a Lebedev rule, summed there",
    lebedev,
    supports=supports,
    papers=("luo2024", "lebedev1999"),
    growth=Growth({"lmax": 4, "channels": 1}, "few neighbours or channels; else L^3 C"),
)
