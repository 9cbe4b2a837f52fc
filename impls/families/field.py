"""Family `field`: two fields on the sphere with values in an irrep, multiplied point by point.

x: [batch, channels, dim] and y: [batch, channels, dim], standard normal: the coefficients of fields
f(rhat) in R^(2s+1) in tensor harmonics

    Y^(l,s)_j = sqrt(2j+1) sum C(l,s,j) Y_l e_s,    |l-s| <= j <= l+s,

orthonormal on the sphere, with the orthonormal harmonics Y_l and the basis e_s of the value. A
field has one copy of each (l, j) with orbital degree l <= lmax, in the order of l, then of j.

The sizes are `value1`, `value2` and `value_out` (the irrep of the values of both fields and of the
product: "1o" is a field of polar vectors, "0e" of scalars), the orbital cutoffs `lmax` of both
inputs and `lout` of the output, `channels` and `batch`. With parity, (l, j) has the parity of the
value times (-1)^l. The degree j reaches lmax + s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from impls.families.product import irreps_space, shape_of
from impls.family import Family, checked, sampled
from impls.groups import Group, orthogonal, rotations
from impls.problem import Problem, Scalar, Size
from impls.sizes import BadSize, Sizes, size
from impls.so3.irreps import Irrep, Irreps
from impls.spaces import Space

VALUES = ("value1", "value2", "value_out")


@dataclass(frozen=True)
class FieldSizes(Sizes):
    """Spins of the values, orbital cutoffs and counts."""

    value1: Irrep
    value2: Irrep
    value_out: Irrep
    lmax: int = size(least=0)
    lout: int = size(least=0)
    channels: int = size()
    batch: int = size()

    def __post_init__(self) -> None:
        """Refuse orbital degrees that no product of the inputs has."""
        if self.lout > 2 * self.lmax:
            raise BadSize(
                f"lout={self.lout}: the product of two fields with orbital degrees up to "
                f"{self.lmax} has none above {2 * self.lmax}",
                f"use lout <= {2 * self.lmax}",
            )


CROSS = ("1o", "1o", "1e")
"""The cross product of two fields of polar vectors."""
DOT = ("1o", "1o", "0e")
"""The scalar product of two fields of polar vectors."""
SCALE = ("0e", "1o", "1o")
"""A field of scalars times a field of polar vectors."""
SCALARS = ("0e", "0e", "0e")
"""The product of two functions on the sphere."""
PRODUCTS = {"cross": CROSS, "dot": DOT, "scale": SCALE, "scalars": SCALARS}
"""The products that have a name."""
POSED = {"dot": DOT, "scale": SCALE}
"""What `pose` asks for besides the cross product, which is its mimo and truncated: all degrees."""


def problem(
    values: Sequence[str],
    lmax: int,
    symmetry: str = "o3",
    *,
    setting: str = "mimo",
    channels: int = 1,
    batch: int = 1000,
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return the product of fields with orbital degrees 0..lmax; `values` are irreps of O(3).

    The setting "mimo" asks for all orbital degrees of the product, 0..2 lmax, and "truncated" for
    0..lmax. Symmetry "so3" forgets the parities.

    Raises:
        ValueError: for an unknown setting or symmetry, a negative lmax or a value that is no irrep.
    """
    lout = {"mimo": 2 * lmax, "truncated": lmax}.get(setting)
    if lout is None:
        raise ValueError(f"unknown setting {setting!r}: fields have mimo and truncated")
    if symmetry not in ("o3", "so3"):
        raise ValueError(f"unknown symmetry {symmetry!r}: choose so3 or o3")
    if lmax < 0:
        raise ValueError(f"lmax must be an integer >= 0, not {lmax}")
    parsed = [Irrep.parse(value) for value in values]
    if symmetry == "so3":
        parsed = [Irrep(value.l, 0) for value in parsed]
    sizes: dict[str, Size] = {
        **{name: str(value) for name, value in zip(VALUES, parsed, strict=True)},
        "lmax": lmax,
        "lout": lout,
        "channels": channels,
        "batch": batch,
    }
    return Problem("field", sizes, dtype=dtype, seed=seed)


