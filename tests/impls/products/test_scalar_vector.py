"""Products of scalars and vectors: each output what its name says, no degree 2."""

import numpy as np
import pytest

from analysis.expressivity import reachable_dimension
from analysis.reduced import labels
from impls.families.product import FAMILY, VECTORS, ask
from impls.products.scalar_vector.operation import OPERATION, irreps_out
from impls.so3.wigner import wigner_3j
from impls.streams import Streams

PROBLEMS = [
    ask(irreps_in1=VECTORS, irreps_out=out, channels=3, batch=4, dtype="float64")
    for out in (VECTORS, f"{VECTORS}+1e")
]


def draw(asked):
    return FAMILY.draw(asked, Streams(asked.seed))


def test_outputs_are_the_named_products():
    arrays = draw(PROBLEMS[1])
    (s, v), (t, u) = ((a[..., :1], a[..., 1:]) for a in arrays.values())
    wanted = [s * t, (v * u).sum(-1, keepdims=True), s * u, t * v, np.cross(v, u)]
    found = OPERATION.oracle(PROBLEMS[1], arrays, {})["z"]
    np.testing.assert_allclose(found, np.concatenate(wanted, -1), atol=1e-14)


@pytest.mark.parametrize(("asked", "dimension"), [(PROBLEMS[0], 4), (PROBLEMS[1], 5)])
def test_coefficients_and_dimension(asked, dimension):
    """Each path is free; the sixth path of the full product, to degree 2, is missing."""
    found = OPERATION.coefficients(asked)
    parts = labels(VECTORS), labels(VECTORS), labels(str(irreps_out(asked)))
    assert reachable_dimension(found, *parts).value == len(found) == dimension
    x, y = np.repeat(np.eye(4), 4, axis=0)[:, None], np.tile(np.eye(4), (4, 1))[:, None]
    table = OPERATION.oracle(asked, {"x": x, "y": y}, {})["z"].reshape(4, 4, -1)
    ends = irreps_out(asked).slices()
    places = slice(0, 1), slice(1, 4)
    for (i1, i2, i3), w in found.items():
        degrees = parts[0][i1].l, parts[1][i2].l, parts[2][i3].l
        block = table[places[i1], places[i2], ends[i3]]
        np.testing.assert_allclose(block, w * wigner_3j(*degrees), atol=1e-15)


@pytest.mark.parametrize(
    ("sizes", "reason"),
    [
        ({"irreps_in1": "1x0e+1x1o+1x2e"}, "is not a scalar and a vector each (use 0e+1o)"),
        ({"irreps_in2": "1x1o+1x0e"}, "is not a scalar and a vector each (use 0e+1o)"),
        ({"irreps_out": "1x0e+1x1o+1x2e"}, "scalars and vectors give 0e+1o, with or without 1e"),
        ({"irreps_out": "1x0e"}, "scalars and vectors give 0e+1o, with or without 1e"),
    ],
)
def test_refusals_name_the_reason(sizes, reason):
    assert reason in str(OPERATION.supports(PROBLEMS[0].with_sizes(**sizes)))
