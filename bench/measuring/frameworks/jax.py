"""JAX: jit, on CPU or CUDA."""

from __future__ import annotations

import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bench.measuring.frameworks import Activity, Call, PassFunction, Uncounted
from bench.measuring.frameworks.memory import peak_rss
from bench.record.case import Pass
from impls.implementation import Target, Tensors
from impls.spaces import Space

COMPUTATION = re.compile(r"^(?:ENTRY )?%?([\w.-]+) \(.*\{$")
"""How a computation of a compiled program begins; an instruction of it, indented; what calls it."""
INSTRUCTION = re.compile(r"^\s+(?:ROOT )?%?[\w.-]+ = .*?\s([a-z][\w-]*)\(")
INSIDE = re.compile(r"(?:calls|to_apply)=%?([\w.-]+)")
TARGET = re.compile(r'custom_call_target="([^"]+)"')
NOT_RUN = {"parameter", "constant", "tuple", "get-tuple-element", "bitcast"}
"""Instructions that name what is there."""
MATMUL = {"ieee": "highest", "tf32": "tensorfloat32", "bf16": "bfloat16"}


def start(target: Target, x64: bool) -> Mapping[str, Any]:
    """Pin precision; dispatch on the CPU is synchronous, so that one wait ends a burst."""
    jax.config.update("jax_enable_x64", x64)
    matmul = MATMUL[target.precision]
    jax.config.update("jax_default_matmul_precision", matmul)
    if target.device == "cpu":
        jax.config.update("jax_cpu_enable_async_dispatch", False)
    device = jax.devices()[0]
    found = "cpu" if device.platform == "cpu" else "cuda"
    if found != target.device:
        raise ValueError(
            f"JAX runs on {found}, not {target.device}; use --device {found}, or install JAX's "
            "CUDA build"
        )
    return {"jax": jax.__version__, "jax_device": device.device_kind, "matmul_precision": matmul}


def precision(device: str) -> str:
    """Return how products of float32 matrices are computed now: "ieee", "tf32" or "bf16"."""
    asked = str(jax.config.values["jax_default_matmul_precision"])
    return next((name for name, matmul in MATMUL.items() if matmul == asked), asked)


def put(
    arrays: Tensors, spaces: Mapping[str, Space], dtype: str, target: Target, own: bool = False
) -> Tensors:
    """Return arrays on the default device; indices have JAX's default integer type."""
    return {
        name: jnp.array(a, dtype=dtype if spaces[name].kind == "real" else None, copy=not own)
        for name, a in arrays.items()
    }


def leaves(tensors: Tensors, wanted: tuple[str, ...]) -> Tensors:
    """Return the tensors: JAX differentiates functions, not arrays."""
    return tensors


def copy(tensors: Tensors) -> Tensors:
    """Return copies of the arrays."""
    return {name: jnp.array(a, copy=True) for name, a in tensors.items()}


def get(tensors: Tensors) -> dict[str, Any]:
    """Return NumPy arrays, reals as float64."""
    return {
        name: np.array(a, np.float64) if jnp.issubdtype(a.dtype, jnp.floating) else np.array(a)
        for name, a in tensors.items()
    }


def held(tensors: Tensors, own: bool = False) -> dict[str, Any]:
    """Return copies in NumPy: XLA would compile each comparison for each shape."""
    return {name: np.array(a) for name, a in tensors.items()}


def strange(tensor: Any, dtype: str, target: Target) -> str:
    """Return why something is no computed JAX array of a data type; jit leaves it no device."""
    if type(tensor) is not type(jnp.zeros(())):
        return f"is a {type(tensor).__qualname__}, not a jax.Array"
    if jnp.issubdtype(tensor.dtype, jnp.inexact) and tensor.dtype != dtype:
        return f"is in {tensor.dtype}, not {dtype}"
    return ""


def strided(tensors: Tensors) -> Tensors | None:
    """Return None: JAX arrays have no strides."""
    return None


def real(tensor: Any) -> bool:
    """Return whether an array holds floating-point numbers."""
    return bool(jnp.issubdtype(tensor.dtype, jnp.floating))


def make(call: Call, pass_: Pass, mode: str, wanted: tuple[str, ...]) -> PassFunction:
    """Return the jitted pass. The value is returned too: else XLA drops the forward pass."""

    def functional(
        inputs: Tensors, weights: Tensors, cotangents: Tensors
    ) -> tuple[Callable[[Tensors], Any], Tensors]:
        def value(leaves: Tensors) -> Any:
            outputs = call(
                {name: leaves.get(name, a) for name, a in inputs.items()},
                {name: leaves.get(name, a) for name, a in weights.items()},
            )
            return sum(jnp.sum(c * outputs[name]) for name, c in cotangents.items())

        return value, {name: {**inputs, **weights}[name] for name in wanted}

    def gradient(inputs: Tensors, weights: Tensors, cotangents: Tensors) -> Mapping[str, Any]:
        value, leaves = functional(inputs, weights, cotangents)
        result, grads = jax.value_and_grad(value)(leaves)
        return {"value": result, **{f"d_{name}": g for name, g in grads.items()}}

    def second(inputs: Tensors, weights: Tensors, cotangents: Tensors) -> Mapping[str, Any]:
        value, leaves = functional(inputs, weights, cotangents)

        def energy(leaves: Tensors) -> tuple[Any, Any]:
            inner = jax.grad(lambda x: value({**leaves, wanted[0]: x}))(leaves[wanted[0]])
            return 0.5 * jnp.sum(inner * inner), inner

        (result, inner), grads = jax.value_and_grad(energy, has_aux=True)(leaves)
        return {"value": result, "inner": inner, **{f"d_{n}": g for n, g in grads.items()}}

    def forward(inputs: Tensors, weights: Tensors, cotangents: Tensors) -> Mapping[str, Any]:
        return call(inputs, weights)

    return jax.jit({"fwd": forward, "grad": gradient, "grad2": second}[pass_])


