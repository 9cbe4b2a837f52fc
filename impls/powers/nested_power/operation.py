r"""Nested power: a feature coupled with itself again and again, its intermediates cut at a degree.

    h_1 = x,   h_k = all couplings of h_(k-1) and x whose degree is at most the knob `cut`,
    z[l3] = sum_chains W[chain] CG(.. CG(CG(x[i1], x[i2])[l12], x[i3])[l123] .., x[inu])[l3]

channel by channel, with CG "component" normalised. A chain is the items i1 .. inu of x and the
irreps l12, l123 .. that they are coupled to, the last of which is that of the output and is not
cut. It is a product of nu factors as a tree of products of two [@drautz2019], as libraries offer it
for factors that may differ: that equal ones commute is not used. Without a cut these are the nested
couplings, most of which depend on the rest [@dusson2022]; `symmetric_contraction` has the minimal
basis. What a cut takes away `python -m bench analyse weights` tells: how many weights are
independent, of all polynomials (docs/expressivity.md).

**The order of chains.** For each output irrep in the order of `irreps_out`: items and irreps as
they come, (i1, i2, l12, i3, l123, ..), in lexicographic order, irreps by degree. An output in which
no chain ends is refused. Cost: O(L^5) for the third power into outputs of fixed degree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from impls.families.feature import irreps_of, no_power, nu_of, output_space, shape_of
from impls.growth import Growth
from impls.operation import Knob, Operation, exact
from impls.problem import BYTES, Problem, Refusal
from impls.products.gaunt.operation import nonzeros
from impls.so3.irreps import Irrep, Irreps
from impls.so3.wigner import clebsch_gordan
from impls.spaces import Arrays, Space

LARGEST_NU = 4
LARGEST = 1000
"""Chains for which weights are offered."""


@dataclass(frozen=True)
class Chain:
    """The items of x that are coupled, and the irrep after each coupling."""

    items: tuple[int, ...]
    irreps: tuple[Irrep, ...]

    @property
    def before(self) -> Chain:
        """Return the chain without its last coupling."""
        return Chain(self.items[:-1], self.irreps[:-1])


def _largest(problem: Problem) -> int:
    """Return the degree above which no intermediate reaches an output."""
    (inside, out), nu = irreps_of(problem), nu_of(problem)
    return min((nu - 1) * inside.lmax, out.lmax + (nu - 2) * inside.lmax) if nu > 2 else 0


def _cuts(problem: Problem) -> tuple[int, ...]:
    """Return the cuts at which a chain ends in each output; that of the input where none does."""
    cuts = [cut for cut in range(_largest(problem) + 1) if all(counts_of(problem, cut))]
    return tuple(cuts) or (_default(problem),)


def _default(problem: Problem) -> int:
    return min(irreps_of(problem)[0].lmax, _largest(problem))


CUT = Knob("cut", default=_default, values=_cuts)
"""The largest degree of an intermediate: that of the input unless said otherwise.

Two factors have no intermediate.
"""


def counts_of(problem: Problem, cut: int) -> tuple[int, ...]:
    """Return the number of chains of each output irrep."""
    (inside, out), nu = irreps_of(problem), nu_of(problem)
    counts = Counter(ir for _, ir in inside)
    for step in range(2, nu + 1):
        grown: Counter[Irrep] = Counter()
        for before, count in counts.items():
            for _, ir in inside:
                for coupled in before * ir:
                    if step == nu or coupled.l <= cut:
                        grown[coupled] += count
        counts = grown
    return tuple(counts[ir] for _, ir in out)


def chains_of(problem: Problem) -> tuple[tuple[Chain, ...], ...]:
    """Return the chains of each output irrep in canonical order."""
    inside, out = irreps_of(problem)
    return _chains(inside, out, nu_of(problem), CUT.of(problem))


@lru_cache(maxsize=64)
def _chains(inside: Irreps, out: Irreps, nu: int, cut: int) -> tuple[tuple[Chain, ...], ...]:
    every = [
        chain for i in range(len(inside)) for chain in _grown(Chain((i,), ()), inside, nu, cut)
    ]
    return tuple(tuple(c for c in every if c.irreps[-1] == ir) for _, ir in out)


def _grown(chain: Chain, inside: Irreps, nu: int, cut: int) -> Iterator[Chain]:
    """Yield the chains of nu factors that begin with one."""
    if len(chain.items) == nu:
        yield chain
        return
    now = chain.irreps[-1] if chain.irreps else inside.items[chain.items[0]][1]
    last = len(chain.items) == nu - 1
    for i, (_, ir) in enumerate(inside):
        for coupled in now * ir:
            if last or coupled.l <= cut:
                grown = Chain((*chain.items, i), (*chain.irreps, coupled))
                yield from _grown(grown, inside, nu, cut)


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": output_space(problem, irreps_of(problem)[1])}


def _weights(problem: Problem) -> Mapping[str, Space]:
    count = sum(counts_of(problem, CUT.of(problem)))
    return {"w": Space((count, shape_of(problem)[1]))}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Couple the vectors themselves, chain by chain from the start; nothing is shared."""
    inside, out = irreps_of(problem)
    slices, x, w = inside.slices(), inputs["x"], iter(weights["w"])
    parts = []
    for chains, (_, ir3) in zip(chains_of(problem), out, strict=True):
        total = np.zeros((*x.shape[:-1], ir3.dim))
        for chain in chains:
            value, degree = x[..., slices[chain.items[0]]], inside.items[chain.items[0]][1].l
            for item, coupled in zip(chain.items[1:], chain.irreps, strict=True):
                tensor = clebsch_gordan(degree, inside.items[item][1].l, coupled.l)
                value = np.einsum("ijk,bci,bcj->bck", tensor, value, x[..., slices[item]])
                degree = coupled.l
            total += next(w)[:, None] * value
        parts.append(total)
    return {"z": np.concatenate(parts, axis=-1)}


