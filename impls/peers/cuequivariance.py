"""Products as segmented polynomials of cuEquivariance [@nvidia2026], in PyTorch and JAX.

The library evaluates sums of contractions of segments with coefficients that it is given, here
those of this suite, so that basis and normalisation need no change. Channels are innermost: its
layout "ir_mul". On the CPU there is one method, "naive", an einsum for each path; on CUDA the
default is "uniform_1d", which needs one size of channels. It would fall back to "naive" with a
warning where its kernels are not installed: here that is refused.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from impls.algorithm import Options
from impls.growth import Growth
from impls.implementation import Built, Framework, Implementation, Target, Tensors, supports_all
from impls.problem import Problem, Refusal

FRAMEWORKS: tuple[Framework, ...] = ("torch", "jax")
METHODS = ("default", "naive", "uniform_1d")
RUNS = {"uniform_1d": ("*uniform_1d*",)}
"""The operator of PyTorch, or the target of XLA, that a method is; "naive" has none of its own."""
Shape = tuple[int, ...]
Supports = Callable[[Problem, Target], Refusal | None]


@dataclass(frozen=True)
class Segmented:
    """A product: `subscripts` as in einsum, the last of them the coefficients', after a plus.

    `segments` are the shapes of the segments of each operand, the output last; a path is the
    segment that it takes of each operand, and its coefficients. `powers` says how many operands
    each input is, in order; () where every operand is an input of its own.
    """

    subscripts: str
    segments: tuple[Sequence[Shape], ...]
    paths: Sequence[tuple[tuple[int, ...], np.ndarray]]
    powers: tuple[int, ...] = ()

    def polynomial(self) -> Any:
        """Return it as the library's own object."""
        import cuequivariance as cue

        product = cue.SegmentedTensorProduct.from_subscripts(self.subscripts)
        for operand, shapes in enumerate(self.segments):
            for shape in shapes:
                product.add_segment(operand, shape)
        for indices, coefficients in self.paths:
            product.add_path(*indices, c=coefficients)
        powers = self.powers or (1,) * (len(self.segments) - 1)
        buffers = [n for n, power in enumerate((*powers, 1)) for _ in range(power)]
        *inputs, output = (product.operands[buffers.index(n)] for n in range(len(powers) + 1))
        return cue.SegmentedPolynomial(inputs, [output], [(cue.Operation(buffers), product)])


@dataclass(frozen=True)
class Edges:
    """Which input is gathered, by what, and by what the output is summed, into how many rows."""

    gathered: int
    rows: int
    src: str = "src"
    dst: str = "dst"


@dataclass(frozen=True)
class Plan:
    """A product, the names of its inputs in order, channels and components of the output.

    `first` makes inputs of the product of those of the problem, in the timed call.
    """

    product: Segmented
    names: Sequence[str]
    channels: int
    dim: int
    edges: Edges | None = None
    first: Callable[[Tensors], Tensors] = field(default=lambda inputs: inputs)


def method_of(target: Target, options: Options) -> str:
    """Return the method that is to run."""
    asked = str(options.get("method", "default"))
    return asked if asked != "default" else "naive" if target.device == "cpu" else "uniform_1d"


