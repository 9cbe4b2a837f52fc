r"""Irreps of O(2), what is left of O(3) in the frame of an edge, as complex numbers [@xu2026].

The turns about an edge and the reflections in the planes that hold it keep the edge. With the edge
on the polar axis, x' = D x, each item (l, p) of a feature becomes one complex number for each order
m = 0 .. l,

    c[m] = x'[+m] + i x'[-m]   for natural parity p = (-1)^l, times -i for the other,

c[0] without its second term. A turn by an angle t multiplies c[m] by exp(+-imt), a reflection is
the complex conjugate. So c[0] is real, the irrep 0e, for natural parity and imaginary, 0o, for the
other, and c[m] is the irrep m of O(2). Whatever is made of these numbers with real coefficients and
conserves m, a conjugate counting as -m, commutes with O(2), and turned back with O(3); and every
polynomial that does is one of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from impls.so3.irreps import Irrep, Irreps
from impls.so3.rotations import representation
from impls.spaces import Array, Arrays


@dataclass(frozen=True)
class Component:
    """The order m of an item of irreps: an irrep 0e, 0o or m of O(2)."""

    item: int
    m: int
    natural: bool

    @property
    def kind(self) -> str:
        """Return its irrep by name."""
        return str(self.m) if self.m else "0e" if self.natural else "0o"


def is_natural(ir: Irrep) -> bool:
    """Tell whether an irrep of O(3) has the parity of a spherical harmonic."""
    return bool(ir.p == (-1) ** ir.l)


def components_of(irreps: Irreps) -> tuple[Component, ...]:
    """Return the irreps of O(2) in irreps of O(3), by item and m."""
    return tuple(
        Component(item, m, is_natural(ir))
        for item, (_, ir) in enumerate(irreps)
        for m in range(ir.l + 1)
    )


def turned(irreps: Irreps, vectors: Array) -> Array:
    """Return D [edges, dim, dim] of rotations that take `vectors` to the polar axis y.

    They turn about the edge otherwise than those of the implementations do, which must not matter:
    the frame is made of the vector and the axis that is least along it.
    """
    up = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    beside = np.eye(3)[np.abs(up).argmin(1)]
    first = np.cross(up, beside)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return representation(irreps, np.stack([first, up, np.cross(first, up)], 1))


def numbers_of(irreps: Irreps, x: Array) -> dict[tuple[int, int], Array]:
    """Return c by (item, m), of x [..., dim] in the frame."""
    found = {}
    for item, ((_, ir), part) in enumerate(zip(irreps, irreps.slices(), strict=True)):
        x_l = x[..., part]
        for m in range(ir.l + 1):
            c = x_l[..., ir.l + m] + 1j * (x_l[..., ir.l - m] if m else 0)
            found[item, m] = c if is_natural(ir) else -1j * c
    return found


def feature_of(irreps: Irreps, numbers: Mapping[tuple[int, int], Array]) -> Array:
    """Return the components [..., dim] of some numbers; of c[0] only what its irrep has."""
    shape = next(iter(numbers.values())).shape
    x = np.zeros((*shape, irreps.dim))
    for (item, m), number in numbers.items():
        ir, start = irreps.items[item][1], irreps.slices()[item].start
        c = number if is_natural(ir) else 1j * number
        x[..., start + ir.l + m] = c.real
        if m:
            x[..., start + ir.l - m] = c.imag
    return x


def numbers_at(end: str, irreps: Irreps, inputs: Arrays) -> dict[tuple[int, int], Array]:
    """Return c [edges, channels] of x at one end of the edges, "src" or "dst"."""
    turn = turned(irreps, inputs["v"])
    return numbers_of(irreps, np.einsum("eij,ecj->eci", turn, inputs["x"][inputs[end]]))


def summed(irreps: Irreps, numbers: Mapping[tuple[int, int], Array], inputs: Arrays) -> Array:
    """Return z [nodes, channels, dim]: what the numbers of edges are out of the frame, by `dst`."""
    turn, message = turned(irreps, inputs["v"]), feature_of(irreps, numbers)
    z = np.zeros((*inputs["x"].shape[:-1], irreps.dim))
    np.add.at(z, inputs["dst"], np.einsum("eji,ecj->eci", turn, message))
    return z
