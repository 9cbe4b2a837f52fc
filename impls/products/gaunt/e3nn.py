r"""The Gaunt product on the grids of spherical signals of e3nn and e3nn-jax [@geiger2022].

z = from_s2grid(to_s2grid(x) * to_s2grid(y)), as one writes it with these packages [@xie2025]: a
product for each order along the meridians, FFTs around. Grids are the smallest that integrate
products of degree D = L1 + L2 + L3 exactly: in PyTorch D + 1 rings at equal angles, made even, in
JAX (D + 1) / 2 Gauss-Legendre nodes, made whole; around, D + 1 points, made odd. A signal has all
degrees up to one, once each. In JAX the normalisation "integral" makes z larger by sqrt(4 pi),
which `unpack` takes off. O(L^3).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import pi, sqrt
from typing import Any

from impls.families.product import irreps_of
from impls.growth import Growth
from impls.implementation import Built, Target, Tensors
from impls.peers.e3nn import JIT, in_jax, in_torch, labels, torch_kernel, torch_module
from impls.problem import Problem, Refusal, Scalar
from impls.products.gaunt.layout import degrees_of, product_degree
from impls.products.gaunt.operation import reached
from impls.so3.irreps import Irreps

GROWTH = Growth({"lmax": 3, "channels": 1})


def _torch(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    from e3nn import o3

    first, second, out = irreps_of(problem)
    jit_mode, degree = str(options.get("jit_mode", "default")), product_degree(problem)
    res = degree + 1 + (degree + 1) % 2, degree + 1 + degree % 2

    def module(make: Any) -> Any:
        return torch_module(make, problem.dtype, target.device, jit_mode)

    to_x, to_y = (
        module(lambda one=one: o3.ToS2Grid(one.lmax, res, normalization="integral"))
        for one in (first, second)
    )
    back = module(
        lambda: o3.FromS2Grid(res, out.lmax, normalization="integral", lmax_in=(degree + 1) // 2)
    )

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        return {"z": back(to_x(inputs["x"]) * to_y(inputs["y"]))}

    return Built(call, kernel=f"{torch_kernel(jit_mode)}, grid {res[0]} x {res[1]}")


def _jax(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    import e3nn_jax as e3nn

    first, second, out = irreps_of(problem)
    degree = product_degree(problem)
    res = degree // 2 + 1, degree + 1 + degree % 2

    def on_grid(irreps: Irreps, a: Any) -> Any:
        named = e3nn.IrrepsArray(labels(irreps), a)
        return e3nn.to_s2grid(named, *res, quadrature="gausslegendre", normalization="integral")

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, y = on_grid(first, inputs["x"]), on_grid(second, inputs["y"])
        z = e3nn.from_s2grid(x * y, labels(out), normalization="integral")
        return {"z": z.array}

    kernel = f"e3nn-jax {e3nn.__version__} grid {res[0]} x {res[1]}, XLA"
    return Built(call, unpack=_unpack, kernel=kernel)


def _unpack(outputs: Tensors) -> Tensors:
    return {"z": outputs["z"] / sqrt(4 * pi)}


def _supports(problem: Problem, target: Target) -> Refusal | None:
    if problem.dtype == "bfloat16":
        return Refusal("FFTs in bfloat16 are in neither framework", "use float32")
    first, second, out = irreps_of(problem)
    for name, irreps in (("irreps_in1", first), ("irreps_in2", second), ("irreps_out", out)):
        if degrees_of(irreps) != tuple(range(irreps.lmax + 1)):
            return Refusal(
                f"{name}={irreps}: a signal of e3nn has all degrees up to one, once each",
                "ask for 0e+1o+2e..., or for gaunt.*_grid_fft, the same with any irreps",
            )
    if not all(reached(problem)):
        return Refusal(
            f"irreps_out={out}: no path ends in some of them, which a signal would not leave zero",
            "ask for outputs that the product reaches",
        )
    return None


TORCH = in_torch(
    operation="gaunt",
    title="e3nn, grids of signals",
    build=_torch,
    supports=_supports,
    options=JIT,
    baseline=False,
    papers=("geiger2022", "xie2025"),
    growth=GROWTH,
)

JAX = in_jax(
    operation="gaunt",
    title="e3nn-jax, grids of signals",
    build=_jax,
    supports=_supports,
    papers=("geiger2022", "xie2025"),
    growth=GROWTH,
)
