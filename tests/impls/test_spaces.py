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
    """Every Space of the examples that has gradients, of inputs, weights and outputs.

    Not what an operation masks: entries that have no partner are lost when a group moves them.
    """
    operations = [o for o in REGISTRY.operations.values() if o.family == family.name]
    for problem in family.examples:
        found = dict(family.inputs(problem))
        for operation in operations:
            if operation.supports(problem) is None:
                outputs = {} if operation.mask else operation.outputs(problem)
                both = {**operation.weights(problem), **outputs}
                found |= {f"{operation.name}.{name}": space for name, space in both.items()}
        yield (
            problem,
            {name: space for name, space in found.items() if space.kind == "real" and space.grad},
        )


LOSE = {"zero_fill_shift", "interpolated_rotation"}
"""Subgroups by name that are none: an image that they move loses something."""


def elements_of(group, rng):
    """Return one element of the group, unless a part of it loses something, and of each part."""
    parts = [part for name, part in group.subgroups.items() if name not in LOSE]
    whole = [group] if len(parts) == len(group.subgroups) else []
    return [g for part in (*whole, *parts) for g in part.sample(rng, 1)]


@pytest.mark.parametrize("name", FAMILIES)
def test_pairing_of_gradients_and_changes_is_invariant(name):
    """<d, a - b> of a gradient d, moved by `gradient()`, and two arrays; <d, a> if it is linear."""
    family, rng = REGISTRY.family(name), np.random.default_rng(0)
    for problem, spaces in spaces_of(family):
        elements = elements_of(family.group(problem), rng)
        assert spaces and elements
        for key, space in spaces.items():
            a, b, d = (space.sample(rng) for _ in range(3))
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
