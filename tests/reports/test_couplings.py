"""What couples with what: the figure in words, against the selection rules."""

from __future__ import annotations

import re

import numpy as np
import pytest

from impls.registry import load
from reports.figures import couplings


@pytest.fixture(scope="module")
def maps():
    return couplings.maps(load())


def test_products_of_two_inputs_have_a_matrix(maps):
    assert {"clebsch_gordan", "gaunt", "matrix", "poisson_bracket"} <= set(maps)
    assert "gate" not in maps and "symmetric_contraction" not in maps


def test_gaunt_couples_even_sums_and_the_bracket_odd_ones(maps):
    for name, parity in (("gaunt", 0), ("poisson_bracket", 1)):
        matrix = maps[name]
        for i, (first, second) in enumerate(matrix.rows):
            for j, third in enumerate(matrix.columns):
                value = matrix.values[i, j]
                if not np.isnan(value) and abs(value) > 1e-12:
                    assert (first.l + second.l + third.l) % 2 == parity
    said = couplings.alt(maps)
    assert "clebsch_gordan couples 19 of 19" in said and "gaunt couples 14 of 19" in said


@pytest.mark.slow
def test_the_drawing_has_a_panel_each_and_the_same_bytes(maps):
    svg, pdf, panels = couplings.draw(maps)
    assert all(re.search(rf">\s*{name}\s*<", svg) for name in maps)
    assert len(panels) == len(maps) and all(map(re.search, maps, panels))
    assert pdf[:4] == b"%PDF" and couplings.draw(maps) == (svg, pdf, panels)
