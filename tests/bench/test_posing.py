"""Poses: the words of all families, the steps of the main axis, examples in their place."""

from __future__ import annotations

import argparse

import pytest

from bench.ask.options import words_of
from bench.commands import analyse, line, posing
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


def planned(*words):
    """Return the problems that a command line of an analysis asks."""
    arguments = line.parser_of(["analyse", *words]).parse_args(["analyse", *words])
    return [one.case.problem for one in analyse._plan(arguments, REGISTRY).planned]


def test_each_generator_of_data_that_is_said_is_asked():
    words = "continuity", "--operation", "frame_averaging", "--implementation", "numpy_whole"
    asked = planned(*words, "--dtype", "float64", "--data", "even", "--data", "gap:0")
    one = planned(*words, "--dtype", "float64", "--data", "gap:0")
    assert [p for p in asked if p.data == "gap:0"] == one
    assert {p.data for p in asked} == {"even", "gap:0"} and len(asked) == 2 * len(one)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("quadrature --operation gaunt --lmax 1 --lmax 2", "said twice, 1 and 2"),
        ("continuity --operation gaunt --operation matrix", "said twice, gaunt and matrix"),
        (
            "continuity --operation frame_averaging --family cloud --data even --data gap:0",
            "said twice, even and gap:0",
        ),
    ],
)
def test_what_has_one_value_is_refused_when_it_is_said_twice(words, said, capsys):
    with pytest.raises(SystemExit) as ended:
        planned(*words.split())
    assert ended.value.code == 2 and said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("quadrature --operation grid_gated_product --lmax 6", "end at 2; ask it with --family"),
        ("continuity --operation frame_averaging --lmax 2", "its examples have no lmax"),
    ],
)
def test_words_that_examples_take_no_notice_of_are_refused(words, said):
    with pytest.raises(ValueError, match=said):
        planned(*words.split())
    assert planned(*words.split()[:-2])


def test_examples_up_to_what_is_said_are_asked():
    words = "quadrature", "--operation", "grid_gated_product", "--lmax", "2"
    assert {REGISTRY.family("feature").facets(p)["lmax"] for p in planned(*words)} == {2}
