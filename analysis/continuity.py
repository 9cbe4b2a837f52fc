r"""By how much a map moves when its inputs move a little.

    w(t) = max_d |f(x + t d) - f(x)| / |f(x)|,   |d_a| = |a| for each array a that moves,

over random directions d, with Euclidean norms over all outputs together. Where f is smooth w falls
with t in proportion; where f jumps next to x, it stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from impls.spaces import Arrays


def moves(
    call: Callable[[Arrays], Arrays],
    inputs: Arrays,
    names: Sequence[str],
    steps: Iterable[float],
    rng: np.random.Generator,
    directions: int = 8,
) -> dict[float, float]:
    """Return w(t) for each step t, along the same random directions of the named inputs.

    >>> x = {"x": np.ones(3)}
    >>> found = moves(lambda a: {"y": 2 * a["x"]}, x, ["x"], [1e-3], np.random.default_rng(0))
    >>> round(found[1e-3], 9)
    0.001

    Raises:
        ValueError: when f(x) is zero, or no input is named.
    """
    if not names:
        raise ValueError("no input moves: name one at least")
    at = call(inputs)
    size = _norm(at.values())
    if size == 0.0:
        raise ValueError("f(x) is zero: nothing is relative to it")
    along = []
    for _ in range(directions):
        drawn = {name: rng.standard_normal(inputs[name].shape) for name in names}
        along.append({n: d * (_norm([inputs[n]]) / _norm([d])) for n, d in drawn.items()})
    found = {}
    for step in steps:
        apart = []
        for direction in along:
            moved = {n: inputs[n] + step * d for n, d in direction.items()}
            there = call({**inputs, **moved})
            apart.append(_norm(there[name] - a for name, a in at.items()))
        found[step] = max(apart) / size
    return found


def _norm(arrays: Iterable[np.ndarray]) -> float:
    return float(np.sqrt(sum(float(np.sum(np.square(a, dtype=np.float64))) for a in arrays)))
