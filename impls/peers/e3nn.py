"""Labels, order and layout of e3nn (PyTorch) and e3nn-jax, shared by the files that wrap them.

Basis, order of m and signs are those of this suite. What differs: every irrep has a parity, so
degrees without one are all called even; paths are sorted otherwise; and channels are
multiplicities inside one axis, item after item ("128x0e+128x1o"), not an axis of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impls.implementation import Implementation
from impls.products.paths import Path
from impls.so3.irreps import Irrep, Irreps

Ints = NDArray[np.int64]
JIT = {"jit_mode": ("default", "script")}
"""The option of a module that e3nn generates: how its code is run."""
in_torch = partial(
    Implementation, name="torch_e3nn", title="e3nn", framework="torch", requires=("e3nn",),
    papers=("geiger2022",), licence="MIT", baseline=True,
)  # fmt: skip
"""Declare what e3nn does of an operation, the baseline of its ratios."""
in_jax = partial(
    Implementation, name="jax_e3nn", title="e3nn-jax", framework="jax", requires=("e3nn_jax",),
    papers=("geiger2022",), licence="Apache-2.0",
)  # fmt: skip
"""Declare what e3nn-jax does of an operation."""
Slot = tuple[int, int, int]
"""A path by the items it couples in both inputs and its output degree: (i1, i2, l3)."""


def label(ir: Irrep) -> str:
    """Return e3nn's name of an irrep: "1o"; "1e" when it has no parity."""
    return f"{ir.l}{'o' if ir.p < 0 else 'e'}"


def labels(irreps: Irreps, channels: int = 1) -> str:
    """Return e3nn's name of irreps, each repeated for every channel: "4x0e+4x1o"."""
    return "+".join(f"{mul * channels}x{label(ir)}" for mul, ir in irreps)


def canonical_order(native: Sequence[Slot], paths: Sequence[Path]) -> Ints | None:
    """Return `index` with canonical = native[..., index], or None when the orders agree.

    `native` lists the paths in the order in which the library writes them.
    """
    starts, start = {}, 0
    for slot in native:
        starts[slot] = start
        start += 2 * slot[2] + 1
    parts = [starts[p.i1, p.i2, p.ir3.l] + np.arange(p.ir3.dim, dtype=np.int64) for p in paths]
    index = np.concatenate(parts)
    return None if np.array_equal(index, np.arange(start)) else index


def flat_order(irreps: Irreps, channels: int) -> Ints:
    """Return `index` with native = canonical.reshape(-1, channels * dim)[:, index].

    Canonical is [n, channels, dim]; native is e3nn's one axis, item by item, then channel by
    channel within an item.
    """
    rows = np.arange(channels * irreps.dim, dtype=np.int64).reshape(channels, irreps.dim)
    return np.concatenate([rows[:, part].ravel() for part in irreps.slices()])


def torch_module(make: Callable[[], Any], dtype: str, device: str, jit_mode: str) -> Any:
    """Build an e3nn module in float64, so that its constants are rounded once, and move it.

    `jit_mode` is e3nn's: "eager", "script" (TorchScript), or "default" for what e3nn chooses for
    this version of PyTorch. Neither torch's default dtype nor e3nn's options stay changed.
    """
    import torch

    with _torch_defaults(jit_mode):
        module = make()
    return module.to(device=device, dtype=getattr(torch, dtype))


def torch_kernel(jit_mode: str) -> str:
    """Return what runs: e3nn's generated code, and how it is run."""
    import e3nn

    before = "script"  # what releases without the option do
    default = e3nn.get_optimization_defaults().get("jit_mode", before)
    chosen = default if jit_mode == "default" else jit_mode
    return f"e3nn {e3nn.__version__} generated code, jit_mode {chosen}"


@contextmanager
def _torch_defaults(jit_mode: str) -> Iterator[None]:
    import warnings

    import e3nn
    import torch

    dtype, options = torch.get_default_dtype(), e3nn.get_optimization_defaults()
    torch.set_default_dtype(torch.float64)
    if jit_mode != "default":
        e3nn.set_optimization_defaults(jit_mode=jit_mode)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", message=r"`torch\.jit\.\w+` is deprecated", category=DeprecationWarning
            )
            yield
    finally:
        torch.set_default_dtype(dtype)
        if jit_mode != "default":
            e3nn.set_optimization_defaults(jit_mode=options["jit_mode"])
