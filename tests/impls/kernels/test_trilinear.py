"""The kernel of trilinear forms against einsum of the coefficients, in every framework."""

import itertools
import time
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest

from impls.families import product
from impls.kernels import numpy as native
from impls.kernels.derivative import value
from impls.kernels.form import TrilinearForm
from impls.kernels.program import ADDED, BUTTERFLY, LINEAR, PRODUCT, SCALED, Plan, program
from impls.kernels.rows import Rows
from impls.products import forms
from impls.products.clebsch_gordan.operation import paths_of

RNG = np.random.default_rng(0)
LETTERS = "ijk"


def random_form(dims=(5, 7, 6), filled=0.4):
    return TrilinearForm.dense(RNG.standard_normal(dims) * (RNG.random(dims) < filled))


def coupling_form(lmax=2):
    asked = product.problem("mimo", lmax, "o3")
    first, second, _ = product.irreps_of(asked)
    return forms.of_paths((first.dim, second.dim), paths_of(asked))


def diagonal_form():
    table = np.zeros((6, 6, 6))
    table[range(6), range(6), range(6)] = RNG.standard_normal(6)
    return TrilinearForm.dense(table)


FORMS = {
    "random": random_form(),
    "full": random_form((3, 2, 20), 1.1),
    "wide": random_form((40, 3, 2)),
    "one": random_form((1, 1, 1), 1.1),
    "diagonal": diagonal_form(),
    "coupling": coupling_form(),
}


def table_of(form):
    table = np.zeros(form.dims)
    table[tuple(form.places.T)] = form.values
    return table


def expected(form, derivative, given):
    """Return the outputs of a derivative by einsum, in float64."""
    arrays, table, found = dict(zip(derivative.given, given, strict=True)), table_of(form), []
    for a in derivative.wanted:
        total = np.zeros((len(given[0]), form.dims[derivative.slots[a]]))
        for term in derivative.terms:
            if a in term:
                slot = term.index(a)
                others = [n for n in range(3) if n != slot]
                letters = ",".join(f"n{LETTERS[n]}" for n in others)
                total += np.einsum(
                    f"ijk,{letters}->n{LETTERS[slot]}", table, *(arrays[term[n]] for n in others)
                )
        found.append(total)
    return found


def evaluated(form, derivative, given, dtype, threads=1):
    kernel = Rows(form)
    function = native.Function(kernel, derivative, dtype, threads)
    arrays = [np.ascontiguousarray(a, dtype) for a in given]
    shapes, counts = function.sizes(tuple(a.shape for a in arrays))
    outputs = [np.full(shape, np.nan, dtype) for shape in shapes]
    function([a.ctypes.data for a in (*arrays, *outputs)], counts)
    return outputs


def drawn(form, derivative, rows):
    return [RNG.standard_normal((rows, form.dims[derivative.slots[a]])) for a in derivative.given]


def derivatives():
    """The map, its gradients, those of these, and some of the third order."""
    map_ = value(3)
    yield map_
    first = [map_.gradient([0], to) for to in ([0], [1], [0, 1])]
    yield from first
    for outputs, to in itertools.product(([0], [1], [0, 1]), ([0], [2], [0, 1, 2])):
        yield first[2].gradient(outputs, to)
    second = first[2].gradient([0, 1], [0, 1, 2])
    yield second.gradient([0, 2], [0, 1, 2, 3])


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tables_of_derivatives_of_any_order_are_einsums(name, dtype):
    form, digits = FORMS[name], {"float32": 2e-6, "float64": 1e-14}[dtype]
    for derivative in derivatives():
        for rows in (1, 37):
            given = drawn(form, derivative, rows)
            pairs = zip(
                evaluated(form, derivative, given, dtype),
                expected(form, derivative, given),
                strict=True,
            )
            for found, wanted in pairs:
                scale = max(1.0, np.abs(wanted).max())
                np.testing.assert_allclose(found, wanted, rtol=0, atol=20 * digits * scale)


def test_any_number_of_samples_fits_the_tiles():
    form, map_ = FORMS["coupling"], value(3)
    for rows in (0, 1, 15, 16, 31, 32, 33, 64, 65, 100):
        given = drawn(form, map_, rows)
        (found,) = evaluated(form, map_, given, "float64")
        np.testing.assert_allclose(found, expected(form, map_, given)[0], rtol=0, atol=1e-12)


def test_nothing_is_written_beside_the_outputs():
    form, map_ = FORMS["full"], value(3)
    function = native.Function(Rows(form), map_, "float32", 1)
    for rows in (1, 31, 32, 33):
        given = [a.astype("float32") for a in drawn(form, map_, rows)]
        around = np.full((rows + 2, form.dims[2]), 7.0, "float32")
        _, counts = function.sizes(tuple(a.shape for a in given))
        function([*(a.ctypes.data for a in given), around[1:].ctypes.data], counts)
        assert (around[[0, -1]] == 7).all() and np.isfinite(around).all()


