r"""Numerical accuracy: how many digits an implementation loses, and in which irreps of its output.

Against a float64 oracle f_0, for inputs that the data type holds exactly,

    error = |f - f_0| / |f_0|,   digits lost = log10(error / u),   u = eps / 2

with Euclidean norms over all real outputs, and u the unit roundoff of the data type: a result that
is only rounded loses none [@higham2002]. A map of degree d is scale free, f(s x) = s^d f(x), until
it leaves the range of its exponents; a map that is not homogeneous may lose digits with the
magnitude. In float64 the oracle's own rounding is part of the error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from impls.so3.irreps import Irreps
from impls.spaces import Arrays, Space

MAGNITUDES = (1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3)


@dataclass(frozen=True)
class Accuracy:
    """Relative errors: over everything, and for each irrep of the outputs over its own block.

    `per_irrep` maps "1o" to |f - f_0| / |f_0| over all copies of 1o; irreps where f_0 vanishes are
    left out, and so are outputs without irreps. An error is nan where the result is not finite.
    """

    error: float
    per_irrep: Mapping[str, float]

    def digits_lost(self, eps: float) -> float:
        """Return log10(error / (eps / 2)): -inf for no error at all, inf for no finite result."""
        if not math.isfinite(self.error):
            return math.inf
        return math.log10(self.error / (eps / 2)) if self.error else -math.inf

    @property
    def worst(self) -> tuple[str, float]:
        """Return the irrep with the largest error of its own, and that error; ("", nan) if none."""
        return max(self.per_irrep.items(), key=lambda item: item[1], default=("", math.nan))


def accuracy(found: Arrays, expected: Arrays, spaces: Mapping[str, Space]) -> Accuracy:
    """Compare real outputs, NumPy arrays by name, with the oracle's.

    >>> found, exact = np.array([1.0, 0.0, 0.0, 2.2]), np.array([1.0, 0.0, 0.0, 2.0])
    >>> judged = accuracy({"z": found}, {"z": exact}, {"z": Space((4,), irreps="0e+1o")})
    >>> {ir: round(error, 6) for ir, error in judged.per_irrep.items()}
    {'0e': 0.0, '1o': 0.1}

    Raises:
        ValueError: when the oracle is identically zero.
    """
    names = [name for name, space in spaces.items() if space.kind == "real"]
    squares: dict[str, list[float]] = {}
    error = scale = 0.0
    for name in names:
        right = np.asarray(expected[name], np.float64)
        wrong = np.asarray(found[name], np.float64) - right
        error, scale = error + float(np.sum(wrong**2)), scale + float(np.sum(right**2))
        for label, part in _blocks(spaces[name]):
            sums = squares.setdefault(label, [0.0, 0.0])
            sums[0] += float(np.sum(wrong[..., part] ** 2))
            sums[1] += float(np.sum(right[..., part] ** 2))
    if scale == 0.0:
        raise ValueError("the oracle is identically zero: a relative error is not defined")
    per_irrep = {label: math.sqrt(a / b) for label, (a, b) in squares.items() if b}
    return Accuracy(math.sqrt(error / scale), per_irrep)


def sweep(
    call: Callable[[Arrays], Arrays],
    oracle: Callable[[Arrays], Arrays],
    inputs: Arrays,
    spaces: Mapping[str, Space],
    scaled: Iterable[str],
    rounded: Callable[[Arrays], Arrays],
    magnitudes: Iterable[float] = MAGNITUDES,
) -> dict[float, Accuracy]:
    """Return the accuracy at each magnitude: the inputs named in `scaled` are multiplied by it.

    `call` and `oracle` map inputs to outputs, `spaces` are those of the outputs. `rounded(inputs)`
    returns what the data type holds of them, so that only the map's own rounding is seen.
    """
    moved = tuple(scaled)
    found = {}
    for magnitude in magnitudes:
        arrays = rounded({n: a * magnitude if n in moved else a for n, a in inputs.items()})
        found[magnitude] = accuracy(call(arrays), oracle(arrays), spaces)
    return found


def _blocks(space: Space) -> Iterable[tuple[str, slice]]:
    if space.irreps is None:
        return
    irreps = Irreps.parse(space.irreps)
    for (_, ir), part in zip(irreps, irreps.slices(), strict=True):
        yield str(ir), part
