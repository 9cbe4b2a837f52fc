r"""Family `multivector`: two multivectors of the projective algebra G(3,0,1), with channels.

x, y: [batch, channels, 16], standard normal, in the basis of products of e0, e1, e2, e3 with
e0^2 = 0 and e1^2 = e2^2 = e3^2 = 1, grade after grade and in the order of their indices:

    1 | e0 e1 e2 e3 | e01 e02 e03 e12 e13 e23 | e012 e013 e023 e123 | e0123

reference: [batch, 1], standard normal: the pseudoscalar of an oriented reference, which changes
sign under inversion and which `join` needs.

The vector n1 e1 + n2 e2 + n3 e3 + d e0 is the plane n.p + d = 0, so that the element p -> R p + t
of E(3) takes n to R n and d to d - t.(R n); on all other grades it acts through products of
vectors. The point p is e123 - p1 e023 + p2 e013 - p3 e012, where three planes meet. A group element
is the matrix [[R, t], [0, 1]], [4, 4]. Translations act by matrices that are not orthogonal, so
that gradients move by the inverse transpose. The sizes are `channels` and `batch`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from impls.family import Family, checked, sampled
from impls.groups import Element, Group, euclidean, orthogonal
from impls.problem import Problem, Scalar
from impls.sizes import Sizes
from impls.spaces import Array, Space


@dataclass(frozen=True)
class MultivectorSizes(Sizes):
    """How many."""

    channels: int
    batch: int


BLADES = tuple(indices for grade in range(5) for indices in combinations(range(4), grade))
"""The basis: which of e0..e3 are multiplied."""
GRADES = (slice(0, 1), slice(1, 5), slice(5, 11), slice(11, 15), slice(15, 16))
"""Where each grade lies in the last axis."""


def problem(
    *,
    channels: int = 1,
    batch: int = 1000,
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return the product of projective multivectors with these sizes."""
    return Problem("multivector", {"channels": channels, "batch": batch}, dtype=dtype, seed=seed)


def sizes_of(asked: Problem) -> tuple[int, int]:
    """Return (batch, channels)."""
    sizes = MultivectorSizes.of(asked)
    return sizes.batch, sizes.channels


def representation(element: Element) -> Array:
    """Return the matrix [16, 16] by which [[R, t], [0, 1]] acts on multivectors.

    The action on vectors, extended to products: on each grade the matrix of minors.
    """
    turn, shift = element[:3, :3], element[:3, 3]
    vectors = np.eye(4)
    vectors[1:, 1:], vectors[0, 1:] = turn, -shift @ turn
    matrix = np.zeros((16, 16))
    for part in GRADES:
        blades = np.array(BLADES[part], dtype=int)
        minors = vectors[blades[:, None, :, None], blades[None, :, None, :]]
        matrix[part, part] = np.linalg.det(minors)
    return matrix


def multivectors(asked: Problem) -> Space:
    """Return the Space of multivectors [batch, channels, 16]."""

    def act(g: Element, a: Array) -> Array:
        return np.asarray(a @ representation(g).T)

    def dual(g: Element, a: Array) -> Array:
        return np.asarray(a @ representation(np.linalg.inv(g)))

    return Space((*sizes_of(asked), 16), act, dual=dual, axis="batch")


def _pseudoscalars(asked: Problem) -> Space:
    def act(g: Element, a: Array) -> Array:
        return np.asarray(np.linalg.det(g[:3, :3]) * a)

    return Space((sizes_of(asked)[0], 1), act, axis="batch")


def _group(asked: Problem) -> Group:
    return euclidean(orthogonal())


def _inputs(asked: Problem) -> Mapping[str, Space]:
    return {
        "x": multivectors(asked),
        "y": multivectors(asked),
        "reference": _pseudoscalars(asked),
    }


def _facets(asked: Problem) -> Mapping[str, Scalar]:
    batch, channels = sizes_of(asked)
    return {"algebra": "G(3,0,1)", "channels": channels, "batch": batch}


def _single(asked: Problem) -> Problem:
    return asked.with_sizes(channels=1, batch=1)


EXAMPLES = tuple(problem(channels=c, batch=8, dtype="float64") for c in (1, 3))

FAMILY = Family(
    name="multivector",
    title="bilinears of multivectors",
    sizes=MultivectorSizes,
    ask=problem,
    check=checked(MultivectorSizes),
    group=_group,
    inputs=_inputs,
    draw=sampled(_inputs),
    facets=_facets,
    axes=("channels", "batch"),
    labels={"algebra": "algebra", "channels": "channels", "batch": "batch"},
    examples=EXAMPLES,
    batch="batch",
    single=_single,
)
