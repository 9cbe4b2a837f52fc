"""An implementation says which packages it lacks."""

from dataclasses import replace

import pytest

from impls.implementation import Implementation


def requiring(*names):
    return Implementation(
        "gaunt", "mine", "numpy", build=lambda problem, target, options: None, requires=names
    )


def test_nothing_is_missing_where_everything_is_there():
    assert requiring().missing() is None
    assert requiring("json", "importlib.metadata", "xml.etree.ElementTree").missing() is None


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("nobody_has",), "not installed: nobody_has (pip install nobody_has)"),
        (("nobody_has.part",), "not installed: nobody_has.part (pip install nobody_has)"),
        (("json.nobody_has",), "not installed: json.nobody_has (pip install json)"),
        (
            ("nobody_has", "json", "nobody_has.part.of"),
            "not installed: nobody_has, nobody_has.part.of (pip install nobody_has)",
        ),
    ],
)
def test_what_is_missing_is_named_with_its_package(names, said):
    """A part of a package that is not there is missing, and no exception."""
    assert str(requiring(*names).missing()) == said


def test_what_installs_a_package_of_another_name_is_said():
    implementation = replace(requiring("nobody_has"), remedy="pip install nobody-has")
    assert str(implementation.missing()) == "not installed: nobody_has (pip install nobody-has)"
