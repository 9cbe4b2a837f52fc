"""The elementwise product of E3x in JAX with its paths summed: its `Tensor` [@unke2024].

Features have all degrees up to the largest, of natural parity; its polar axis is z, which for
couplings is another name of the same components. What it makes of natural parity comes apart from
the rest, which has the other parity: degrees without parity are the sum of both. Its couplings are
those of this suite up to a factor each, which the weights carry, in an array with a place for all
triples of degrees. One einsum of both inputs, that array and all couplings, O(L^6).
"""

from __future__ import annotations

from functools import cache

import numpy as np

from impls.algorithm import Options
from impls.families.weighted import irreps_of, multiplicities_of, per_sample
from impls.growth import Growth
from impls.implementation import Built, Implementation, Target, Tensors
from impls.problem import Problem, Refusal
from impls.products.channel_modes.modes import COLLAPSED, paths_of, reached
from impls.so3.irreps import Irreps, degrees, natural
from impls.so3.wigner import clebsch_gordan

EQUAL = 1e-6
"""Its tables are in float32 where JAX has no float64: a coupling is off by no more."""


@cache
def factor(l1: int, l2: int, l3: int) -> float:
    """Return how many times the coupling of this suite its own is.

    Raises:
        ArithmeticError: for a coupling that is no multiple.
    """
    import e3x

    own = np.asarray(e3x.so3.clebsch_gordan_for_degrees(l1, l2, l3, cartesian_order=False))
    tensor = clebsch_gordan(l1, l2, l3)
    found = float(np.sum(own * tensor) / np.sum(tensor * tensor))
    if np.abs(own - found * tensor).max() > EQUAL * abs(found):
        raise ArithmeticError(f"the coupling {l1} x {l2} -> {l3} of E3x is another map")
    return found


def jax_e3x(problem: Problem, target: Target, options: Options) -> Built:
    """Build e3x.nn.Tensor, its kernel an argument."""
    import e3x
    import jax.numpy as jnp

    (first, second, _), paths, out = irreps_of(problem), paths_of(problem), reached(problem)
    channels, parity = multiplicities_of(problem)[0], bool(first.parity)
    top = out.lmax
    product = e3x.nn.Tensor(
        max_degree=top,
        include_pseudotensors=not parity,
        cartesian_order=False,
        param_dtype=problem.dtype,
    )
    split = not parity and min(first.lmax, second.lmax, top) > 0
    size = 1, first.lmax + 1, 1, second.lmax + 1, 1 + split, top + 1, channels
    ends = [(p.ir1.l, p.ir2.l, p.ir3.l) for p in paths]
    places = [np.array(axis) for axis in zip(*ends, strict=True)]
    other = (places[0] + places[1]) % 2 if split else np.zeros(len(paths), int)
    scales = np.array([1 / factor(*path) for path in ends])[:, None]
    kept = np.concatenate([np.arange(ir.l**2, (ir.l + 1) ** 2) for _, ir in out])

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        z = product.apply({"params": {"kernel": weights["w"]}}, inputs["x"], inputs["y"])
        return {"z": z.sum(1) if split else z[:, 0]}

    def pack(inputs: Tensors, weights: Tensors) -> tuple[Tensors, Tensors]:
        w = weights["w"] * jnp.asarray(scales, problem.dtype)
        kernel = jnp.zeros(size, w.dtype)
        kernel = kernel.at[0, places[0], 0, places[1], other, places[2]].set(w)
        return {name: a.swapaxes(1, 2)[:, None] for name, a in inputs.items()}, {"w": kernel}

    def unpack(outputs: Tensors) -> Tensors:
        return {"z": outputs["z"][:, kept].swapaxes(1, 2)}

    kernel = f"e3x {e3x.__version__} Tensor, XLA"
    return Built(call, pack, unpack, layout="[batch, parity, components, channels]", kernel=kernel)


def supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse weights of each sample, and what is not every degree once, of natural parity."""
    if per_sample(problem):
        return Refusal("E3x has weights that all samples share", "ask for weights=shared")
    for name, irreps in zip(("in1", "in2"), irreps_of(problem), strict=False):
        if not _every(irreps):
            return Refusal(
                f"irreps_{name}={irreps}: features of E3x have every degree, of natural parity",
                "ask for 0e+1o+2e ..., or 0+1+2 ..., without gaps",
            )
    unlike = [str(ir) for _, ir in reached(problem) if ir.p not in (0, (-1) ** ir.l)]
    if unlike:
        return Refusal(
            f"irreps_out: {' and '.join(unlike)} is not of natural parity",
            "leave it out, or ask without parity",
        )
    return None


def _every(irreps: Irreps) -> bool:
    values = range(irreps.lmax + 1)
    return irreps in (natural(values), degrees(values))


IMPLEMENTATION = Implementation(
    operation=COLLAPSED.operation,
    name="jax_e3x",
    title="E3x",
    framework="jax",
    build=jax_e3x,
    supports=supports,
    requires=("e3x",),
    papers=("unke2024",),
    licence="Apache-2.0",
    growth=Growth({"lmax": 6, "channels": 1}),
)
