"""A sorter: it has a gradient and no second one, and says so.

Family `keys`: keys [batch, length]; a group element permutes them. Operation `sort`: the same keys
in ascending order, which no permutation changes. Between ties the result is one fixed permutation
of the keys, so that the gradient does not depend on them: `refused` says why nothing is measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from impls.family import Family, checked, sampled
from impls.groups import symmetric
from impls.implementation import Built, Implementation, Target
from impls.operation import Operation, exact
from impls.problem import BYTES, Problem, Scalar
from impls.sizes import Sizes
from impls.spaces import Arrays, Space


@dataclass(frozen=True)
class KeysSizes(Sizes):
    """Rows of keys."""

    batch: int
    length: int


def _keys(problem: Problem) -> Space:
    s = KeysSizes.of(problem)
    return Space((s.batch, s.length), lambda p, a: a[:, np.argsort(p)], axis="batch")


def _inputs(problem: Problem) -> Mapping[str, Space]:
    return {"keys": _keys(problem)}


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"ascending": Space(_keys(problem).shape, axis="batch")}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Put each key where as many are smaller."""
    keys = inputs["keys"]
    rank = np.sum(keys[:, None, :] < keys[:, :, None], axis=2)
    found = np.empty_like(keys)
    np.put_along_axis(found, rank, keys, axis=1)
    return {"ascending": found}


def _cost(problem: Problem) -> Mapping[str, float]:
    s = KeysSizes.of(problem)
    comparisons = s.batch * s.length * np.log2(s.length)
    return {"flops": comparisons, "bytes": 2.0 * s.batch * s.length * BYTES[problem.dtype]}


EXAMPLE = Problem("keys", {"batch": 5, "length": 7}, dtype="float64")
FAMILY = Family(
    name="keys",
    sizes=KeysSizes,
    check=checked(KeysSizes),
    group=lambda problem: symmetric(KeysSizes.of(problem).length),
    inputs=_inputs,
    draw=sampled(_inputs),
    facets=lambda problem: dict(vars(KeysSizes.of(problem))),
    batch="batch",
    examples=(EXAMPLE,),
)
OPERATION = Operation(
    name="sort",
    family="keys",
    summary="the keys in ascending order",
    papers=(),
    claims=exact("permutation"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    refused={"grad2": "between ties the gradient of a sorter is constant"},
)


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    import torch

    return Built(lambda inputs, weights: {"ascending": torch.sort(inputs["keys"], -1).values})


TORCH = Implementation("sort", "torch_sort", "torch", _build)
