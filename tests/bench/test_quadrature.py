"""The advisor of points asks what an operation declares, whoever it is, and knows none by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.measuring.probes import quadrature
from impls.registry import load

REGISTRY = load()
ON_THE_SPHERE = {
    "gaunt", "gaunt_bracket", "gaunt_convolution", "gaunt_power", "grid_gated_product", "grid_mlp",
    "grid_nonlinearity", "grid_swiglu", "spin_gaunt",
}  # fmt: skip


def test_it_is_put_to_what_multiplies_at_points():
    asked = {name for name, o in REGISTRY.operations.items() if quadrature.applies(o)}
    assert asked >= ON_THE_SPHERE and "clebsch_gordan" not in asked
    source = Path(quadrature.__file__).read_text(encoding="utf-8")
    assert not [name for name in ON_THE_SPHERE if f'"{name}"' in source]


@pytest.mark.parametrize("name", sorted(ON_THE_SPHERE))
def test_what_is_declared_is_of_the_question(name):
    """The degrees of what is kept can be made of the factors, which are those of the inputs."""
    operation = REGISTRY.operation(name)
    family = REGISTRY.family(operation.family)
    answered = [p for p in family.examples if operation.supports(p) is None]
    assert answered
    for problem in answered:
        met = operation.at_points(problem)
        degrees = [max(ir.l for _, ir in factor) for factor in met.factors]
        assert met.factors and all(ir.l <= sum(degrees) for _, ir in met.out)
        approximate = any(claim.kind == "by_knob" for claim in operation.claims)
        assert bool(met.activation) == approximate
