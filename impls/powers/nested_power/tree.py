r"""Nested power as a tree: chains that begin alike share their couplings.

All chains that have come to one irrep l' are an array [n, chains, 2l'+1] for n samples and
channels. A step is one outer product of it with x, and one matrix product that has the couplings of
l' with each irrep of x; what comes out is sorted by irrep. `dense` takes every step, and the
weights last. `weights_first` takes the weights before the last step, where they sum all chains that
end alike: u[path] = sum_p W[p, path] h[p] for each path (l', i, l3), and one coupling for each path
instead of one for each chain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.feature import irreps_of, nu_of
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.powers.nested_power.operation import CUT, Chain, chains_of
from impls.problem import Problem
from impls.so3.irreps import Irrep
from impls.so3.wigner import clebsch_gordan

Groups = dict[Irrep, list[Chain]]
"""The chains that have come to each irrep, in the order in which their values lie."""


@dataclass(frozen=True)
class Step:
    """The couplings of one irrep with x: `table` [dim dim(x), sum of dims], and what comes out.

    `into` has for each irrep the items of x that are coupled into it, side by side in the table.
    """

    irrep: Irrep
    table: np.ndarray
    into: Mapping[Irrep, tuple[int, ...]]


def step_of(problem: Problem, irrep: Irrep, kept: Callable[[Irrep], bool]) -> Step:
    """Return the couplings of an irrep with x into those that are kept."""
    inside = irreps_of(problem)[0]
    slices = inside.slices()
    into: dict[Irrep, tuple[int, ...]] = {}
    for i, (_, ir) in enumerate(inside):
        for coupled in filter(kept, irrep * ir):
            into[coupled] = (*into.get(coupled, ()), i)
    table = np.zeros((irrep.dim, inside.dim, sum(ir.dim * len(into[ir]) for ir in into)))
    start = 0
    for coupled, items in into.items():
        for i in items:
            tensor = clebsch_gordan(irrep.l, inside.items[i][1].l, coupled.l)
            table[:, slices[i], start : start + coupled.dim] = tensor
            start += coupled.dim
    return Step(irrep, table.reshape(irrep.dim * inside.dim, start), into)


def grown(steps: Sequence[Step], groups: Groups) -> Groups:
    """Return the chains after the steps of their irreps."""
    found: Groups = {}
    for step in steps:
        for coupled, items in step.into.items():
            longer = [
                Chain((*chain.items, i), (*chain.irreps, coupled))
                for chain in groups[step.irrep]
                for i in items
            ]
            found.setdefault(coupled, []).extend(longer)
    return found


class Level:
    """Take one step of all irreps: from values of chains to those of longer ones."""

    def __init__(self, steps: Sequence[Step], b: Backend) -> None:
        """Take the steps that lead anywhere."""
        self.steps, self.b = [step for step in steps if step.into], b
        self.tables = [b.table(step.table) for step in self.steps]

    def __call__(self, x: Any, values: Mapping[Irrep, Any]) -> dict[Irrep, Any]:
        """Return the values [n, chains, dim] by irrep, of x [n, 1, dim] and those before."""
        found: dict[Irrep, list[Any]] = {}
        for step, table in zip(self.steps, self.tables, strict=True):
            coupled = self.b.outer(values[step.irrep], x) @ table
            sizes = [ir.dim * len(items) for ir, items in step.into.items()]
            for ir, part in zip(step.into, self.b.split(coupled, sizes, 2), strict=True):
                found.setdefault(ir, []).append(part.reshape(len(x), -1, ir.dim))
        return {ir: self.b.concatenate(parts, 1) for ir, parts in found.items()}


def climb(problem: Problem, b: Backend) -> tuple[Groups, Callable[[Any], dict[Irrep, Any]]]:
    """Return the chains of all factors but the last, and how to make their values.

    The function takes x [n, 1, dim] to the values [n, chains, dim] of each irrep.
    """
    inside, cut = irreps_of(problem)[0], CUT.of(problem)
    groups: Groups = {}
    places: dict[Irrep, list[slice]] = {}
    for i, ((_, ir), place) in enumerate(zip(inside, inside.slices(), strict=True)):
        groups.setdefault(ir, []).append(Chain((i,), ()))
        places.setdefault(ir, []).append(place)
    levels = []
    for _ in range(nu_of(problem) - 2):
        steps = [step_of(problem, irrep, lambda ir: ir.l <= cut) for irrep in groups]
        groups = grown(steps, groups)
        levels.append(Level(steps, b))

    def values(x: Any) -> dict[Irrep, Any]:
        found = {ir: b.concatenate([x[..., p] for p in own], 1) for ir, own in places.items()}
        for level in levels:
            found = level(x, found)
        return found

    return groups, values


def places_of(problem: Problem) -> dict[tuple[int, Chain], int]:
    """Return where the weight of each chain of each output lies."""
    every = [(i3, chain) for i3, chains in enumerate(chains_of(problem)) for chain in chains]
    return {one: k for k, one in enumerate(every)}


def dense(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm that takes every step, and the weights last."""
    out = irreps_of(problem)[1]
    asked, places = {ir for _, ir in out}, places_of(problem)
    before, values = climb(problem, b)
    steps = [step_of(problem, irrep, asked.__contains__) for irrep in before]
    last, ends = Level(steps, b), grown(steps, before)
    taken = [
        b.index(np.array([places[i3, chain] for chain in ends[ir]]))
        for i3, (_, ir) in enumerate(out)
    ]

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x = inputs["x"]
        rows = x.reshape(-1, 1, x.shape[-1])
        found, parts = last(rows, values(rows)), []
        for (_, ir), chosen in zip(out, taken, strict=True):
            own = b.gather(weights["w"], chosen).swapaxes(0, 1)[:, None]
            made = found[ir].reshape(*x.shape[:2], -1, ir.dim)
            parts.append((own @ made).reshape(*x.shape[:2], -1))
        return {"z": b.concatenate(parts, -1)}

    return Built(call, kernel=f"{len(places)} chains, then weights")


