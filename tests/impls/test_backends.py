"""Members of the backends mean the same in every framework."""

import numpy as np
import pytest

from impls.backends import load
from impls.families.product import problem
from impls.implementation import FRAMEWORKS, Target

A = np.random.default_rng(0).standard_normal((4, 3, 5)).astype(np.float32)
INDEX = np.array([2, 0, 2])


@pytest.fixture(params=FRAMEWORKS)
def b(request):
    pytest.importorskip(request.param)
    return load(request.param, problem("siso", 1, dtype="float32"), Target())


def test_take_picks_entries_of_an_axis(b):
    a, index = b.table(A), b.index(INDEX)
    np.testing.assert_array_equal(np.asarray(b.take(a, index)), A[..., INDEX])
    for axis in range(3):
        np.testing.assert_array_equal(np.asarray(b.take(a, index, axis)), A.take(INDEX, axis))


def test_bmm_is_one_matrix_product_for_each_entry_of_the_first_axis(b):
    a = b.table(A)
    found = np.asarray(b.bmm(a, b.contiguous(a.swapaxes(1, 2))))
    np.testing.assert_allclose(found, np.einsum("nij,nkj->nik", A, A), rtol=1e-5)


def test_is_negative_is_a_factor_that_keeps_the_data_type(b):
    a = b.table(np.array([-2.0, -0.0, 0.0, 3.0]))
    sign = 1 - 2 * b.is_negative(a)
    np.testing.assert_array_equal(np.asarray(sign), [-1, 1, 1, 1])
    assert np.asarray(sign * a).dtype == np.float32
