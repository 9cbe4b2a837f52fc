"""The catalogue: what is derived without measuring, and what is declared, against known values."""

from __future__ import annotations

from dataclasses import replace

import pytest

from analysis import catalogue
from analysis.reduced import allowed_triples, labels
from impls.growth import Growth
from impls.implementation import Implementation
from impls.registry import load
from impls.so3.irreps import degrees

COUPLED = {
    "clebsch_gordan": (19, 19), "channelwise": (19, 19), "gaunt": (14, 19), "matrix": (19, 19),
    "poisson_bracket": (5, 19), "gaunt_bracket": (19, 19), "fused_matrix": (19, 19),
    "spin_gaunt": (19, 19),
}  # fmt: skip
REACHED = {
    "clebsch_gordan": (6, 19, 44, 85),
    "channelwise": (6, 19, 44, 85),
    "gaunt": (5, 9, 13, 17),
    "matrix": (5, 9, 13, 17),
    "poisson_bracket": (1, 5, 9, 13),
    "gaunt_bracket": (6, 12, 18, 24),
    "spin_gaunt": (5, 9, 13, 17),
    "fused_matrix": (6, 16, 26, 36),
    "cartesian_matrix": (5, None, None, None),
}


@pytest.fixture(scope="module")
def registry():
    return load()


def known(registry, name):
    operation = registry.operation(name)
    family = registry.family(operation.family)
    return catalogue.entry(operation, family, registry.implementations_of(name))


@pytest.mark.parametrize("name", sorted(COUPLED))
def test_coupled_paths_at_degree_two(registry, name):
    assert known(registry, name).paths == COUPLED[name]


@pytest.mark.parametrize("name", sorted(REACHED))
def test_dimensions_of_degrees_one_to_four(registry, name):
    assert known(registry, name).dimensions == REACHED[name]


def test_all_paths_are_counted_whatever_the_operation_puts_out(registry):
    """19 paths exist at lmax 2; the bracket's output has nothing of degrees that it never meets."""
    asked = labels(str(degrees(range(3)))), labels(str(degrees(range(5))))
    assert len(allowed_triples(asked[0], asked[0], asked[1])) == 19
    only = registry.family("product").pose(2).with_sizes(irreps_out="1x1")
    family = replace(registry.family("product"), pose=lambda lmax: only)
    assert catalogue.paths(registry.operation("clebsch_gordan"), family, 2) == (6, 19)


def test_what_cannot_be_derived_is_none(registry):
    for name in ("gate", "escn", "clifford", "symmetric_contraction", "low_rank"):
        assert known(registry, name).paths is None
        assert known(registry, name).dimensions is None
    assert known(registry, "cartesian_matrix").paths is None, "degree 4 is refused"
    without = replace(registry.operation("gaunt"), coefficients=None)
    assert catalogue.dimensions(without, registry.family("product"), (1,)) is None
    one_input = replace(registry.operation("gaunt"), linear_in=(("x", 1),))
    assert catalogue.paths(one_input, registry.family("product"), 2) is None


@pytest.mark.parametrize(
    ("growth", "text"),
    [
        ({"lmax": 5, "channels": 1}, "O(L^5 C)"),
        ({"lmax": 3, "channels": 2}, "O(L^3 C^2)"),
        ({"lmax": 0, "channels": 1}, "O(C)"),
        ({"lmax": 0, "channels": 0}, "O(1)"),
        ({"lmax": 2.5}, "O(L^2.5)"),
        ({"lmax": float("inf"), "channels": 1}, "O(exp(L) C)"),
        ({"width": 2}, "O(width^2)"),
        ({}, ""),
    ],
)
def test_orders_read_as_they_are_written(growth, text):
    assert catalogue.order(Growth(growth)) == text


def test_the_best_algorithm_is_named_where_it_beats_the_operation(registry):
    assert known(registry, "clebsch_gordan").cost == "O(L^5 C)"
    found = known(registry, "gaunt")
    assert found.cost == "O(L^5 C), at best O(L^3 C)"
    assert found.implementations["torch_lebedev"] == "O(L^4 C)"
    assert known(registry, "clebsch_gordan").implementations["torch_cartesian"] == "O(exp(L) C)"
    assert known(registry, "clebsch_gordan").implementations["torch_sparse"] == "O(L^5 C)"


def test_an_undeclared_growth_promises_nothing(registry):
    operation = replace(registry.operation("gaunt"), growth=Growth({}))
    silent = Implementation("gaunt", "silent", "numpy", build=lambda p, t, o: None)
    slow = replace(silent, name="slow", growth=Growth({"lmax": 9, "channels": 1}))
    found = catalogue.entry(operation, registry.family("product"), [silent, slow])
    assert found.implementations == {"silent": "", "slow": "O(L^9 C)"}
    assert found.order == "" and found.cost == ""


def test_closed_forms_of_the_dimensions(registry):
    family, degrees_asked = registry.family("product"), range(1, 6)

    def truncated(lmax):
        asked = family.pose(lmax)
        return asked.with_sizes(irreps_out=asked.sizes["irreps_in1"])

    cut = replace(family, pose=truncated)
    for name, whole, part in (
        ("gaunt", lambda n: 4 * n + 1, lambda n: 3 * n + 1),
        ("matrix", lambda n: 4 * n + 1, lambda n: 3 * n + 1),
        ("fused_matrix", lambda n: 10 * n - 4, lambda n: 6 * n - (n == 1)),
        ("clebsch_gordan", lambda n: (n + 1) * (2 * n * n + 4 * n + 3) // 3, None),
    ):
        operation = registry.operation(name)
        found = catalogue.dimensions(operation, family, degrees_asked)
        assert found == tuple(whole(n) for n in degrees_asked)
        if part is not None:
            found = catalogue.dimensions(operation, cut, degrees_asked)
            assert found == tuple(part(n) for n in degrees_asked)
