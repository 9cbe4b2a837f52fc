r"""Symmetric contraction: all equivariant polynomials of degree nu in one feature, weighted.

    z[b, c, l3][m3] = sum_eta W[eta, c] sum_{m1..mnu} U^eta[m1, .., mnu, m3] prod_i x[b, c][m_i]

eta runs over a basis of the equivariant maps from the symmetric power Sym^nu of `irreps_in` to one
output irrep [@batatia2022] [@drautz2019]. All slots hold the same vector, so that only the
symmetric part of a coupling acts: nested Clebsch-Gordan couplings of three factors up to degree 2
give 11 scalars, only 5 of them independent [@dusson2022]. Here the basis is minimal: the number of
weights is dim Hom(Sym^nu, l3), counted from characters, and none of them is idle.

**The basis.** The maps split by the multiset of input irreps that they multiply, and those of
different multisets are orthogonal. For one output irrep (in the order of `irreps_out`) and one
multiset of input irreps (positions, ascending, in lexicographic order) the chains

    T = C(l1, l2, l12) C(l12, l3, l123) ..   ("component": sqrt(2l+1) times unit norm)

are taken in lexicographic order of the intermediate degrees (l12, l123, ..), made symmetric, and
orthonormalised one after another (Gram-Schmidt); those that depend on earlier ones are left out.
So U^eta is the first new direction that its chain adds, with a positive component along it, and
|U^eta|^2 = 2 l3 + 1, as for the coupling of two factors.

Selection rule: with parity, p3 = p1 .. pnu; nothing else is lost. Cost: O(n d^nu) dense, one slot
at a time, with d = (L+1)^2 components and n outputs; O(n d^nu / nu!) on monomials.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations_with_replacement, permutations

import numpy as np

from impls.families.feature import irreps_of, no_power, nu_of, output_space, shape_of
from impls.growth import Growth
from impls.operation import Operation, exact
from impls.problem import BYTES, Problem, Refusal
from impls.so3.irreps import Irrep, Irreps
from impls.so3.wigner import clebsch_gordan
from impls.spaces import Array, Arrays, Space

NEW = 1e-6
"""What is left of a normalised chain beside all earlier ones, if it is a new direction."""
LARGEST_NU = 4
LARGEST = 20_000
"""Monomials of degree nu in the input components up to which tables are built."""


@dataclass(frozen=True)
class Sector:
    """The maps from one multiset of input irreps to one output irrep: `count` basis elements.

    `items` are the positions of the input irreps, ascending; `chains` their intermediate degrees,
    the last of which is that of the output.
    """

    out: int
    items: tuple[int, ...]
    chains: tuple[tuple[int, ...], ...]
    count: int


def sectors_of(problem: Problem) -> tuple[Sector, ...]:
    """Return the sectors that have a map, in canonical order."""
    inside, out = irreps_of(problem)
    return _sectors(inside, out, nu_of(problem))


@lru_cache(maxsize=64)
def _sectors(inside: Irreps, out: Irreps, nu: int) -> tuple[Sector, ...]:
    found = []
    for i3, (_, ir3) in enumerate(out):
        for items in combinations_with_replacement(range(len(inside)), nu):
            irreps = [inside.items[i][1] for i in items]
            if math.prod(ir.p for ir in irreps) != ir3.p:
                continue
            count = multiplicity(inside, items, ir3.l)
            if count:
                chains = tuple(chains_between([ir.l for ir in irreps], ir3.l))
                found.append(Sector(i3, items, chains, count))
    return tuple(found)


def multiplicity(inside: Irreps, items: tuple[int, ...], degree: int) -> int:
    """Return how often a degree occurs in the product of the symmetric powers of some irreps.

    It is the number of multisets of components whose orders m add up to `degree`, less that for
    `degree` + 1.
    """
    counts = np.ones(1, np.int64)  # counts[k]: ways to reach the k-th total order
    for item in sorted(set(items)):
        times = items.count(item)
        orders = range(2 * inside.items[item][1].l + 1)
        totals = [sum(part) for part in combinations_with_replacement(orders, times)]
        counts = np.convolve(counts, np.bincount(totals))
    upper = np.append(counts[len(counts) // 2 :], 0)
    return int(upper[degree] - upper[degree + 1]) if degree + 1 < len(upper) else 0


def chains_between(
    degrees: list[int], last: int, done: tuple[int, ...] = ()
) -> Iterator[tuple[int, ...]]:
    """Yield the intermediate degrees of all couplings of `degrees` into `last`, in order."""
    if len(done) == len(degrees) - 1:
        if done[-1] == last:
            yield done
        return
    first, second = (done[-1] if done else degrees[0]), degrees[len(done) + 1]
    for degree in range(abs(first - second), first + second + 1):
        yield from chains_between(degrees, last, (*done, degree))


def weights_per_output(problem: Problem) -> tuple[int, ...]:
    """Return the number of weights of each output irrep: dim Hom(Sym^nu, l3)."""
    sectors = sectors_of(problem)
    return tuple(
        sum(s.count for s in sectors if s.out == i3) for i3 in range(len(irreps_of(problem)[1]))
    )


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": output_space(problem, irreps_of(problem)[1])}


def _weights(problem: Problem) -> Mapping[str, Space]:
    return {"W": Space((sum(weights_per_output(problem)), shape_of(problem)[1]))}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Couple the vectors themselves, chain by chain; no tensor acts on data."""
    inside, out = irreps_of(problem)
    slices, in3 = inside.slices(), out.slices()
    a, start = inputs["x"], 0
    result = np.zeros((*a.shape[:-1], out.dim))
    for sector in sectors_of(problem):
        mixing = _mixing(tuple(inside.items[i][1] for i in sector.items), sector)
        w = weights["W"][start : start + sector.count]
        start += sector.count
        for chain, column in zip(sector.chains, mixing.T, strict=True):
            value, degree = a[..., slices[sector.items[0]]], inside.items[sector.items[0]][1].l
            for item, coupled in zip(sector.items[1:], chain, strict=True):
                tensor = clebsch_gordan(degree, inside.items[item][1].l, coupled)
                value = np.einsum("ijk,bci,bcj->bck", tensor, value, a[..., slices[item]])
                degree = coupled
            result[..., in3[sector.out]] += value * (column @ w)[:, None]
    return {"z": result}


