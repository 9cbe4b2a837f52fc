"""Derivatives of a form as launches of Triton programs, for tensors on a GPU.

Each output takes one launch, which does all terms of the derivative; what is summed at nodes has
its edges sorted first, in the call.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from functools import lru_cache
from typing import Any, NamedTuple

import torch
import triton

from impls.kernels import memory
from impls.kernels.derivative import Derivative
from impls.kernels.kernel import Kernel, Shape
from impls.kernels.terms import terms_of
from impls.kernels.triton_programs import at_edges, sum_at_nodes, sum_rows

TILE, COMPONENTS = 128, 16
"""The most rows or channels that a program takes, and components, one after another."""
PROGRAMS = 8192
"""So many programs keep a large GPU busy: each takes fewer components where there are less."""
X, S, W, G = range(4)
"""Slots of a convolution with weights; without, G is 2."""


class Launch(NamedTuple):
    """A program, its grid, its arguments by name, and its constants."""

    program: Any
    grid: tuple[int, ...]
    arguments: dict[str, Any]
    constants: dict[str, Any]


class Output(NamedTuple):
    """An output of a derivative, in a slot: `terms` has the places of its arguments by slot."""

    slot: int
    terms: Sequence[tuple[int, ...]]


class Programs:
    """The launches of a derivative at a data type: called with tensors, outputs and counts."""

    def __init__(self, kernel: Kernel, derivative: Derivative, dtype: str) -> None:
        """Find of which arguments each output is made, and make the tables."""
        self.kernel, self.derivative, self.dtype = kernel, derivative, dtype
        place = {a: n for n, a in enumerate(derivative.given)}
        self.outputs = []
        for a in derivative.wanted:
            slot = derivative.slots[a]
            terms = [term for term in derivative.terms if term[slot] == a]
            others = [
                tuple(place[term[other]] for term in terms if other != slot)
                for other in range(kernel.slots)
            ]
            self.outputs.append(Output(slot, others))
            terms_of(kernel, slot)
        self.sizes = lru_cache(maxsize=256)(self._sizes)

    def _sizes(self, shapes: tuple[Shape, ...]) -> tuple[tuple[Shape, ...], tuple[int, ...]]:
        """Return the shapes of the outputs, and the numbers of rows, for those of all arguments."""
        given = shapes[: len(self.derivative.given)]
        counts = self.kernel.counts(self.derivative, shapes)
        return self.kernel.shapes(self.derivative, given), counts

    def laid(self, tensors: Sequence[Any]) -> list[Any]:
        """Return tensors as they lie in memory here; copies of those that lie otherwise."""
        return memory.laid(self.kernel, self.derivative, tensors)

    def empty(self, leader: Any, shapes: Sequence[Shape]) -> list[Any]:
        """Return new tensors for the outputs."""
        return memory.empty(self.kernel, self.derivative, leader, shapes)

    def fill(self, tensors: Sequence[Any], outputs: Sequence[Any], counts: tuple[int, ...]) -> None:
        """Fill the outputs; `counts` are as `sizes` returned them."""
        device = tensors[0].device
        with torch.cuda.device(device) if device.type == "cuda" else nullcontext():
            for launch in self.launches(tensors, outputs, counts):
                launch.program[launch.grid](**launch.arguments, **launch.constants)

    def launches(
        self, tensors: Sequence[Any], outputs: Sequence[Any], counts: tuple[int, ...]
    ) -> list[Launch]:
        """Return what fills the outputs, but for those that no term reaches: these are zeroed."""
        found = []
        for output, out in zip(self.outputs, outputs, strict=True):
            if out.numel() and any(output.terms):
                found.append(self._launch(output, tensors, out, counts))
            else:
                out.zero_()
        return found

    def _launch(
        self, output: Output, tensors: Sequence[Any], out: Any, counts: tuple[int, ...]
    ) -> Launch:
        """Return the launch that fills an output."""
        arrays = [tuple(tensors[n] for n in terms) for terms in output.terms]
        table = SlotTable(self.kernel, output.slot, self.dtype, out.device)
        if self.kernel.indices:
            return _on_graph(table, arrays, tensors[len(self.derivative.given) :], out, *counts)
        return _on_rows(table, arrays, out, *counts)


class SlotTable:
    """The terms of the components of a slot on a device, and what a program reads of each slot."""

    def __init__(self, kernel: Kernel, slot: int, dtype: str, device: Any) -> None:
        self.slot, self.sizes = slot, kernel.entries.sizes
        self.size = self.sizes[slot]
        begins, self.places, numbers = _uploaded(kernel, slot, dtype, device)
        self.arguments = {"begins": begins, "numbers": numbers, "size": self.size}

    def reads(self, name: str, slot: int, arrays: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
        """Return the arguments of a program for a slot that it reads by a name."""
        return {
            f"{name}s": arrays[slot],
            f"{name}_places": self.places[slot],
            f"{name}_size": self.sizes[slot],
        }


@lru_cache(maxsize=256)
def _uploaded(kernel: Kernel, slot: int, dtype: str, device: Any) -> tuple[Any, Any, Any]:
    """Return where terms of components begin, their places and numbers, on a device."""
    terms = terms_of(kernel, slot)
    begins, places = (torch.tensor(a, device=device) for a in (terms.first, terms.places))
    return begins, places, torch.tensor(terms.numbers, dtype=getattr(torch, dtype), device=device)


def _on_rows(table: SlotTable, arrays: Sequence[tuple[Any, ...]], out: Any, samples: int) -> Launch:
    """Return the launch for an output of a trilinear form."""
    left, right = (slot for slot in range(3) if slot != table.slot)
    rows, across, chunks, options = _tile(1, samples, table.size)
    arguments = {
        "out": out,
        "lefts": arrays[left],
        "rights": arrays[right],
        "left_places": table.places[left],
        "right_places": table.places[right],
        "samples": samples,
        **table.arguments,
    }
    return Launch(sum_rows, (across, chunks), arguments, {"ROWS": rows, **options})


def _on_graph(
    table: SlotTable,
    arrays: Sequence[tuple[Any, ...]],
    ends: Sequence[Any],
    out: Any,
    nodes: int,
    edges: int,
    channels: int,
) -> Launch:
    """Return the launch for an output of a convolution; `ends` are src and dst."""
    slot, value = table.slot, len(table.sizes) - 1
    weighted = value == G
    sums = slot in (X, value)
    block, across, chunks, options = _tile(nodes if sums else edges, channels, table.size)
    constants = {"WEIGHTED": weighted, "CHANNELS": block, **options}
    arguments = {"out": out, "nodes": nodes, "channels": channels, **table.arguments}
    if sums:
        here, other = (0, value) if slot == X else (1, X)
        order, first = _sorted(ends[here], nodes)
        arguments |= {
            "order": order,
            "first": first,
            "ends": ends[1 - here],
            "edges": edges,
            **table.reads("other", other, arrays),
            **table.reads("harmonic", S, arrays),
            **table.reads("weight", W if weighted else S, arrays),
        }
        grid: tuple[int, ...] = nodes, across, chunks
        return Launch(sum_at_nodes, grid, arguments, {**constants, "ONE_PATH": slot == value})
    arguments |= {
        "src": ends[0],
        "dst": ends[1],
        **table.reads("feature", X, arrays),
        **table.reads("cotangent", value, arrays),
        **table.reads("factor", S if slot == W else W if weighted else X, arrays),
    }
    return Launch(at_edges, (edges, chunks), arguments, {**constants, "WEIGHTS": slot != S})


def _tile(places: int, count: int, size: int) -> tuple[int, int, int, dict[str, Any]]:
    """Return how many rows or channels a program takes, the numbers of programs for all of these
    and for all components, and the constants of a program.

    There are `count` rows or channels at each of so many places, with `size` components.
    """
    taken = min(TILE, triton.next_power_of_2(count))
    across = triton.cdiv(count, taken)
    most = max(1, min(COMPONENTS, size * places * across // PROGRAMS))
    components = 1 << (most.bit_length() - 1)
    options = {"COMPONENTS": components, "num_warps": 1, "enable_fp_fusion": True}
    return taken, across, triton.cdiv(size, components), options


def _sorted(ends: Any, nodes: int) -> tuple[Any, Any]:
    """Return edges in the order of the nodes at one end, and the first [nodes + 1] of each node."""
    values, order = torch.sort(ends, stable=True)
    numbers = torch.arange(nodes + 1, dtype=values.dtype, device=values.device)
    return order, torch.searchsorted(values, numbers, out_int32=True)
