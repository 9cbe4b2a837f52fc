"""A layout is a permutation with scales: what else `pack` or `unpack` does is seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.measuring.probes.conduct import layout
from impls.families.product import problem
from impls.implementation import Built
from impls.registry import load
from tests.bench.planting import opened

CG = "clebsch_gordan"


def changed(z, at, entries):
    """Return z with some entries replaced; what framework it is of does not matter."""
    z = z * 1
    z[at] = entries
    return z


HONEST = {
    "transposed": lambda z: z.swapaxes(0, -1),
    "scaled": lambda z: z * -0.3,
    "scaled apart": lambda z: changed(z, (..., 0), z[..., 0] * 3),
    "backwards": lambda z: z[..., list(range(z.shape[-1]))[::-1]],
    "padded": lambda z: changed(z, (..., 0), 0),
}
WRONG = {
    "adds another": lambda z: changed(z, (..., 0), z[..., 0] + z[..., 1]),
    "adds another to one entry": lambda z: changed(z, (0, 0, 0), z[0, 0, 0] + z[1, 0, 0]),
    "has the sign of another": lambda z: changed(z, (..., 0), z[..., 0] * z[..., 1].sign()),
    "is the larger": lambda z: changed(z, (..., 0), z[..., 0].maximum(z[..., 1])),
    "has no sign": lambda z: abs(z),
    "is rectified": lambda z: z.clip(0, None),
    "is a power": lambda z: z * abs(z),
    "is an odd power": lambda z: z * z * z,
    "is a root": lambda z: z.sign() * abs(z) ** 0.5,
    "adds a number": lambda z: z + 1,
    "is there twice": lambda z: z[..., [*range(z.shape[-1]), 0]],
    "is no number": lambda z: changed(z, (0, 0, 0), float("nan")),
}


def entries(side, change, dtype="float32", name="torch_dense"):
    """Return how many entries a side of a layout is said to make wrongly."""
    registry = load()
    honest = registry.implementation(f"{CG}.{name}")

    def made(problem, target, options):
        call = honest.build(problem, target, options).call
        if side == "unpack":
            return Built(call, unpack=lambda outputs: {"z": change(outputs["z"])})
        return Built(call, pack=lambda inputs, w: ({**inputs, "x": change(inputs["x"])}, w))

    registry.add(replace(honest, name="planted", build=made), __file__)
    asked = problem("mimo", 1, "o3", batch=5, channels=2, dtype=dtype)
    (reading,) = layout(opened(registry, f"{CG}.planted", asked))
    assert reading.passed == (reading.value == 0)
    return reading.value


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
@pytest.mark.parametrize("side", ["pack", "unpack"])
def test_a_permutation_with_scales_passes_and_nothing_else(side, dtype):
    assert {name: entries(side, change, dtype) for name, change in HONEST.items()} == dict.fromkeys(
        HONEST, 0
    )
    assert all(entries(side, change, dtype) > 0 for change in WRONG.values())


@pytest.mark.parametrize("name", ["numpy_dense", "jax_dense"])
def test_it_is_seen_in_each_framework(name):
    right, wrong = HONEST["transposed"], WRONG["adds a number"]
    assert entries("unpack", right, name=name) == 0 < entries("unpack", wrong, name=name)
    assert entries("pack", right, name=name) == 0 < entries("pack", wrong, name=name)