def weights_first(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm in which weights sum the chains before the last step."""
    inside, out = irreps_of(problem)
    before, values = climb(problem, b)
    places, slices, in3 = places_of(problem), inside.slices(), out.slices()
    ends = []
    for irrep, chains in before.items():
        paths = [
            (i, i3)
            for i3, (_, ir3) in enumerate(out)
            for i, (_, ir) in enumerate(inside)
            if ir3 in irrep * ir
        ]
        if not paths:
            continue
        table = np.zeros((len(paths), irrep.dim, inside.dim, out.dim))
        for k, (i, i3) in enumerate(paths):
            degrees = irrep.l, inside.items[i][1].l, out.items[i3][1].l
            table[k][:, slices[i], in3[i3]] = clebsch_gordan(*degrees)
        taken = [
            places[i3, Chain((*chain.items, i), (*chain.irreps, out.items[i3][1]))]
            for i, i3 in paths
            for chain in chains
        ]
        couple = b.table(table.reshape(-1, out.dim))
        ends.append((irrep, len(paths), b.index(np.array(taken)), couple))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, parts = inputs["x"], []
        rows = x.reshape(-1, 1, x.shape[-1])
        found = values(rows)
        for irrep, paths, taken, couple in ends:
            own = b.gather(weights["w"], taken).swapaxes(0, 1).reshape(x.shape[1], paths, -1)
            made = own @ found[irrep].reshape(*x.shape[:2], -1, irrep.dim)
            parts.append(b.outer(made.reshape(len(rows), -1), rows[:, 0]) @ couple)
        return {"z": sum(parts[1:], parts[0]).reshape(*x.shape[:2], -1)}

    return Built(call, kernel=f"weights of {len(places)} chains, then the last coupling")


ALGORITHMS = (
    Algorithm(
        "nested_power",
        "weights_first",
        "weights before the last coupling",
        weights_first,
        papers=("drautz2019",),
        growth=Growth({"lmax": 6, "channels": 1}),
    ),
    Algorithm(
        "nested_power",
        "dense",
        "outer product, coupling, then weights",
        dense,
        papers=("drautz2019",),
        growth=Growth({"lmax": 6, "channels": 1}),
    ),
)
