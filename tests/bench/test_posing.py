"""Poses: the words of all families, the steps of the main axis, examples in their place."""

from __future__ import annotations

import argparse

import pytest

from bench.ask.options import words_of
from bench.commands import posing
from impls.registry import load

REGISTRY = load()
POSED = sorted(name for name, family in REGISTRY.families.items() if family.pose)


def test_a_pose_begins_with_the_main_axis_and_its_words_have_defaults():
    for name in POSED:
        family = REGISTRY.family(name)
        first, *others = words_of(family.pose).values()
        assert (first.name, first.required) == (family.axes[0], True)
        assert not any(option.required for option in others)


def test_the_main_axis_is_the_first_number_of_the_facets():
    for name, family in REGISTRY.families.items():
        for problem in family.examples:
            numbers = [n for n, v in family.facets(problem).items() if not isinstance(v, str)]
            assert numbers[0] == family.axes[0], name


def test_words_of_all_families_are_options():
    parser = argparse.ArgumentParser()
    posing.add(parser, REGISTRY)
    arguments = parser.parse_args(["--setting", "dot", "--lmax", "3"])
    assert posing.said(arguments) == {"setting": "dot", "lmax": "3"}
    assert posing.said(parser.parse_args([])) == {}
    with pytest.raises(SystemExit):
        parser.parse_args(["--setting", "dots"])


def test_poses_run_up_to_what_is_said():
    product = REGISTRY.family("product")
    posed = posing.posed(product, {"lmax": "3", "symmetry": "o3"})
    assert [product.facets(p)["lmax"] for p in posed] == [1, 2, 3]
    assert {product.facets(p)["symmetry"] for p in posed} == {"o3"}
    assert posing.posed(product, {}) == posing.posed(product, {"lmax": str(posing.LARGEST)})
    with pytest.raises(ValueError, match="setting 'dot'"):
        posing.posed(product, {"setting": "dot"})
    with pytest.raises(ValueError, match="family multivector has no lmax: ask it with --family"):
        posing.posed(REGISTRY.family("multivector"), {"lmax": "2"})


def test_examples_stand_in_as_far_as_they_are_as_said():
    family, operation = REGISTRY.family("product"), REGISTRY.operation("clifford")
    found = posing.examples(family, operation, {})
    assert found and not posing.answered(operation, family, {})
    assert posing.examples(family, operation, {"lmax": "1", "symmetry": "o3"}) == found
    assert posing.examples(family, operation, {"symmetry": "so3"}) == []
    assert posing.answered(REGISTRY.operation("gaunt"), family, {})
