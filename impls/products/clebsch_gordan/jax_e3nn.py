"""e3nn-jax's tensor product [@geiger2022]: one einsum per path, fused by XLA, O(L^6).

Channels are part of the batch. The library sorts paths by (l3, parity, position of l1, position of
l2), which `unpack` carries to the canonical order.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.families.product import irreps_of
from impls.growth import Growth
from impls.implementation import Built, Implementation, Target, Tensors
from impls.peers.e3nn import canonical_order, label, labels
from impls.problem import Problem, Scalar
from impls.products.clebsch_gordan.operation import paths_of


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    import e3nn_jax as e3nn

    first, second, out = irreps_of(problem)
    asked = [e3nn.Irrep(label(ir)) for _, ir in out]
    paths = paths_of(problem)
    # The library enumerates (i1, i2, l3) and then sorts by irrep, stably.
    found = sorted(paths, key=lambda path: (path.i1, path.i2, path.ir3.l))
    written = e3nn.Irreps([(1, label(path.ir3)) for path in found]).sort().inv
    order = canonical_order([(found[i].i1, found[i].i2, found[i].ir3.l) for i in written], paths)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x = e3nn.IrrepsArray(labels(first), inputs["x"])
        y = e3nn.IrrepsArray(labels(second), inputs["y"])
        z = e3nn.tensor_product(x, y, filter_ir_out=asked, regroup_output=False)
        return {"z": z.array}

    def unpack(outputs: Tensors) -> Tensors:
        return {"z": outputs["z"][..., order]}

    return Built(
        call,
        unpack=None if order is None else unpack,
        layout="mul_ir" if order is None else "mul_ir, paths in e3nn's order",
        kernel=f"e3nn-jax {e3nn.__version__} einsum per path, XLA",
    )


IMPLEMENTATION = Implementation(
    operation="clebsch_gordan",
    name="jax_e3nn",
    framework="jax",
    build=_build,
    requires=("e3nn_jax",),
    papers=("geiger2022",),
    licence="Apache-2.0",
    growth=Growth({"lmax": 6, "channels": 1}),
)
