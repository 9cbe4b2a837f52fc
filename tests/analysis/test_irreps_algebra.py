"""Properties that hold for all irreps and all selection rules, on drawn examples."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.channels import parallel_channels, selected_dimension
from analysis.expressivity import reachable_dimension, span_dimension
from analysis.reduced import allowed, allowed_triples
from impls.so3.irreps import Irrep, Irreps
from impls.so3.wigner import wigner_3j

EXAMPLES = settings(max_examples=25, deadline=None, derandomize=True)


def irreps(parities, largest=5):
    return st.builds(Irrep, st.integers(0, largest), st.sampled_from(parities))


GROUPS = st.sampled_from([(0,), (1, -1)])


@st.composite
def several(draw, count, largest=5):
    """Return irreps of one group."""
    parities = draw(GROUPS)
    return [draw(irreps(parities, largest)) for _ in range(count)]


@st.composite
def questions(draw):
    """Return coefficients with arbitrary selection rules, one copy of each irrep."""
    parities = draw(GROUPS)
    distinct = st.lists(irreps(parities, 3), min_size=1, max_size=4, unique=True)
    parts = tuple(tuple(draw(distinct)) for _ in range(3))
    paths = [
        (i, j, k)
        for i, a in enumerate(parts[0])
        for j, b in enumerate(parts[1])
        for k, c in enumerate(parts[2])
        if allowed(a, b, c)
    ]
    kept = draw(st.lists(st.sampled_from(paths), unique=True)) if paths else []
    sizes = st.floats(0.1, 10.0) | st.floats(-10.0, -0.1)
    return {path: draw(sizes) for path in kept}, parts


@EXAMPLES
@given(several(3))
def test_products_of_irreps(three):
    a, b, c = three
    assert sum(ir.dim for ir in a * b) == a.dim * b.dim
    assert Counter(a * b) == Counter(b * a)
    left = Counter(ir for first in a * b for ir in first * c)
    right = Counter(ir for second in b * c for ir in a * second)
    assert left == right
    assert [ir for ir in a * b if allowed(a, b, ir)] == list(a * b)
    assert len({allowed(*order) for order in permutations(three)}) == 1
    assert len(allowed_triples([a], [b], a * b)) == len(a * b)


@EXAMPLES
@given(several(4))
def test_sums_are_read_as_they_are_written(several_irreps):
    total = Irreps(tuple((n, ir) for n, ir in enumerate(several_irreps, 1)))
    assert Irreps.parse(str(total)) == total
    assert total.dim == sum(n * ir.dim for n, ir in enumerate(several_irreps, 1))
    assert total.slices()[-1].stop == total.dim


@EXAMPLES
@given(several(2, largest=3), st.data())
def test_exchange_of_inputs(two, data):
    a, b = two
    c = data.draw(st.sampled_from(a * b))
    sign = (-1) ** (a.l + b.l + c.l)
    swapped = wigner_3j(b.l, a.l, c.l).transpose(1, 0, 2)
    np.testing.assert_allclose(swapped, sign * wigner_3j(a.l, b.l, c.l), atol=1e-12)


@EXAMPLES
@given(questions())
def test_bounds_of_what_is_reached(question):
    coefficients, parts = question
    rank = reachable_dimension(coefficients, *parts)
    span = span_dimension(coefficients, *parts)
    assert rank.verdict == "certain"
    assert rank.value <= span == len(coefficients) <= len(allowed_triples(*parts))
    if coefficients:
        assert 1 <= rank.value <= sum(map(len, parts)) - 2


@EXAMPLES
@given(questions())
def test_channels_follow_from_the_selection_rules(question):
    coefficients, parts = question
    found = parallel_channels(coefficients, *parts)
    values = [rank.value for rank in found.dimensions]
    assert values == sorted(set(values)), "every channel adds something until the span"
    assert values[-1] == found.span and found.verdict == "certain"
    for channels, value in enumerate(values, 1):
        assert value <= channels * values[0]
        assert selected_dimension(coefficients, *parts, channels) == value


@EXAMPLES
@given(questions(), st.integers(0, 2**32 - 1))
def test_scales_of_irreps_change_nothing(question, seed):
    coefficients, parts = question
    rng = np.random.default_rng(seed)
    scales = [rng.uniform(0.2, 5.0, len(part)) for part in parts]
    scaled = {
        (i, j, k): value * scales[0][i] * scales[1][j] * scales[2][k]
        for (i, j, k), value in coefficients.items()
    }
    before, after = (reachable_dimension(c, *parts) for c in (coefficients, scaled))
    assert before.value == after.value
