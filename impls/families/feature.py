"""Family `feature`: one feature with channels, as powers and pointwise layers take it.

x: [batch, channels, dim(irreps_in)], standard normal. The sizes are the irreps in and out (each
copy written out: 0e+0e+1o), `nu`, `activation`, `channels` in and `channels_out`, `batch` and
`weights`: "shared" by all samples, or "per_sample". `nu` >= 2 asks for products of so many copies
of x into `irreps_out`; `nu` = 1 for a function of x with an `activation` (silu or tanh), or for a
map of x without one: the linear maps, and norms. The group is O(3), or SO(3) for irreps without
parity.

Data "normal" leaves x as drawn. Data "frames" moves the first two vectors (degree 1) of each
channel apart, for layers that build a frame from them: of lengths between 6 and 8, at an angle
between 75 and 105 degrees, in a random direction. A frame then varies slowly on the scale of x.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from impls.families import product
from impls.family import Family, checked
from impls.groups import Group, orthogonal, rotations
from impls.problem import Problem, Refusal, Scalar, Size
from impls.sizes import BadSize, Sizes
from impls.so3.irreps import Irrep, Irreps, degrees, natural, standard
from impls.so3.rotations import random_rotations
from impls.so3.space import irreps_space
from impls.spaces import Array, Arrays, Space
from impls.streams import Streams

Activation = Literal["none", "silu", "tanh"]
Weights = Literal["shared", "per_sample"]
DATA = ("normal", "frames")


@dataclass(frozen=True)
class FeatureSizes(Sizes):
    """One copy of each item: channels are an axis."""

    irreps_in: Irreps
    irreps_out: Irreps
    nu: int
    activation: Activation
    channels: int
    channels_out: int
    batch: int
    weights: Weights

    def __post_init__(self) -> None:
        """Refuse a power with an activation."""
        if self.nu > 1 and self.activation != "none":
            raise BadSize(
                f"nu={self.nu} with activation={self.activation}: a product has no activation",
                "use nu=1, or activation=none",
            )


def layer(
    irreps: str | Irreps,
    *,
    activation: str = "silu",
    data: str = "normal",
    channels: int = 1,
    batch: int = 1000,
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return the problem of a pointwise layer on these irreps; activation "none" of one without."""
    text = str(Irreps.parse(irreps))
    sizes = _sizes(text, text, 1, activation, channels, channels, batch, "shared")
    return Problem("feature", sizes, dtype=dtype, data=data, seed=seed)


