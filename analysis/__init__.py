"""What is understood: pure functions of NumPy callables with their Spaces, and of samples.

Nothing here starts a process, opens a file or imports a framework; only `impls` is imported.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["assert_equivariant"]


def assert_equivariant(
    f: Callable[..., Any],
    *irreps: str,
    tolerance: float = 1e-6,
    samples: int = 8,
    seed: int = 0,
) -> None:
    """Assert that f maps irreps to irreps equivariantly: |f(g x) - g f(x)| <= tolerance |f(x)|.

    The last of `irreps` is that of the output, those before are those of the arguments of f, each
    an array [samples, dim] in float64; f returns an array of as many rows, or what NumPy makes one.
    Irreps with parity (0e+1o) are moved by rotations and the inversion, those without (0+1) by
    rotations.

    >>> import numpy as np
    >>> from analysis import assert_equivariant
    >>> assert_equivariant(np.cross, "1o", "1o", "1e")
    >>> assert_equivariant(np.cross, "1o", "1o", "1o")
    Traceback (most recent call last):
    ...
    AssertionError: not equivariant under inversion: error 2.0e+00, above 1e-06

    Raises:
        AssertionError: naming the subgroup and the largest error.
        ValueError: for fewer than two irreps, irreps that mix parity and none, or an output that
            does not have the shape of its irreps, or is zero.
    """
    import numpy as np

    from analysis.equivariance import errors
    from impls.groups import orthogonal, rotations
    from impls.so3.irreps import Irreps
    from impls.so3.space import irreps_space

    if len(irreps) < 2:
        raise ValueError("name the irreps of each argument and of the output: at least two")
    parsed = [Irreps.parse(text) for text in irreps]
    if len({each.parity for each in parsed}) > 1:
        raise ValueError(f"some of {', '.join(irreps)} have a parity and some have none")
    spaces = [irreps_space((samples, each.dim), each) for each in parsed]
    named = {f"argument {i}": space for i, space in enumerate(spaces[:-1])}
    rng = np.random.default_rng(seed)
    arrays = {name: space.sample(rng) for name, space in named.items()}

    def call(inputs: dict[str, Any]) -> dict[str, Any]:
        out = np.asarray(f(*inputs.values()))
        if out.shape != spaces[-1].shape:
            raise ValueError(
                f"the output has shape {out.shape}, and {irreps[-1]} means {spaces[-1].shape}"
            )
        return {"output": out}

    group = orthogonal() if parsed[0].parity else rotations()
    for name, subgroup in group.subgroups.items():
        elements = subgroup.sample(rng, samples)
        found = errors(call, named, {"output": spaces[-1]}, arrays, elements).per_element
        if not found.max() <= tolerance:
            raise AssertionError(
                f"not equivariant under {name}: error {found.max():.1e}, above {tolerance:g}"
            )
