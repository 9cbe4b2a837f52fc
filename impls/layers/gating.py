r"""Gates of a layer: scalars meet an activation, and every other irrep that of an invariant.

    z[i] = silu(s[i])                for invariants, tanh for pseudoscalars,
    z[i] = sigmoid(g[i]) s[i]        for all other irreps i

with g an invariant of each such item and channel, which the features s have behind the items of z.
Each meets an invariant alone, so that equivariance is exact. `Gated` and `oracle` are these;
`Gate` also takes other activations of g, as NequIP has silu, and gates of pseudoscalars.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from impls.backends import Backend
from impls.families.feature import invariant
from impls.pointwise.activations import activate, sigmoid
from impls.so3.irreps import Irrep, Irreps
from impls.spaces import Array


@dataclass(frozen=True)
class Gated:
    """The irreps of z, one copy an item."""

    irreps: Irreps

    @property
    def items(self) -> tuple[int, ...]:
        """Return the items that have a gate: all that are no scalars."""
        return tuple(i for i, (_, ir) in enumerate(self.irreps) if ir.l > 0)

    @property
    def every(self) -> Irreps:
        """Return the irreps of s: those of z, and an invariant for each gate."""
        gate = 1, Irrep(0, int(self.irreps.parity))
        return Irreps((*self.irreps.items, *(gate for _ in self.items)))

    def flops(self, components: int) -> int:
        """Return the operations of one channel: ten an activation, one a component that is left."""
        return 10 * len(self.irreps) + components


def oracle(gated: Gated, s: Array) -> Array:
    """Return z [n, channels, dim] of s, which has the gates behind them, in float64."""
    z = np.empty((*s.shape[:-1], gated.irreps.dim))
    gates = dict(zip(gated.items, np.moveaxis(s[..., gated.irreps.dim :], -1, 0), strict=True))
    for i, ((_, ir), part) in enumerate(zip(gated.irreps, gated.irreps.slices(), strict=True)):
        if i in gates:
            z[..., part] = sigmoid(gates[i])[..., None] * s[..., part]
        else:
            z[..., part] = activate("silu" if invariant(ir) else "tanh", s[..., part])
    return z


class Gate:
    """The gates in any framework, on rows: components, or those of them that are used."""

    def __init__(
        self,
        irreps: Irreps,
        gated: Collection[int],
        parts: Sequence[slice],
        opens: Callable[[Any], Any],
        b: Backend,
    ) -> None:
        """Take the items that have a gate, and where all lie among the rows.

        Gates follow them, a row each; `opens` is their activation.
        """
        self.b, self.opens, after = b, opens, parts[-1].stop
        self.silu, self.tanh = b.activation("silu"), b.activation("tanh")
        gates = {i: slice(after + n, after + n + 1) for n, i in enumerate(gated)}
        self.items = [
            (part, invariant(ir), gates.get(i))
            for i, ((_, ir), part) in enumerate(zip(irreps, parts, strict=True))
        ]

    def __call__(self, s: Any) -> Any:
        """Return z [n, rows, channels] of s [n, rows and gates, channels]."""
        found = []
        for part, even, gate in self.items:
            if gate is not None:
                found.append(self.opens(s[:, gate]) * s[:, part])
            else:
                found.append((self.silu if even else self.tanh)(s[:, part]))
        return found[0] if len(found) == 1 else self.b.concatenate(found, 1)
