"""The product of e3j in JAX [@instadeep2026], with the couplings of this suite.

It evaluates a sparse tensor that it is given, so that basis and normalisation need no change; each
nonzero takes one entry of x and one of y, and products are summed where they belong. Channels are
innermost, its faster layout. On CUDA it has a kernel of its own, in the package e3j-ops.
"""

from __future__ import annotations

import importlib.util
from importlib.metadata import version

import numpy as np

from impls.algorithm import Options
from impls.families.product import irreps_of
from impls.growth import Growth
from impls.implementation import Built, Implementation, Target, Tensors
from impls.peers.e3nn import labels
from impls.problem import Problem, Refusal
from impls.products.clebsch_gordan.operation import paths_of
from impls.products.paths import output_irreps


def jax_e3j(problem: Problem, target: Target, options: Options) -> Built:
    """Build its TensorProduct."""
    import jax.numpy as jnp
    from e3j.core import TensorProduct
    from e3j.utils.config import Config
    from e3j.utils.options import TensorProduct as Method
    from jax.experimental.sparse import BCOO

    (first, second, _), paths = irreps_of(problem), paths_of(problem)
    out, places, values = output_irreps(paths), [], []
    for path in paths:
        i, j, k = np.nonzero(path.nonzero)
        places.append(np.stack([k + path.out.start, i + path.in1.start, j + path.in2.start], 1))
        values.append(path.tensor[i, j, k])
    order = np.lexsort(np.concatenate(places).T[::-1])
    couplings = BCOO(
        (
            jnp.asarray(np.concatenate(values)[order], problem.dtype),
            jnp.asarray(np.concatenate(places)[order], jnp.int32),
        ),
        shape=(out.dim, first.dim, second.dim),
        indices_sorted=True,
        unique_indices=True,
    )
    method = Method.UNFUSED if target.device == "cpu" else Method.FUSED_CUDA
    product = TensorProduct(
        (labels(first), labels(second)),
        labels(out),
        coef=couplings,
        config=Config(tensor_product=method),
        layout="TRAILING_CHANNELS",
        mode="MAP",
    )

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        return {"z": product(inputs["x"], inputs["y"])}

    def pack(inputs: Tensors, weights: Tensors) -> tuple[Tensors, Tensors]:
        return {name: a.swapaxes(1, 2) for name, a in inputs.items()}, weights

    def unpack(outputs: Tensors) -> Tensors:
        return {"z": outputs["z"].swapaxes(1, 2)}

    kernel = f"e3j {version('e3j')}, {method.value.lower()}"
    runs = () if target.device == "cpu" else ("*tensor_product*",)
    return Built(
        call, pack, unpack, layout="[batch, components, channels]", kernel=kernel, runs=runs
    )


def supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse CUDA without its kernel."""
    if target.device == "cuda" and importlib.util.find_spec("e3j_ops") is None:
        return Refusal("not installed: e3j_ops", "pip install e3j-ops")
    return None


IMPLEMENTATION = Implementation(
    operation="clebsch_gordan",
    name="jax_e3j",
    title="e3j",
    framework="jax",
    build=jax_e3j,
    supports=supports,
    requires=("e3j",),
    remedy="make bench-peers",
    papers=("instadeep2026",),
    licence="Apache-2.0",
    growth=Growth(),
)