def _supports(problem: Problem) -> Refusal | None:
    refusal = no_power(problem)
    if refusal:
        return refusal
    nu, cut = nu_of(problem), CUT.of(problem)
    if isinstance(cut, bool) or not isinstance(cut, int) or cut < 0:
        return Refusal(f"knob cut={cut!r} is not a degree", "use an integer from 0")
    if nu > LARGEST_NU:
        return Refusal(f"nu={nu}: chains are counted up to nu={LARGEST_NU}", "use gaunt_power")
    counts = counts_of(problem, cut)
    if (count := sum(counts)) > LARGEST:
        return Refusal(
            f"{count} chains of {nu} factors, over {LARGEST}",
            "use a smaller cut, nu or lmax, or symmetric_contraction",
        )
    inside, out = irreps_of(problem)
    missing = [str(ir) for (_, ir), count in zip(out, counts, strict=True) if not count]
    if missing:
        return Refusal(
            f"identically zero: no chain of {nu} factors of {inside} with cut={cut} ends in "
            f"{' or '.join(missing)}",
            f"leave it out of irreps_out, or use a cut up to {_largest(problem)}",
        )
    return None


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count each coupling once, three operations an entry; weights come before the last one.

    A weight costs two operations for each component of what it multiplies.
    """
    batch, channels = shape_of(problem)[:2]
    inside, out = irreps_of(problem)
    prefixes: set[Chain] = set()
    last: set[tuple[int, Irrep, int]] = set()
    weighted = 0
    for i3, chains in enumerate(chains_of(problem)):
        for chain in chains:
            before = chain.before
            weighted += _end(before, inside).dim
            last.add((i3, _end(before, inside), chain.items[-1]))
            while before.irreps:
                prefixes.add(before)
                before = before.before
    couplings = [
        (_end(chain.before, inside).l, inside.items[chain.items[-1]][1].l, chain.irreps[-1].l)
        for chain in prefixes
    ] + [(ir.l, inside.items[i][1].l, out.items[i3][1].l) for i3, ir, i in last]
    flops = 3 * sum(nonzeros(*degrees) for degrees in couplings) + 2 * weighted
    numbers = batch * channels * (inside.dim + out.dim)
    numbers += channels * sum(len(chains) for chains in chains_of(problem))
    return {
        "flops": float(batch * channels * flops),
        "bytes": float(numbers * BYTES[problem.dtype]),
    }


def _end(chain: Chain, inside: Irreps) -> Irrep:
    """Return the irrep that a chain ends in."""
    return chain.irreps[-1] if chain.irreps else inside.items[chain.items[0]][1]


OPERATION = Operation(
    name="nested_power",
    title="Nested power, intermediates cut",
    family="feature",
    summary="products of nu factors as nested couplings, intermediates cut at a degree, weighted",
    papers=("drautz2019", "dusson2022"),
    knobs=(CUT,),
    claims=exact("rotation", "inversion"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    weights=_weights,
    linear_in=(("w", 1),),
    growth=Growth({"lmax": 5, "channels": 1}),  # of three factors, with outputs of fixed degree
)
