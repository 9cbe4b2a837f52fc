"""Expressivity output by output: the parts of known wholes."""

from __future__ import annotations

import pytest

from analysis.outputs import by_output
from analysis.reduced import allowed_triples, labels
from impls.families.product import problem
from impls.products.clebsch_gordan.operation import OPERATION as CLEBSCH_GORDAN
from impls.products.gaunt.operation import OPERATION as GAUNT


def parts_of(operation, symmetry, lmax):
    asked = problem("mimo", lmax, symmetry, batch=1, dtype="float64")
    output = next(iter(operation.outputs(asked).values()))
    one = labels(str(asked.sizes["irreps_in1"]))
    return by_output(operation.coefficients(asked), one, one, labels(output.irreps))


def test_gaunt_of_natural_parity():
    found = {p.name: (p.dim.value, p.span, p.full) for p in parts_of(GAUNT, "o3", 2)}
    assert found == {
        "all": (9, 14, 14), "e": (6, 8, 8), "o": (5, 6, 6),
        "0e": (3, 3, 3), "1o": (4, 4, 4), "2e": (4, 4, 4), "3o": (2, 2, 2), "4e": (1, 1, 1),
    }  # fmt: skip


def test_degrees_have_no_parities():
    found = parts_of(GAUNT, "so3", 2)
    assert [part.name for part in found] == ["all", "0", "1", "2", "3", "4"]
    assert [(p.span, p.full) for p in found] == [(14, 19), (3, 3), (4, 6), (4, 6), (2, 3), (1, 1)]


@pytest.mark.parametrize("symmetry", ["so3", "o3"])
def test_the_parts_add_up(symmetry):
    for operation in (GAUNT, CLEBSCH_GORDAN):
        whole, *rest = parts_of(operation, symmetry, 3)
        irreps = [part for part in rest if part.name not in ("e", "o")]
        parities = [part for part in rest if part.name in ("e", "o")]
        assert len(parities) == (2 if symmetry == "o3" else 0)
        for group in filter(None, (irreps, parities)):
            assert sum(part.span for part in group) == whole.span
            assert sum(part.full for part in group) == whole.full
            assert sum(part.dim.value for part in group) >= whole.dim.value
        for part in (whole, *rest):
            assert part.dim.value <= part.span <= part.full
            assert part.dim.verdict == "certain"
            if operation is CLEBSCH_GORDAN:
                assert part.dim.value == part.full


def test_an_output_that_is_never_reached_counts_in_the_full_space():
    vector, out = labels("1o"), labels("0e+1e")
    scalar, other = by_output({(0, 0, 0): 1.0}, vector, vector, out)[-2:]
    assert (scalar.dim.value, scalar.span, scalar.full) == (1, 1, 1)
    assert (other.dim.value, other.span, other.full) == (0, 0, 1)
    assert len(allowed_triples(vector, vector, out)) == 2