def evaluator(framework: Framework, plan: Plan, method: str, target: Target) -> Callable[..., Any]:
    """Return a function of the inputs, in order, and of indices by name, that evaluates a plan.

    Raises:
        RuntimeError: when the library would run another method than the one asked for.
    """
    polynomial, edges = plan.product.polynomial(), plan.edges
    if framework == "jax":
        import cuequivariance_jax as cuex
        import jax

        def in_jax(inputs: list[Any], indices: Mapping[str, Any]) -> Any:
            rows, taken = max(len(a) for a in inputs), None
            if edges is not None:
                rows, taken = edges.rows, [None] * (len(inputs) + 1)
                taken[edges.gathered], taken[-1] = indices[edges.src], indices[edges.dst]
            out = jax.ShapeDtypeStruct((rows, polynomial.outputs[0].size), inputs[-1].dtype)
            (z,) = cuex.segmented_polynomial(polynomial, inputs, [out], taken, method=method)
            return z

        return in_jax
    import cuequivariance_torch as cuet
    import torch

    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*[Ff]alling back.*")
        try:
            module = cuet.SegmentedPolynomial(polynomial, method=method).to(target.device)
        except UserWarning as fallback:
            raise RuntimeError(f"method {method}: {fallback}") from fallback
    shape = None if edges is None else torch.empty((edges.rows, 1), device=target.device)

    def in_torch(inputs: list[Any], indices: Mapping[str, Any]) -> Any:
        if edges is None:
            return module(inputs)[0]
        gathered, summed = {edges.gathered: indices[edges.src]}, {0: indices[edges.dst]}
        return module(inputs, gathered, {0: shape}, summed)[0]

    return in_torch


def build(
    framework: Framework,
    make: Callable[[Problem, Target, Framework], Plan],
    problem: Problem,
    target: Target,
    options: Options,
) -> Built:
    """Build what a plan says, with channels innermost."""
    plan, method = make(problem, target, framework), method_of(target, options)
    evaluate = evaluator(framework, plan, method, target)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        found = {**plan.first(inputs), **weights}
        return {"z": evaluate([found[name] for name in plan.names], found)}

    def pack(inputs: Tensors, weights: Tensors) -> tuple[Tensors, Tensors]:
        native = {n: _innermost(a) if len(a.shape) == 3 else a for n, a in inputs.items()}
        return native, {n: a.reshape(_rows(plan, n, a), -1) for n, a in weights.items()}

    def unpack(outputs: Tensors) -> Tensors:
        z = outputs["z"]
        return {"z": z.reshape(-1, plan.dim, plan.channels).swapaxes(1, 2)}

    said, runs = kernel(framework, method), RUNS.get(method, ())
    return Built(call, pack, unpack, layout="ir_mul, one axis", kernel=said, runs=runs)


def _innermost(a: Any) -> Any:
    """Return [n, dim channels] of [n, channels, dim]."""
    return a.swapaxes(1, 2).reshape(a.shape[0], -1)


def _rows(plan: Plan, name: str, a: Any) -> int:
    """Return how many rows of weights there are: one for all samples, or one for each."""
    size = sum(int(np.prod(shape)) for shape in plan.product.segments[plan.names.index(name)])
    return int(np.prod(a.shape)) // size


def kernel(framework: Framework, method: str) -> str:
    """Return what runs."""
    import cuequivariance as cue

    return f"cuequivariance-{framework} {cue.__version__}, method {method}"


def supports(
    framework: Framework, also: Supports, problem: Problem, target: Target
) -> Refusal | None:
    """Refuse CUDA without the library's kernels: it would fall back to another method."""
    kernels = f"cuequivariance_ops_{framework}"
    if target.device == "cuda" and importlib.util.find_spec(kernels) is None:
        package = kernels.replace("_", "-")
        return Refusal(f"not installed: {kernels}", f"pip install {package}-cu13 (or -cu12)")
    return also(problem, target)


def implementations(
    operation: str,
    make: Callable[[Problem, Target, Framework], Plan],
    growth: Growth,
    also: Supports = supports_all,
) -> tuple[Implementation, ...]:
    """Return the implementation in each framework."""
    return tuple(
        Implementation(
            operation=operation,
            name=f"{framework}_cuequivariance",
            title="cuEquivariance",
            framework=framework,
            build=partial(build, framework, make),
            supports=partial(supports, framework, also),
            options={"method": METHODS},
            requires=("cuequivariance", f"cuequivariance_{framework}"),
            papers=("nvidia2026",),
            licence="Apache-2.0",
            growth=growth,
        )
        for framework in FRAMEWORKS
    )
