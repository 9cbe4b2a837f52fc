"""The Space of an array whose last axis carries irreps of O(3) or SO(3)."""

from __future__ import annotations

import numpy as np

from impls.groups import Element
from impls.so3.irreps import Irreps
from impls.so3.rotations import representation
from impls.spaces import Array, Space


def irreps_space(shape: tuple[int, ...], irreps: Irreps | str, axis: str = "batch") -> Space:
    """Return the Space whose last axis carries irreps; a group element is a 3x3 matrix of O(3).

    `axis` names what axis 0 counts.

    >>> irreps_space((1, 4), "0e+1o").act(-np.eye(3), np.ones((1, 4))).tolist()
    [[1.0, -1.0, -1.0, -1.0]]
    """
    parsed = Irreps.parse(irreps)
    distinct = Irreps(tuple((1, ir) for ir in dict.fromkeys(ir for _, ir in parsed)))
    blocks = {ir: part for (_, ir), part in zip(distinct, distinct.slices(), strict=True)}

    def act(g: Element, a: Array) -> Array:
        matrices = representation(distinct, g)  # one block per label: outputs repeat it often
        moved = np.empty(a.shape)
        for (mul, ir), part in zip(parsed, parsed.slices(), strict=True):
            copies = a[..., part].reshape(*a.shape[:-1], mul, ir.dim)
            block = matrices[blocks[ir], blocks[ir]]
            moved[..., part] = (copies @ block.T).reshape(*a.shape[:-1], mul * ir.dim)
        return moved

    return Space(shape, act, irreps=str(parsed), axis=axis)
