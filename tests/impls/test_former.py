"""What files of the first edition say is accepted for one version, with a line on what to write."""

from __future__ import annotations

import pytest

from impls.family import Ask, Family
from impls.growth import Growth
from impls.implementation import Implementation
from impls.operation import Exactness, Operation, SymmetryClaim
from impls.registry import load

FAMILY = load().family("product")
FIELDS = dict(
    name="former", family="product", summary="as it was", papers=(), outputs=None, oracle=None,
    cost=None,
)  # fmt: skip
CLAIMS = {
    Exactness("exact", ("rotation", "inversion")): (
        SymmetryClaim("rotation"), SymmetryClaim("inversion"),
    ),
    Exactness("approximate", ("rotation",), "resolution", 1e-3): (
        SymmetryClaim("rotation", "by_knob", "resolution"),
    ),
    Exactness("approximate", ("rotation",)): (),
    Exactness("learned", ("rotation",)): (SymmetryClaim("rotation", "learned"),),
}  # fmt: skip


@pytest.mark.parametrize("was", CLAIMS, ids=lambda was: f"{was.kind}-{was.knob}")
def test_an_exactness_is_claims(was):
    with pytest.warns(FutureWarning, match=r"Operation\(exactness=.*: write claims="):
        operation = Operation(**FIELDS, exactness=was)
    assert operation.claims == CLAIMS[was]


def test_growth_was_a_mapping():
    with pytest.warns(FutureWarning, match=r"write growth=Growth"):
        operation = Operation(**FIELDS, claims=(), growth={"lmax": 5})
    assert operation.growth == Growth({"lmax": 5})


def test_profiles_of_an_implementation_are_left_out():
    with pytest.warns(FutureWarning, match=r"Implementation\(profiles=.*except_implementations"):
        found = Implementation("gaunt", "mine", "torch", build=print, profiles=("paper",))
    assert found == Implementation("gaunt", "mine", "torch", build=print)


def test_a_familys_profile_check_is_its_examples():
    fields = {
        name: getattr(FAMILY, name) for name in ("check", "group", "inputs", "draw", "facets")
    }
    asks = tuple(map(Ask, FAMILY.examples[:2]))
    with pytest.warns(FutureWarning, match=r"Family\(profiles=.*: write examples="):
        family = Family("former", **fields, profiles={"check": lambda: asks, "paper": None})
    assert family.examples == FAMILY.examples[:2]


def test_what_never_was_is_refused():
    with pytest.raises(TypeError, match="unexpected keyword argument 'profile'"):
        Implementation("gaunt", "mine", "torch", build=print, profile=("paper",))