def ask(
    values: str | Sequence[str] = "cross",
    lmax: int = 2,
    symmetry: str = "o3",
    *,
    setting: str = "mimo",
    channels: int = 1,
    batch: int = 1000,
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return the product of fields; `values` is a word (cross, dot, scale, scalars) or "1o|1o|1e".

    Raises:
        ValueError: for another word, or as `problem`.
    """
    if isinstance(values, str):
        if values not in PRODUCTS and values.count("|") != 2:
            raise ValueError(
                f"unknown values {values!r}: choose {', '.join(PRODUCTS)}, or write 1o|1o|1e"
            )
        values = PRODUCTS.get(values) or [part.strip() for part in values.split("|")]
    return problem(
        values,
        lmax,
        symmetry,
        setting=setting,
        channels=channels,
        batch=batch,
        dtype=dtype,
        seed=seed,
    )


def values_of(problem: Problem) -> tuple[Irrep, Irrep, Irrep]:
    """Return the irreps of the values of both inputs and of the output."""
    sizes = FieldSizes.of(problem)
    return sizes.value1, sizes.value2, sizes.value_out


def cutoffs_of(problem: Problem) -> tuple[int, int, int]:
    """Return the orbital cutoffs of both inputs and of the output."""
    sizes = FieldSizes.of(problem)
    return sizes.lmax, sizes.lmax, sizes.lout


def harmonics_of(value: Irrep, cutoff: int) -> tuple[tuple[int, Irrep], ...]:
    """Return the orbital degree l and the irrep of each tensor harmonic, in canonical order."""
    return tuple(
        (l, Irrep(j, value.p * (-1) ** l))
        for l in range(cutoff + 1)  # noqa: E741
        for j in range(abs(l - value.l), l + value.l + 1)
    )


def fields_of(problem: Problem) -> tuple[tuple[tuple[int, Irrep], ...], ...]:
    """Return `harmonics_of` both inputs and of the output."""
    pairs = zip(values_of(problem), cutoffs_of(problem), strict=True)
    return tuple(harmonics_of(value, cutoff) for value, cutoff in pairs)


def irreps_of(problem: Problem) -> tuple[Irreps, Irreps, Irreps]:
    """Return (x, y, z) as Irreps, one item for each tensor harmonic."""
    x, y, z = (Irreps(tuple((1, ir) for _, ir in field)) for field in fields_of(problem))
    return x, y, z


def _group(problem: Problem) -> Group:
    return orthogonal() if values_of(problem)[0].p else rotations()


def _inputs(problem: Problem) -> Mapping[str, Space]:
    first, second, _ = irreps_of(problem)
    return {
        "x": irreps_space(shape_of(problem, first), first),
        "y": irreps_space(shape_of(problem, second), second),
    }


def _facets(asked: Problem) -> Mapping[str, Scalar]:
    lmax, _, lout = cutoffs_of(asked)
    setting = {lmax: "truncated", 2 * lmax: "mimo"}.get(lout, "custom")
    first, second, out = values_of(asked)
    return {
        "setting": setting,
        "symmetry": "o3" if first.p else "so3",
        "lmax": lmax,
        **({"lout": lout} if setting == "custom" else {}),
        "values": f"{first} | {second} | {out}",
        "channels": int(str(asked.sizes["channels"])),
        "batch": int(str(asked.sizes["batch"])),
    }


def _single(asked: Problem) -> Problem:
    return asked.with_sizes(channels=1, batch=1)


def _pose(
    lmax: int,
    *,
    setting: Literal["mimo", "truncated", "dot", "scale"] = "mimo",
    symmetry: Literal["so3", "o3"] = "so3",
) -> Problem:
    values, cutoff = (POSED[setting], "mimo") if setting in POSED else (CROSS, setting)
    return problem(values, lmax, symmetry, setting=cutoff, batch=1, dtype="float64")


EXAMPLES = (
    problem(DOT, 1, "so3", channels=2, batch=5, dtype="float64"),
    problem(CROSS, 2, batch=5, dtype="float64"),
    problem(SCALE, 2, setting="truncated", batch=5, dtype="float64"),
    problem(("2e", "1o", "2o"), 1, channels=2, batch=5, dtype="float64"),
)

FAMILY = Family(
    name="field",
    title="products of fields on the sphere",
    sizes=FieldSizes,
    ask=ask,
    check=checked(FieldSizes),
    group=_group,
    inputs=_inputs,
    draw=sampled(_inputs),
    facets=_facets,
    axes=("lmax", "channels", "batch"),
    labels={
        "setting": "setting",
        "symmetry": "symmetry",
        "lmax": "orbital degree L",
        "lout": "orbital degree of the product",
        "values": "values of the fields",
        "channels": "channels",
        "batch": "batch",
        "mimo": "all orbital degrees out, 0..2L",
        "truncated": "orbital degrees out up to L",
        "o3": "O(3)",
        "so3": "SO(3), degrees only",
    },
    examples=EXAMPLES,
    batch="batch",
    single=_single,
    pose=_pose,
)