def test_threads_find_the_same():
    form = FORMS["coupling"]
    for derivative in (value(3), value(3).gradient([0], [0, 1])):
        given = drawn(form, derivative, 500)
        one, two = (evaluated(form, derivative, given, "float32", threads) for threads in (1, 2))
        for a, b in zip(one, two, strict=True):
            np.testing.assert_array_equal(a, b)


def kinds(found):
    """Return how many terms a program has of each kind of row, by its words."""
    words, counted = found.words.tolist(), dict.fromkeys(range(1, 6), 0)
    at = 3 + words[0] + words[1]
    while words[at]:
        kind, terms, rows = words[at : at + 3]
        counted[kind] += terms * rows
        at += 3 + rows * (1 + terms * (1 if kind in (LINEAR, BUTTERFLY) else 2))
    assert at == len(words) - 1
    return counted


def test_products_are_formed_once_and_coefficients_that_agree_are_folded():
    form = coupling_form(4)
    found = kinds(program(form, value(3)))
    pairs = len(np.unique(form.places[:, :2], axis=0))
    assert found[PRODUCT] == pairs and found[SCALED] == 0
    assert found[LINEAR] < 0.6 * len(form.values)


def test_gradients_multiply_each_coefficient_once():
    form = coupling_form(4)
    found = kinds(program(form, value(3).gradient([0], [0, 1])))
    pairs = len(np.unique(form.places[:, :2], axis=0))
    assert found[PRODUCT] + found[ADDED] == 2 * pairs
    assert found[LINEAR] < 0.6 * len(form.values)


def test_a_form_without_shared_products_is_written_directly():
    found = kinds(program(diagonal_form(), value(3)))
    assert found[SCALED] == 6 and found[LINEAR] == found[PRODUCT] == 0


@dataclass(frozen=True)
class Written(Rows):
    """A kernel whose table is written in one way, whatever it costs."""

    way: str = "direct"

    def table(self, derivative):
        plan = Plan(self.form, derivative)
        return plan.table(getattr(plan, self.way)())


def timed(form, derivative, kernels):
    """Return a call of each kernel that returns how long it took, on samples that fit a cache.

    All read and write the same arrays: calls of microseconds take a quarter longer or shorter by
    where arrays lie.
    """
    functions = [native.Function(kernel, derivative, "float32", 1) for kernel in kernels]
    given = [a.astype("float32") for a in drawn(form, derivative, 1024)]
    shapes, counts = functions[0].sizes(tuple(a.shape for a in given))
    arrays = [*given, *(np.empty(shape, "float32") for shape in shapes)]
    pointers = [a.ctypes.data for a in arrays]

    def call(function, arrays=arrays):
        began = time.perf_counter()
        function(pointers, counts)
        return time.perf_counter() - began

    return [partial(call, function) for function in functions]


def slower(form, derivative):
    """Return how many times as long the chosen table takes as the better of both."""
    written = [Written(form, way) for way in ("direct", "pivoted")]
    calls = timed(form, derivative, [Rows(form), *written])
    turns = np.array([[call() for call in calls] for _ in range(60)])
    took, *known = np.quantile(turns, 0.2, axis=0)
    return took / min(known)


@pytest.mark.alone
def test_costs_choose_no_table_that_is_much_slower_than_the_other():
    """By the median of five: equal tables of a few microseconds differ by up to a quarter once."""
    first = value(3).gradient([0], [0, 1])
    forms_ = coupling_form(1), coupling_form(2), coupling_form(4), FORMS["full"], diagonal_form()
    for form in forms_:
        for derivative in (value(3), first, first.gradient([0, 1], [0, 1, 2])):
            found = [slower(form, derivative) for _ in range(5)]
            assert np.median(found) < 1.25, (form.dims, derivative, found)


def test_a_form_sums_its_blocks_and_drops_zeros():
    block = np.array([[[1.0, 2.0]]])
    form = TrilinearForm.of((2, 2, 2), [(0, 0, 0, block), (0, 0, 0, -block), (1, 1, 0, block)])
    assert form.places.tolist() == [[1, 1, 0], [1, 1, 1]] and form.values.tolist() == [1.0, 2.0]
    same = TrilinearForm.of((2, 2, 2), [(1, 1, 0, block)])
    assert same.digest == form.digest != FORMS["one"].digest
    with pytest.raises(ValueError, match="has no coefficient"):
        TrilinearForm.of((2, 2, 2), [(0, 0, 0, 0 * block)])


def test_arrays_of_other_shapes_are_refused_by_shape():
    call = native.bind(Rows(FORMS["random"]), "float64", 1)
    with pytest.raises(ValueError, match=r"got an array \(3, 5\), not \(4, 7\)|not \(3, 7\)"):
        call(np.zeros((3, 5)), np.zeros((4, 7)))
