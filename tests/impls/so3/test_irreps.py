"""Irreps: parsing, printing, products."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from impls.so3.irreps import Irrep, Irreps, degrees, natural

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
# a busy machine is no failure

o3_irrep = st.builds(Irrep, st.integers(0, 12), st.sampled_from([1, -1]))
so3_irrep = st.builds(Irrep, st.integers(0, 12), st.just(0))


def sums(irrep: st.SearchStrategy[Irrep]) -> st.SearchStrategy[Irreps]:
    items = st.lists(st.tuples(st.integers(1, 128), irrep), max_size=6)
    return items.map(lambda pairs: Irreps(tuple(pairs)))


any_irreps = st.one_of(sums(o3_irrep), sums(so3_irrep))


def test_known_strings() -> None:
    assert str(Irrep(1, -1)) == "1o"
    assert Irrep.parse("1o") == Irrep(1, -1)
    assert Irrep.parse("2e") == Irrep(2, 1)
    assert Irrep.parse("1") == Irrep(1, 0)
    assert str(Irreps.parse("2x0e + 1o")) == "2x0e+1x1o"
    assert Irreps.parse(" 3 x 1 + 0 ") == Irreps(((3, Irrep(1, 0)), (1, Irrep(0, 0))))
    assert str(natural(range(3))) == "1x0e+1x1o+1x2e"
    assert str(degrees([2, 1])) == "1x2+1x1"


def test_order_is_by_degree_then_parity() -> None:
    shuffled = [Irrep(1, 1), Irrep(2, -1), Irrep(0, 1), Irrep(1, -1)]
    assert [str(ir) for ir in sorted(shuffled)] == ["0e", "1o", "1e", "2o"]


@patient
@given(any_irreps)
def test_print_then_parse_is_the_identity(irreps: Irreps) -> None:
    assert Irreps.parse(str(irreps)) == irreps
    assert Irreps.parse(irreps) is irreps


@patient
@given(any_irreps)
def test_dimension_and_slices(irreps: Irreps) -> None:
    stops = [s.stop for s in irreps.slices()]
    assert [s.start for s in irreps.slices()] == [0, *stops][: len(irreps)]
    assert irreps.dim == sum(mul * (2 * ir.l + 1) for mul, ir in irreps) == (stops or [0])[-1]
    if irreps.items:
        assert irreps.lmax == max(ir.l for _, ir in irreps)
        assert irreps.parity == all(ir.p != 0 for _, ir in irreps)


@patient
@given(st.one_of(st.tuples(o3_irrep, o3_irrep), st.tuples(so3_irrep, so3_irrep)))
def test_product(pair: tuple[Irrep, Irrep]) -> None:
    first, second = pair
    product = first * second
    assert sum(ir.dim for ir in product) == first.dim * second.dim
    assert product == second * first == tuple(sorted(product))
    assert {ir.p for ir in product} == {first.p * second.p}
    assert (product[0].l, product[-1].l) == (abs(first.l - second.l), first.l + second.l)


@patient
@given(sums(o3_irrep))
def test_e3nn_reads_and_prints_the_same(irreps: Irreps) -> None:
    o3 = pytest.importorskip("e3nn.o3", reason="compares with e3nn")
    theirs = o3.Irreps(str(irreps))
    assert theirs.dim == irreps.dim
    assert str(theirs) == str(irreps)
    assert tuple(theirs.slices()) == irreps.slices()


@pytest.mark.parametrize("text", ["1z", "x1o", "2x", "1o++0e", "-1o", "0x1o", "1o+", "1o, 0e", "²"])
def test_bad_irreps_name_the_string(text: str) -> None:
    with pytest.raises(ValueError, match=r"irreps .*example") as error:
        Irreps.parse(text)
    assert repr(text) in str(error.value)


def test_mixed_labels_are_refused() -> None:
    with pytest.raises(ValueError, match="mix labels"):
        Irreps.parse("1o + 1")
    with pytest.raises(ValueError, match="cannot multiply 1o and 1"):
        Irrep(1, -1) * Irrep(1, 0)


@pytest.mark.parametrize(("degree", "parity"), [(-1, 1), (1, 2)])
def test_bad_labels_are_refused(degree: int, parity: int) -> None:
    with pytest.raises(ValueError, match="an irrep is like"):
        Irrep(degree, parity)


def test_bad_irrep_string() -> None:
    with pytest.raises(ValueError, match=r"'1 o'.*for example '1o'"):
        Irrep.parse("1 o")


def test_the_empty_sum() -> None:
    empty = Irreps.parse("")
    assert (empty.dim, str(empty), empty.slices(), empty.parity) == (0, "", (), False)
    with pytest.raises(ValueError, match="no largest degree"):
        _ = empty.lmax
