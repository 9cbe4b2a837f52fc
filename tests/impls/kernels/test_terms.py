"""Terms by component are the coefficients of the form again."""

import itertools

import numpy as np
import pytest

from impls.kernels.form import TrilinearForm
from impls.kernels.graph import Convolution, Edges
from impls.kernels.rows import Rows
from impls.kernels.terms import terms_of

RNG = np.random.default_rng(4)
TABLE = RNG.standard_normal((3, 4, 5)) * (RNG.random((3, 4, 5)) < 0.4)
TABLE[..., 2] = 0
PATHS = ((0, 0, 0, TABLE[:2]), (1, 0, 5, TABLE[:, :2]))


def dense(weighted):
    """Return the coefficients of a convolution [x, s, path, z]; without weights [x, s, z]."""
    found = np.zeros((4, 4, 2, 10))
    for p, (i, j, k, tensor) in enumerate(PATHS):
        a, b, c = tensor.shape
        found[i : i + a, j : j + b, p, k : k + c] += tensor
    return found if weighted else found.sum(2)


@pytest.mark.parametrize(
    "kernel, table",
    [
        (Rows(TrilinearForm.dense(TABLE)), TABLE),
        (Edges(Convolution((4, 4, 10), PATHS)), dense(True)),
        (Edges(Convolution((4, 4, 10), PATHS, weighted=False)), dense(False)),
    ],
)
def test_terms_of_each_slot_are_the_coefficients(kernel, table):
    for slot in range(table.ndim):
        terms, found = terms_of(kernel, slot), np.zeros(table.shape)
        for a, (begin, end) in enumerate(itertools.pairwise(terms.first)):
            for t in range(begin, end):
                place = terms.places[:, t]
                assert place[slot] == a
                found[tuple(place)] += terms.numbers[t]
        np.testing.assert_array_equal(found, table)
        assert len(terms.first) == table.shape[slot] + 1
        assert terms.first[0] == 0 and terms.first[-1] == len(terms.numbers)
        assert terms.places.flags.c_contiguous