def power(
    nu: int,
    lmax: int,
    lmax_out: int,
    symmetry: str = "o3",
    *,
    channels: int = 1,
    channels_out: int | None = None,
    weights: str = "shared",
    batch: int = 1000,
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return the nu-fold power of degrees 0..lmax into degrees 0..lmax_out.

    Symmetry "o3" has natural parity in and out, (-1)^l; "so3" has degrees only.

    Raises:
        ValueError: for an unknown symmetry or a negative degree.
    """
    if lmax < 0 or lmax_out < 0:
        raise ValueError(f"lmax and lmax_out must be integers >= 0, not {lmax} and {lmax_out}")
    inside = str(standard(symmetry, range(lmax + 1)))
    out = str(standard(symmetry, range(lmax_out + 1)))
    many = channels if channels_out is None else channels_out
    sizes = _sizes(inside, out, nu, "none", channels, many, batch, weights)
    return Problem("feature", sizes, dtype=dtype, seed=seed)


def ask(
    lmax: int | None = None,
    symmetry: str = "o3",
    *,
    irreps_in: str | Irreps | None = None,
    irreps_out: str | Irreps | None = None,
    lmax_out: int | None = None,
    nu: int | None = None,
    activation: str | None = None,
    channels: int = 1,
    channels_out: int | None = None,
    weights: str = "shared",
    batch: int = 1000,
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    data: str = "normal",
    seed: int = 0,
) -> Problem:
    """Return a layer with an activation (silu unless said otherwise), or a power of nu factors.

    Activation "none" asks for a map without one. Irreps in are degrees 0..lmax, with data "frames"
    also the scalars and vectors that a gated layer has. Outputs have the irreps of the input unless
    lmax_out or irreps_out say otherwise.

    Raises:
        ValueError: for neither lmax nor irreps_in, or both; or as `power`.
    """
    if (lmax is None) == (irreps_in is None):
        raise ValueError("family feature needs lmax or irreps_in, and not both")
    if lmax is not None:
        inside = gated(lmax) if data == "frames" else standard(symmetry, range(lmax + 1))
    else:
        inside = Irreps.parse(str(irreps_in))
    if lmax_out is not None:
        out = standard("o3" if inside.parity else "so3", range(lmax_out + 1))
    else:
        out = inside if irreps_out is None else Irreps.parse(irreps_out)
    power_of = 1 if nu is None else nu
    if activation is None:
        activation = "silu" if power_of == 1 else "none"
    many = channels if channels_out is None else channels_out
    sizes = _sizes(str(inside), str(out), power_of, activation, channels, many, batch, weights)
    return Problem("feature", sizes, dtype=dtype, data=data, seed=seed)


def _sizes(
    inside: str,
    out: str,
    nu: int,
    activation: str,
    channels: int,
    channels_out: int,
    batch: int,
    weights: str,
) -> dict[str, Size]:
    values = inside, out, nu, activation, channels, channels_out, batch, weights
    return dict(zip(FeatureSizes.names(), values, strict=True))


def irreps_of(asked: Problem) -> tuple[Irreps, Irreps]:
    """Return (in, out) as Irreps."""
    sizes = FeatureSizes.of(asked)
    return sizes.irreps_in, sizes.irreps_out


def irreps_in_of(asked: Problem) -> Irreps:
    """Return the irreps of x."""
    return FeatureSizes.of(asked).irreps_in


def nu_of(asked: Problem) -> int:
    """Return the number of factors."""
    return FeatureSizes.of(asked).nu


def activation_of(asked: Problem) -> str:
    """Return the name of the activation."""
    return FeatureSizes.of(asked).activation


def shape_of(asked: Problem) -> tuple[int, int, int]:
    """Return [batch, channels, dim], the shape of x."""
    sizes = FeatureSizes.of(asked)
    return sizes.batch, sizes.channels, sizes.irreps_in.dim


def feature_space(asked: Problem) -> Space:
    """Return the Space of x, which is that of the output of most layers."""
    sizes = FeatureSizes.of(asked)
    return irreps_space((sizes.batch, sizes.channels, sizes.irreps_in.dim), sizes.irreps_in)


def output_space(asked: Problem, irreps: Irreps) -> Space:
    """Return the Space [batch, channels_out, dim(irreps)]."""
    sizes = FeatureSizes.of(asked)
    return irreps_space((sizes.batch, sizes.channels_out, irreps.dim), irreps)


def channels_of(asked: Problem) -> tuple[int, int]:
    """Return the numbers of channels (in, out)."""
    sizes = FeatureSizes.of(asked)
    return sizes.channels, sizes.channels_out


def per_sample(asked: Problem) -> bool:
    """Tell whether every sample has weights of its own."""
    return FeatureSizes.of(asked).weights == "per_sample"


def weight_space(asked: Problem, *shape: int) -> Space:
    """Return the Space of weights of this shape, with the samples in front if each has its own."""
    if per_sample(asked):
        return Space((shape_of(asked)[0], *shape), axis="batch")
    return Space(shape)


def vectors_of(irreps: Irreps) -> list[slice]:
    """Return where the vectors (degree 1) lie."""
    return [p for p, (_, ir) in zip(irreps.slices(), irreps, strict=True) if ir.l == 1]


def invariant(ir: Irrep) -> bool:
    """Tell whether nothing moves this irrep: 0e, or 0 without parity."""
    return ir.l == 0 and ir.p >= 0


def no_layer(asked: Problem) -> Refusal | None:
    """Refuse what is no pointwise layer: a power, or other irreps, channels or weights out."""
    sizes = FeatureSizes.of(asked)
    if sizes.nu > 1:
        return Refusal(f"nu={sizes.nu} asks for a product", "ask for nu=1 and an activation")
    if sizes.activation == "none":
        return Refusal("activation=none asks for a map without one", "ask for silu or tanh")
    return unlike_input(asked) or _per_sample(sizes)


def no_map(asked: Problem) -> Refusal | None:
    """Refuse what is no map without an activation, or has weights for each sample."""
    sizes = FeatureSizes.of(asked)
    if sizes.nu > 1:
        return Refusal(f"nu={sizes.nu} asks for a product", "ask for nu=1 and activation=none")
    if sizes.activation != "none":
        return Refusal(
            f"activation={sizes.activation}: this map has none", "ask for activation=none"
        )
    return _per_sample(sizes)


def unlike_input(asked: Problem) -> Refusal | None:
    """Refuse other irreps or channels out than in."""
    sizes = FeatureSizes.of(asked)
    if sizes.irreps_out != sizes.irreps_in or sizes.channels_out != sizes.channels:
        return Refusal(
            "a pointwise layer has the irreps and channels of its input",
            "leave irreps_out and channels_out out",
        )
    return None


def no_power(asked: Problem) -> Refusal | None:
    """Refuse what is no product of x with itself channel by channel."""
    sizes = FeatureSizes.of(asked)
    if sizes.nu == 1:
        return Refusal("nu=1 asks for a function, not for a product", "ask for nu >= 2")
    if sizes.channels_out != sizes.channels:
        return Refusal(
            f"channels_out={sizes.channels_out}: every channel is multiplied by itself alone",
            "use as many channels out as in, or tensor_square",
        )
    return _per_sample(sizes)


def _per_sample(sizes: FeatureSizes) -> Refusal | None:
    if sizes.weights == "shared":
        return None
    return Refusal("weights are shared by all samples", "use weights=shared")


def _also(asked: Problem) -> Refusal | None:
    irreps = FeatureSizes.of(asked).irreps_in
    if asked.data == "frames" and len(vectors_of(irreps)) < 2:
        return Refusal(
            f"data 'frames': irreps_in={irreps} has {len(vectors_of(irreps))} of the two vectors "
            "that define a frame",
            "add 1o, or 1",
        )
    return None


def _group(asked: Problem) -> Group:
    return orthogonal() if FeatureSizes.of(asked).irreps_in.parity else rotations()


def _inputs(asked: Problem) -> Mapping[str, Space]:
    return {"x": feature_space(asked)}


def _draw(asked: Problem, streams: Streams) -> Arrays:
    x = feature_space(asked).sample(streams("x"))
    if asked.data == "frames":
        first, second = vectors_of(FeatureSizes.of(asked).irreps_in)[:2]
        _spread(x, first, second, streams("frames"))
    return {"x": x}


def _spread(x: Array, first: slice, second: slice, rng: np.random.Generator) -> None:
    """Replace two vectors of x by the first two columns of a random rotation, turned and scaled."""
    count = x.shape[0] * x.shape[1]
    turns = random_rotations(rng, count).reshape(*x.shape[:2], 3, 3)
    angle = np.pi / 2 + rng.uniform(-np.pi / 12, np.pi / 12, (*x.shape[:2], 1))
    lengths = rng.uniform(6.0, 8.0, (2, *x.shape[:2], 1))
    x[..., first] = lengths[0] * turns[..., 0]
    x[..., second] = lengths[1] * (np.cos(angle) * turns[..., 0] + np.sin(angle) * turns[..., 1])


def _setting(sizes: FeatureSizes) -> str:
    if sizes.nu > 1:
        return "power"
    return "map" if sizes.activation == "none" else "layer"


def _facets(asked: Problem) -> Mapping[str, Scalar]:
    sizes = FeatureSizes.of(asked)
    inside, out = sizes.irreps_in, sizes.irreps_out
    symmetry = "o3" if inside.parity else "so3"
    facets: dict[str, Scalar] = {"setting": _setting(sizes)}
    facets |= {"symmetry": symmetry, "lmax": inside.lmax}
    if sizes.nu > 1:
        facets["nu"] = sizes.nu
    elif sizes.activation != "none":
        facets["activation"] = sizes.activation
    if out != inside:
        facets["lout"] = out.lmax
    parts = [p for p in (inside, out) if p != standard(symmetry, range(p.lmax + 1))]
    if parts:
        shown = (inside,) if out == inside else (inside, out)
        facets["irreps"] = " | ".join("+".join(str(ir) for _, ir in part) for part in shown)
    if asked.data != "normal":
        facets["data"] = asked.data
    facets["channels"] = sizes.channels
    if sizes.channels_out != sizes.channels:
        facets["channels_out"] = sizes.channels_out
    if sizes.weights != "shared":
        facets["weights"] = sizes.weights
    return facets | {"batch": sizes.batch}


def gated(lmax: int) -> Irreps:
    """Return scalars, one more than the two vectors and the degrees 2..lmax that follow them."""
    blocks = [Irrep(1, -1), *(ir for _, ir in natural(range(1, lmax + 1)))]
    return Irreps(tuple((1, ir) for ir in [Irrep(0, 1)] * (len(blocks) + 1) + blocks))


def _single(asked: Problem) -> Problem:
    return asked.with_sizes(channels=1, channels_out=1, batch=1)


def _pose(
    lmax: int, *, setting: product.Setting = "mimo", symmetry: product.Symmetry = "so3"
) -> Problem:
    """Return the settings of family `product`, of a feature with itself."""
    posed = product.problem(setting, lmax, symmetry).sizes
    single = power(2, lmax, lmax, symmetry, batch=1, dtype="float64")
    return single.with_sizes(irreps_in=posed["irreps_in1"], irreps_out=posed["irreps_out"])


def _examples() -> tuple[Problem, ...]:
    """Return layers with and without parity, frames, maps, powers, and squares of channels."""
    small = {"channels": 2, "batch": 8, "dtype": "float64"}
    square = {"channels": 2, "channels_out": 3, "weights": "per_sample", "batch": 5}
    mapped = {"activation": "none", "channels": 8, "batch": 6, "dtype": "float64"}
    pseudo = {"irreps_in": "1x1e+1x0e+1x1o", "irreps_out": "1x1o+1x1e+1x0e+1x2e"}
    return (
        layer(natural(range(3)), **small),  # type: ignore[arg-type]
        layer(degrees(range(3)), activation="tanh", **small),  # type: ignore[arg-type]
        layer(gated(2), data="frames", **small),  # type: ignore[arg-type]
        layer(natural(range(3)), **mapped),  # type: ignore[arg-type]
        layer("2e+0e+0o+1e", **mapped),  # type: ignore[arg-type]
        ask(irreps_in="0+1+2", irreps_out="3+1+0", channels_out=5, **mapped),  # type: ignore[arg-type]
        *(
            power(nu, lmax, lmax, symmetry, channels=2, batch=6, dtype="float64")
            for nu, lmax in ((2, 1), (2, 2), (3, 2), (4, 1))
            for symmetry in ("o3", "so3")
        ),
        power(2, 2, 2, "so3", channels=3, channels_out=2, batch=5, dtype="float64"),
        power(2, 2, 4, channels=1, channels_out=2, batch=5, dtype="float64"),
        power(2, 1, 2, dtype="float64", **square).with_sizes(**pseudo),  # type: ignore[arg-type]
    )


FAMILY = Family(
    name="feature",
    title="functions of one feature",
    sizes=FeatureSizes,
    ask=ask,
    check=checked(FeatureSizes, DATA, _also),
    group=_group,
    inputs=_inputs,
    draw=_draw,
    facets=_facets,
    axes=("lmax", "nu", "channels", "batch"),
    labels={
        "setting": "setting",
        "symmetry": "symmetry",
        "activation": "activation",
        "nu": "factors",
        "lmax": "degree L",
        "lout": "degree of the output",
        "irreps": "irreps",
        "data": "data",
        "channels": "channels",
        "channels_out": "channels out",
        "weights": "weights",
        "batch": "batch",
        "layer": "a function of one feature",
        "map": "a map of one feature without an activation",
        "power": "a product of one feature with itself",
        "per_sample": "each sample has its own",
        "frames": "two vectors that define a frame",
        "o3": "O(3), natural parity",
        "so3": "SO(3), degrees only",
    },
    examples=_examples(),
    data=DATA,
    batch="batch",
    single=_single,
    pose=_pose,
)
