"""Gaunt convolution on its nonzero coefficients, by the kernel of trilinear forms.

The function of each edge and channel is written out, and the kernel multiplies it with what the
node sends. O(L^5) multiplications for each edge and channel [@luo2024]; messages are stored.
"""

from __future__ import annotations

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.points import irreps_of
from impls.implementation import Built, Target, Tensors
from impls.kernels import support
from impls.points import harmonics
from impls.points.gaunt_convolution.operation import degree_of_component, of_one_edge
from impls.points.harmonics import EdgeHarmonics
from impls.problem import Problem, Refusal
from impls.products import forms
from impls.products.gaunt.kernel import form_of


def kernel(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    form = form_of(of_one_edge(problem))
    bilinear, harmonics = b.trilinear(form), EdgeHarmonics(problem, b)
    degree = b.index(degree_of_component(problem))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, sh = inputs["x"], harmonics(inputs)
        function = b.take(weights["w"].swapaxes(1, 2), degree) * sh[:, None]
        messages = bilinear(b.gather(x, inputs["src"]), function)
        return {"z": b.segment_sum(messages, inputs["dst"], x.shape[0])}

    named = f"native, {len(form.values)} coefficients, messages stored"
    return Built(call, kernel=named, runs=support.RUNS)


def supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse directions in bfloat16, and tables that take seconds to make."""
    return harmonics.supports(problem, target) or forms.fits(*irreps_of(problem)[:2])


ALGORITHM = Algorithm(
    "gaunt_convolution",
    "kernel",
    "sparse coefficients, one kernel",
    kernel,
    supports=supports,
    refuses=support.refuses,
    papers=("luo2024",),
)