@lru_cache(maxsize=1024)
def _mixing(irreps: tuple[Irrep, ...], sector: Sector) -> Array:
    """Return the basis of a sector in terms of its chains [count, chains].

    Chains are compared as dense tensors, averaged over the permutations that keep the irreps in
    their places; the average over all permutations is that, times |stabiliser| / nu! in |.|^2.
    """
    places = [
        p for p in permutations(range(len(irreps)))
        if all(sector.items[i] == sector.items[k] for i, k in enumerate(p))
    ]  # fmt: skip
    kept: list[Array] = []
    mixing: list[Array] = []
    for number, chain in enumerate(sector.chains):
        tensor, degree = np.eye(irreps[0].dim), irreps[0].l
        for ir, coupled in zip(irreps[1:], chain, strict=True):
            tensor = np.tensordot(tensor, clebsch_gordan(degree, ir.l, coupled), 1)
            degree = coupled
        nu = len(irreps)
        average = np.mean([np.transpose(tensor, (*p, nu)) for p in places], axis=0)
        rest, combination = average.ravel(), np.eye(len(sector.chains))[number]
        size = np.linalg.norm(tensor)
        for _ in range(2):
            for other, other_combination in zip(kept, mixing, strict=True):
                overlap = other @ rest
                rest = rest - overlap * other
                combination = combination - overlap * other_combination
        left = np.linalg.norm(rest)
        if left > NEW * size:
            kept.append(rest / left)
            mixing.append(combination / left)
    if len(kept) != sector.count:
        raise ArithmeticError(f"{sector}: {len(kept)} independent chains")
    norm = (2 * sector.chains[0][-1] + 1) * math.factorial(len(irreps)) / len(places)
    return np.array(mixing) * math.sqrt(norm)


def _supports(problem: Problem) -> Refusal | None:
    refusal = no_power(problem)
    if refusal:
        return refusal
    nu, (inside, out) = nu_of(problem), irreps_of(problem)
    if nu > LARGEST_NU:
        return Refusal(
            f"nu={nu}: symmetric bases are built up to nu={LARGEST_NU}", "use gaunt_power"
        )
    monomials = math.comb(inside.dim + nu - 1, nu)
    if monomials > LARGEST:
        return Refusal(
            f"{monomials} monomials of degree {nu} in {inside.dim} components, over {LARGEST}",
            "use a smaller nu or lmax, or gaunt_power",
        )
    missing = [
        str(ir) for (_, ir), n in zip(out, weights_per_output(problem), strict=True) if not n
    ]
    if missing:
        return Refusal(
            f"identically zero: no equivariant polynomial of degree {nu} in {inside} is "
            f"{' or '.join(missing)}",
            "leave it out of irreps_out",
        )
    return None


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count the monomials, each times one coefficient for every output, and folding the weights.

    Zeros inside a sector are counted as coefficients.
    """
    batch, channels = (float(count) for count in shape_of(problem)[:2])
    inside, out = irreps_of(problem)
    products, used, folded = set(), 0, 0
    for sector in sectors_of(problem):
        size = math.prod(
            math.comb(inside.items[i][1].dim + sector.items.count(i) - 1, sector.items.count(i))
            for i in set(sector.items)
        )
        products.add((sector.items, size))
        folded += size * sector.count * out.items[sector.out][1].dim
        used += size * out.items[sector.out][1].dim
    made = sum(size for _, size in products)
    numbers = (
        batch * channels * (inside.dim + out.dim) + sum(weights_per_output(problem)) * channels
    )
    return {
        "flops": channels * (batch * (made + 2.0 * used) + 2.0 * folded),
        "bytes": numbers * BYTES[problem.dtype],
    }


OPERATION = Operation(
    name="symmetric_contraction",
    title="Symmetric contraction",
    family="feature",
    summary="all equivariant polynomials of degree nu, a weight for each and channel",
    papers=("batatia2022", "drautz2019", "dusson2022"),
    claims=exact("rotation", "inversion"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    weights=_weights,
    linear_in=(("W", 1),),
    users=("batatia2022",),
    growth=Growth({"lmax": 6, "channels": 1}),  # of three factors, with outputs of fixed degree
)