def cotangents(call: Call, inputs: Tensors, weights: Tensors) -> Tensors:
    """Return standard normal arrays of the shapes of the real outputs."""
    shapes = jax.eval_shape(call, inputs, weights)
    rng = np.random.default_rng(0)
    return {
        name: jnp.asarray(rng.standard_normal(s.shape), dtype=s.dtype)
        for name, s in shapes.items()
        if jnp.issubdtype(s.dtype, jnp.floating)
    }


def wait(out: Any) -> None:
    """Block until every array is ready."""
    jax.block_until_ready(out)


def overwrite(tensor: Any, value: Any) -> None:
    """Raise TypeError: JAX arrays cannot be written to."""
    raise TypeError("JAX arrays are immutable")


def first(function: PassFunction, arguments: tuple[Any, ...], mode: str) -> dict[str, float]:
    """Return the seconds of tracing and lowering, of compiling, and of all of the first call."""
    start = time.perf_counter()
    lowered = function.lower(*arguments)  # type: ignore[attr-defined]
    traced = time.perf_counter()
    lowered.compile()
    compiled = time.perf_counter()
    wait(function(*arguments))
    return {
        "time.trace": traced - start,
        "time.compile": compiled - traced,
        "time.first": time.perf_counter() - start,
    }


def _compiled(function: PassFunction, arguments: tuple[Any, ...]) -> Any:
    """Return the compiled program; JAX keeps it, so that nothing is compiled twice."""
    return function.lower(*arguments).compile()  # type: ignore[attr-defined]


def ran(function: PassFunction, arguments: tuple[Any, ...], mode: str) -> dict[str, int]:
    """Return the instructions of the compiled program, custom calls by their target."""
    return instructions(_compiled(function, arguments).as_text())


def instructions(program: str) -> dict[str, int]:
    """Return how many instructions of each kind a program in HLO has.

    A fusion is one, as is what applies a function to numbers, a reduction; a loop is one, and what
    is in it counts once.
    """
    found: dict[str, Counter[str]] = {}
    inside: set[str] = set()
    counts: Counter[str] = Counter()
    for line in program.splitlines():
        if begins := COMPUTATION.match(line):
            found[begins[1]] = counts = Counter()
        elif instruction := INSTRUCTION.match(line):
            kind = instruction[1]
            if kind != "call":
                inside.update(INSIDE.findall(line))
            target = TARGET.search(line)
            counts[target[1] if target else kind] += kind not in NOT_RUN
    kept = (counts for name, counts in found.items() if name not in inside)
    return dict(+sum(kept, Counter()))


def counted(function: PassFunction, arguments: tuple[Any, ...]) -> dict[str, float]:
    """Return XLA's own estimate of the compiled program: {"flops.xla": ..., "bytes.xla": ...}."""
    analysis = _compiled(function, arguments).cost_analysis() or {}
    names = {"flops.xla": "flops", "bytes.xla": "bytes accessed"}
    return {name: float(analysis[key]) for name, key in names.items() if analysis.get(key, 0) > 0}


def peak(
    run: Callable[[], Any], function: PassFunction, arguments: tuple[Any, ...]
) -> dict[str, float]:
    """Return XLA's analysis of the program (temporaries and outputs) and, on the CPU, the peak RSS.

    JAX's allocator counters cannot be reset, so that they say nothing of one call; `mem.fresh`
    reads them in a process that has done nothing else.
    """
    analysis = _compiled(function, arguments).memory_analysis()
    of_program = (
        {"xla": float(analysis.temp_size_in_bytes + analysis.output_size_in_bytes)}
        if analysis is not None
        else {}
    )
    return of_program | (peak_rss(run) if jax.devices()[0].platform == "cpu" else {})


def traced(work: Callable[[], Any]) -> list[Activity]:
    """Return what the GPU did while `work` ran, as CUPTI recorded it, in order of time."""
    options = jax.profiler.ProfileOptions()
    options.host_tracer_level = options.python_tracer_level = 0
    with tempfile.TemporaryDirectory(prefix="equibench-trace-") as folder:
        with jax.profiler.trace(folder, profiler_options=options):
            work()
        (file,) = Path(folder).rglob("*.xplane.pb")
        planes = jax.profiler.ProfileData.from_file(str(file)).planes
        found = [
            Activity(
                event.start_ns * 1e-9,
                (event.start_ns + event.duration_ns) * 1e-9,
                event.name,
                event.name.lower().startswith(("memcpy", "memset")),
            )
            for plane in planes
            if plane.name.startswith("/device:GPU")
            for line in plane.lines
            if line.name.startswith("Stream")
            for event in line.events
        ]
    return sorted(found, key=lambda activity: activity.start)


def release() -> None:
    """Nothing: XLA's allocator keeps what it has."""


def fresh_peak(run: Callable[[], Any], arguments: tuple[Any, ...]) -> dict[str, float]:
    """Return the allocator's peak above the live arrays, in a process that did nothing else.

    Raises:
        Uncounted: on a GPU, where XLA tries out kernels in the same allocator.
    """
    if jax.devices()[0].platform != "cpu":
        raise Uncounted("the peak of the allocator has what XLA tried out: mem.peak.xla has not")
    run()
    stats = jax.devices()[0].memory_stats()
    if not stats or "peak_bytes_in_use" not in stats:
        return peak_rss(run)
    held = sum(a.nbytes for part in arguments for a in part.values())
    return {"jax": float(stats["peak_bytes_in_use"] - held)}
