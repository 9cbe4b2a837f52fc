r"""Three turns about the polar axis, with constant matrices between them: no D is built.

With Euler angles R = R_y(a) R_x(b) R_y(c), and J = D(Q) for the turn Q of y to x that makes
R_x = Q R_y Q^T,

    D(R) x = Z(a) J Z(b) J^T Z(c) x,   (Z(a) x)_m = cos(m a) x_m - sin(m a) x_-m

so that matrices are the same for all samples and channels: two matrix products of the whole batch
[@pinchon2007]. Angles are not computed, only their sines and cosines: those of a and b from R y, of
c from R_y(-a) R, and where R y = +-y, with a = 0. O(L^4) for each channel, as J is applied whole.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.turned import irreps_of
from impls.growth import Growth
from impls.implementation import Built, Target, Tensors
from impls.problem import Problem, Refusal
from impls.so3.rotations import representation

TINY = {"float64": 1e-150, "float32": 1e-18}
"""Sines below which R y counts as +-y: their squares vanish."""
Y_TO_X = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


def angles(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    irreps = irreps_of(problem)
    orders = np.concatenate([np.arange(-ir.l, ir.l + 1) for _, ir in irreps])
    starts = np.repeat([p.start for p in irreps.slices()], [ir.dim for _, ir in irreps])
    centres = np.repeat([ir.l for _, ir in irreps], [ir.dim for _, ir in irreps])
    opposite = b.index(starts + centres - orders)
    which, sign = b.index(np.abs(orders)), b.table(-np.sign(orders))
    change = representation(irreps, Y_TO_X)
    to_x, from_x = b.table(change), b.table(change.T)
    tiny = TINY[problem.dtype]

    def turn(x: Any, waves: tuple[Any, Any]) -> Any:
        """Return Z x for x [batch, channels, dim] and waves [batch, 1, dim]."""
        return waves[0] * x + waves[1] * b.take(x, opposite)

    def waves_of(cosine: Any, sine: Any) -> tuple[Any, Any]:
        """Return cos(m a) and -sin(m a) of each component, from those of a [batch, 1]."""
        cosines, sines = [cosine * 0 + 1, cosine], [sine * 0, sine]
        for _ in range(2, irreps.lmax + 1):
            c, s = cosines[-1], sines[-1]
            cosines.append(cosine * c - sine * s)
            sines.append(sine * c + cosine * s)
        c, s = (b.take(b.concatenate(a, 1), which)[:, None] for a in (cosines, sines))
        return c, s * sign

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        r, x = inputs["R"], inputs["x"]
        tilt = (r[:, :1, 1] ** 2 + r[:, 2:, 1] ** 2) ** 0.5
        upright = b.is_negative(tilt - tiny)
        sine, cosine = r[:, :1, 1] / (tilt + upright), (r[:, 2:, 1] + upright) / (tilt + upright)
        first = cosine[:, :, None] * r[:, :1] - sine[:, :, None] * r[:, 2:]
        x = turn(x, waves_of(first[:, 0, :1], first[:, 0, 2:])) @ to_x
        x = turn(x, waves_of(r[:, 1:2, 1], tilt)) @ from_x
        return {"z": turn(x, waves_of(cosine, sine))}

    return Built(call, kernel="two matrix products of the batch, no D")


def supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse bfloat16, in which sines and cosines of multiples lose their digits."""
    if problem.dtype == "bfloat16":
        return Refusal("multiples of angles need more digits than bfloat16 has", "use float32")
    return None


ALGORITHM = Algorithm(
    "wigner_rotation",
    "angles",
    "turns about the polar axis, no D",
    angles,
    supports=supports,
    papers=("pinchon2007",),
    growth=Growth({"lmax": 4, "channels": 1}),
)
