r"""The convolution of FlashCart in PyTorch [@zaverkin2026]: Cartesian tensors of natural parity.

A symmetric traceless tensor of rank l is kept as 2l+1 of its entries, which from l = 2 on are no
orthogonal basis. Features stay so in its networks; here components go in and come out, so that from
l = 2 on each call changes the basis of features and harmonics before and of the sums after, by one
small matrix a degree. Its paths are those of this suite up to a factor each, which the weights
carry. It gathers and sums by itself, on CUDA in its Triton kernels, which have not run here.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impls.algorithm import Options
from impls.backends import load
from impls.families.points import channels_of, irreps_of
from impls.implementation import Built, Implementation, Target, Tensors
from impls.points.convolution.operation import paths_of
from impls.points.harmonics import EdgeHarmonics, supports
from impls.problem import Problem, Refusal
from impls.products.clebsch_gordan.cartesian import traceless
from impls.so3.irreps import natural
from impls.so3.wigner import clebsch_gordan

Array = NDArray[np.float64]
Degrees = tuple[int, int, int]
LARGEST = 3
"""Its kernels for CUDA are generated up to this rank, where nothing else is said."""
EQUAL = 1e-10
"""A path is a multiple of the coupling if no entry is off by more."""


def its_paths(tops: Degrees) -> Iterator[Degrees]:
    """Yield the degrees of each path in its order: l1 >= l2 first, then the others."""
    top1, top2, top3 = tops
    for l3 in range(top3 + 1):
        pairs = [(a, b) for a in range(max(top1, top2) + 1) for b in range(a + 1)]
        for l1, l2 in (*pairs, *((b, a) for a, b in pairs if a != b)):
            even = (l1 + l2 + l3) % 2 == 0 and abs(l1 - l2) <= l3 <= l1 + l2
            if even and l1 <= top1 and l2 <= top2:
                yield l1, l2, l3


@cache
def stored(degree: int) -> Array:
    """Return the entries that it keeps of the tensor of each component [2l+1 kept, 2l+1]."""
    from flashcart.o3.utils import _stored_full_indices

    return traceless(degree)[list(_stored_full_indices(degree))]


def stored_to(top: int) -> Array:
    """Return the same for all degrees up to one, block by block."""
    blocks, dim = [stored(degree) for degree in range(top + 1)], (top + 1) ** 2
    found = np.zeros((dim, dim))
    for degree, block in enumerate(blocks):
        part = slice(degree**2, (degree + 1) ** 2)
        found[part, part] = block
    return found


@cache
def factors(tops: Degrees) -> tuple[float, ...]:
    """Return how many times the coupling of this suite each of its paths is: it is asked.

    Raises:
        ArithmeticError: for a path that is no multiple of the coupling.
    """
    import torch
    from flashcart.o3 import TensorProduct

    product, paths = TensorProduct(*tops, 1, 1, shared_weights=True), tuple(its_paths(tops))
    rows, columns = stored_to(tops[0]).T, stored_to(tops[1]).T
    every = [np.repeat(rows, len(columns), axis=0), np.tile(columns, (len(rows), 1))]
    z = product(*map(torch.as_tensor, every), torch.ones(len(paths), dtype=torch.float64)).numpy()
    found, start = [], 0
    for degree in range(tops[2] + 1):
        here = [path for path in paths if path[2] == degree]
        block = z[:, start : start + (2 * degree + 1) * len(here)]
        block = block.reshape(len(rows), len(columns), 2 * degree + 1, len(here))
        start += (2 * degree + 1) * len(here)
        back = np.linalg.inv(stored(degree))
        for place, (l1, l2, l3) in enumerate(here):
            own = block[l1**2 : (l1 + 1) ** 2, l2**2 : (l2 + 1) ** 2, :, place] @ back.T
            tensor = clebsch_gordan(l1, l2, l3)
            factor = float(np.sum(own * tensor) / np.sum(tensor * tensor))
            if np.abs(own - factor * tensor).max() > EQUAL * abs(factor):
                raise ArithmeticError(f"path {l1} x {l2} -> {l3} of FlashCart is another map")
            found.append(factor)
    return tuple(found)


def tops_of(problem: Problem) -> Degrees:
    """Return the largest degrees of nodes, edges and outputs."""
    node, edge, out = (irreps.lmax for irreps in irreps_of(problem))
    return node, edge, out


def torch_flashcart(problem: Problem, target: Target, options: Options) -> Built:
    """Build the convolution of its product."""
    import torch
    from flashcart.o3 import TensorProduct

    b, channels, tops = load("torch", problem, target), channels_of(problem), tops_of(problem)
    cuda = target.device == "cuda"
    product = TensorProduct(*tops, channels, 1, use_triton=cuda)
    harmonics, mine, its = EdgeHarmonics(problem, b), paths_of(problem), tuple(its_paths(tops))
    place = {path: n for n, path in enumerate(its)}
    wanted = [place[p.ir1.l, p.ir2.l, p.ir3.l] for p in mine]
    order = b.index(np.argsort(wanted))
    scales = b.table(1 / np.array(factors(tops)))[None, :, None]
    into_x, into_y = (b.table(stored_to(top)) if top > 1 else None for top in tops[:2])
    counts = [sum(path[2] == degree for path in its) for degree in range(tops[2] + 1)]
    widths = [(2 * degree + 1) * n * channels for degree, n in enumerate(counts)]
    back = [b.table(np.linalg.inv(stored(degree))) for degree in range(tops[2] + 1)]
    canonical = b.index(_places(its, wanted, counts, widths, channels))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, y = inputs["x"], harmonics(inputs)
        x = x if into_x is None else into_x @ x
        y = y if into_y is None else y @ into_y.T
        z = product(x.reshape(len(x), -1), y, weights["w"], inputs["dst"], inputs["src"])
        return {"z": z if tops[2] < 2 else torch.cat(list(components(z)), 1)}

    def components(z: Any) -> Iterator[Any]:
        for degree, block in enumerate(z.split(widths, 1)):
            if degree < 2:
                yield block
            elif counts[degree]:
                yield (back[degree] @ block.reshape(len(z), 2 * degree + 1, -1)).flatten(1)

    def pack(inputs: Tensors, weights: Tensors) -> tuple[Tensors, Tensors]:
        w = weights["w"].index_select(1, order) * scales
        return {**inputs, "x": inputs["x"].swapaxes(1, 2).contiguous()}, {"w": w.flatten(1)}

    def unpack(outputs: Tensors) -> Tensors:
        z = outputs["z"].index_select(1, canonical)
        return {"z": z.reshape(len(z), channels, -1)}

    how = "Triton" if cuda else "generated PyTorch code"
    kernel = f"flashcart {version('flashcart')}, {how}, change of basis from l = 2"
    runs = ("flashcart::*",) if cuda else ()
    return Built(
        call, pack, unpack, layout="[nodes, components, channels]", kernel=kernel, runs=runs
    )


def _places(
    its: tuple[Degrees, ...], wanted: list[int], counts: list[int], widths: list[int], channels: int
) -> NDArray[np.int64]:
    """Return where in its output the canonical one [channels, paths and components] is."""
    starts, columns = np.cumsum([0, *widths]), []
    for place in wanted:
        degree = its[place][2]
        slot = place - sum(counts[:degree])
        component = np.arange(2 * degree + 1)
        columns.append(starts[degree] + (component * counts[degree] + slot) * channels)
    return np.ravel(np.arange(channels)[:, None] + np.concatenate(columns)[None])


def flashcart_supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse what is not one tensor of natural parity for each rank, and large ranks on CUDA."""
    for name, irreps in zip(("node", "edge", "out"), irreps_of(problem), strict=True):
        if irreps != natural(range(irreps.lmax + 1)):
            return Refusal(
                f"irreps_{name}={irreps}: FlashCart has one tensor of natural parity for each rank",
                "ask for 0e+1o+2e ..., without gaps",
            )
    if target.device == "cuda":
        if max(tops_of(problem)) > LARGEST:
            return Refusal(f"FlashCart's kernels go to rank {LARGEST}", "ask for less, or for cpu")
        if importlib.util.find_spec("triton") is None:
            return Refusal("not installed: triton", "pip install triton")
    return supports(problem, target)


IMPLEMENTATION = Implementation(
    operation="channelwise",
    name="torch_flashcart",
    title="FlashCart",
    framework="torch",
    build=torch_flashcart,
    supports=flashcart_supports,
    requires=("flashcart",),
    remedy="pip install --no-deps flashcart",
    papers=("zaverkin2026",),
    licence="Apache-2.0",
)
