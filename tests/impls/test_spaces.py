"""Spaces: gradients move so that their pairing with changes of the array is invariant."""

from __future__ import annotations

import numpy as np
import pytest

from impls.groups import euclidean, orthogonal
from impls.registry import load
from impls.spaces import Space

REGISTRY = load()
FAMILIES = sorted(REGISTRY.families)


def spaces_of(family):
    """Every real Space of the examples: of inputs, weights and outputs, with the problem."""
    operations = [o for o in REGISTRY.operations.values() if o.family == family.name]
    for problem in family.examples:
        found = dict(family.inputs(problem))
        for operation in operations:
            if operation.supports(problem) is None:
                both = {**operation.weights(problem), **operation.outputs(problem)}
                found |= {f"{operation.name}.{name}": space for name, space in both.items()}
        yield problem, {name: space for name, space in found.items() if space.kind == "real"}


def elements_of(group, rng):
    """Return one element of the group and of each subgroup; what loses pixels is none."""
    subgroups = [part for name, part in group.subgroups.items() if name != "zero_fill_shift"]
    return [g for part in (group, *subgroups) for g in part.sample(rng, 1)]


@pytest.mark.parametrize("name", FAMILIES)
def test_pairing_of_gradients_and_changes_is_invariant(name):
    """<d, a - b> of a gradient d, moved by `gradient()`, and two arrays; <d, a> if it is linear."""
    family, rng = REGISTRY.family(name), np.random.default_rng(0)
    for problem, spaces in spaces_of(family):
        elements = elements_of(family.group(problem), rng)
        assert spaces and elements
        for key, space in spaces.items():
            a, b, d = (rng.standard_normal(space.shape) for _ in range(3))
            size = np.linalg.norm(d) * np.linalg.norm(a - b)
            for g in elements:
                moved = space.act(g, a) - space.act(g, b)
                found = np.vdot(space.gradient().act(g, d), moved)
                assert abs(found - np.vdot(d, a - b)) <= 1e-12 * size, (key, problem)


def test_gradient_of_the_gradient_moves_as_the_array():
    def act(g, a):
        return a @ g[:3, :3].T + g[:3, 3]

    def dual(g, a):
        return a @ g[:3, :3].T

    space = Space((4, 3), act, irreps="1o", dual=dual)
    assert space.gradient() == Space((4, 3), dual, irreps="1o", dual=act)
    assert space.gradient().gradient() == space
    orthogonal_action = Space((4, 3), dual)
    assert orthogonal_action.gradient().act is orthogonal_action.act
    (g,) = euclidean(orthogonal()).sample(np.random.default_rng(1), 1)
    assert np.abs(space.act(g, np.zeros((4, 3))) - g[:3, 3]).max() == 0


@pytest.mark.parametrize(("family", "name"), [("points", "r"), ("multivector", "x")])
def test_translations_tell_gradients_from_arrays(family, name):
    """Moved as the array is, the gradient of positions or multivectors changes the pairing."""
    chosen, rng = REGISTRY.family(family), np.random.default_rng(2)
    problem = chosen.examples[0]
    space = chosen.inputs(problem)[name]
    (g,) = chosen.group(problem).subgroups["translation"].sample(rng, 1)
    a, b, d = (rng.standard_normal(space.shape) for _ in range(3))
    before, after = np.vdot(d, a - b), np.vdot(space.act(g, d), space.act(g, a) - space.act(g, b))
    assert abs(after - before) > 0.01 * abs(before)
