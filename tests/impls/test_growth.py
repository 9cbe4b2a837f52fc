"""What is declared of every operation: who uses it, and how its arithmetic grows.

The growth is compared with the operation's own count of flops, in one size at a time: in lmax for
few channels, in channels at lmax 2. Sizes are counted as lmax + 1 degrees, in which the counts are
nearly powers already at small lmax. That of algorithms is compared with what XLA counts.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from analysis.scaling import exponent
from impls.families import (
    affine,
    cloud,
    disk,
    distances,
    feature,
    graphs,
    images,
    matches,
    multivector,
    node_tensors,
    parts,
    piecewise,
    plane,
    points,
    product,
    sequences,
)
from impls.implementation import Target
from impls.registry import load
from impls.so3.irreps import natural

REGISTRY = load()
NAMES = sorted(REGISTRY.operations)
SIZES = {"lmax", "channels"}
TOLERANCE = 0.6
"""Of an exponent of lmax: lower powers still show at lmax 6."""

GROWING = {
    "feature": lambda lmax: [
        feature.layer(natural(range(lmax + 1))),
        feature.layer(feature.gated(lmax), data="frames"),
        feature.layer(natural(range(lmax + 1)), activation="none"),
        feature.power(3, lmax, 1, "so3"),
        feature.FAMILY.pose(lmax),
    ],
    "product": lambda lmax: [
        product.problem("mimo", lmax, "so3"),
        *(
            product.ask(irreps_in1=irreps, irreps_out=irreps)
            for irreps in (product.VECTORS, product.MULTIVECTORS)
        ),
    ],
    "points": lambda lmax: [
        points.FAMILY.pose(lmax),
        points.problem("full", lmax, "so3", data="isotropic:64x16"),
        points.problem("full", lmax, "o3", data="isotropic:64x16"),
        points.problem("mimo", lmax, "so3"),
        points.ask(irreps_node=natural(range(lmax + 1)), irreps_edge="0e"),
        points.ask(  # as many invariants as degrees
            irreps_node="+".join([*lmax * ["0e"], str(natural(range(1, lmax + 1)))]),
            irreps_edge=natural(range(lmax + 1)),
        ),
        points.problem("truncated", 1),
        points.ask(irreps_node="0e", irreps_edge="0e+1o", irreps_out="0e+1o"),
        points.ask(irreps_node="0e", irreps_edge=natural(range(max(lmax, 1) + 1)), irreps_out="0e"),
        points.ask(irreps_node="0e", irreps_edge="0e", structures="CH4", cutoff=2.0),
        points.ask(irreps_node="1o"),
    ],
    "distances": lambda lmax: [distances.ask(), distances.ask(1)],
    "multivector": lambda lmax: [multivector.problem()],
    "cloud": lambda lmax: [cloud.ask(8)],
    "affine": lambda lmax: [affine.ask()],
    "disk": lambda lmax: [disk.ask(lmax, rings=1, angles=2 * lmax + 1)],
    "images": lambda lmax: [images.ask(8)],
    "graphs": lambda lmax: [graphs.ask()],
    "node_tensors": lambda lmax: [node_tensors.ask()],
    "plane": lambda lmax: [plane.ask()],
    "piecewise": lambda lmax: [piecewise.ask(2, 8)],
    "matches": lambda lmax: [matches.ask(8)],
    "parts": lambda lmax: [parts.ask()],
    "sequences": lambda lmax: [sequences.ask(8, hidden=1)],
}
"""How the problems of a family grow, if not as its setting mimo; the first that is not refused."""
LMAX = {
    **dict.fromkeys(
        (
            *("gate", "norm_activation", "local_frame", "grid_nonlinearity", "grid_mlp"),
            *("grid_gated_product", "grid_swiglu"),
            *("linear", "layer_norm", "aggregation", "wigner_rotation"),
        ),
        (16, 24, 32),
    ),
    **dict.fromkeys(("escn", "escn_o3"), (8, 12, 16)),
    "so3krates_layer": (16, 24, 32),
    "low_rank": (6, 7, 8),
    **dict.fromkeys(("symmetric_contraction", "gaunt_power", "nested_power"), (3, 4, 5)),
    **dict.fromkeys(("symmetric_contraction", "gaunt_power", "mace_layer"), (3, 4, 5)),
    # radial functions hide the product, and the maps
    **dict.fromkeys(("nequip_layer", "equiformer_layer"), (6, 8, 10)),
    **dict.fromkeys(("esen_layer", "equiformer_v2_layer"), (16, 20, 24)),
}
MANY = {
    **dict.fromkeys(
        (
            *("nequip_layer", "mace_layer", "tensornet_layer"),
            *("equiformer_layer", "equiformer_v2_layer", "esen_layer"),
            "pare_lift_layer",
        ),
        (4096, 8192, 16384),
    ),
    "arteq_invariants": (16384, 32768, 65536),
}
"""Channels from which on their mixing hides radial functions, places of edges, or anchors."""
FEWEST = {"sgcn_layer": 2}
"""Channels where one is refused."""
CHANNELS = ("channels", "channels_out", "mul1", "mul2", "mul3")


def asked(operation, lmax, channels):
    """Return the problem of an operation at lmax, None if all are refused."""
    family = REGISTRY.family(operation.family)
    if family.name in GROWING:
        problems = GROWING[family.name](lmax)
    else:
        assert family.pose is not None, "say above how problems of this family grow"
        problems = [family.pose(lmax)]
    wide = [p.with_sizes(**{n: channels for n in CHANNELS if n in p.sizes}) for p in problems]
    answered = (p for p in wide if family.check(p) is None and operation.supports(p) is None)
    return next(answered, None)


def flops(operation, lmax, channels):
    problem = asked(operation, lmax, channels)
    return None if problem is None else operation.cost(problem)["flops"]


@pytest.mark.parametrize("name", NAMES)
def test_growth_with_lmax_is_that_of_the_cost(name):
    operation = REGISTRY.operation(name)
    degrees = LMAX.get(name, (4, 5, 6))
    few = FEWEST.get(name, 1)
    counts = [(n + 1, f) for n in degrees if (f := flops(operation, n, few)) is not None]
    if len(counts) < 3:
        assert operation.growth.exponents["lmax"] == 0, "its degrees are bounded"
        return
    alpha = exponent(*zip(*counts, strict=True))[0]
    assert alpha == pytest.approx(operation.growth.exponents["lmax"], abs=TOLERANCE)


@pytest.mark.parametrize("name", NAMES)
def test_growth_with_channels_is_that_of_the_cost(name):
    operation = REGISTRY.operation(name)
    lmax = 1 if flops(operation, 2, 1) is None else 2
    channels = MANY.get(name, (512, 1024, 2048))
    alpha = exponent(channels, [flops(operation, lmax, many) for many in channels])[0]
    assert alpha == pytest.approx(operation.growth.exponents["channels"], abs=0.1)


@pytest.mark.parametrize("name", NAMES)
def test_growth_names_sizes_and_is_no_less_than_nothing(name):
    operation = REGISTRY.operation(name)
    assert set(operation.growth.exponents) == SIZES
    assert all(math.isfinite(power) and power >= 0 for power in operation.growth.exponents.values())
    for implementation in REGISTRY.implementations_of(name):
        assert set(implementation.growth.exponents) in (set(), SIZES), implementation.full_name
        assert implementation.growth != operation.growth, "say it where it differs only"
        assert all(power >= 0 for power in implementation.growth.exponents.values())


def counted(implementation, lmax):
    """Return the flops that XLA counts in one call, before it optimises, for one channel."""
    jax = pytest.importorskip("jax")
    operation = REGISTRY.operation(implementation.operation)
    problem = replace(asked(operation, lmax, 1), dtype="float32")
    family = REGISTRY.family(operation.family)
    if family.batch is not None:
        problem = problem.with_sizes(**{family.batch: 4})

    def zeros(spaces):
        kinds = {"index": np.int32}
        return {n: np.zeros(s.shape, kinds.get(s.kind, np.float32)) for n, s in spaces.items()}

    arrays = zeros(family.inputs(problem)), zeros(operation.weights(problem))
    built = implementation.build(problem, Target(), {})
    native = built.pack(*arrays) if built.pack else arrays
    return jax.jit(built.call).lower(*native).cost_analysis()["flops"]


@pytest.mark.parametrize(
    "name",
    [
        "clebsch_gordan.jax_dense",
        "edge_gate.jax_frame",
        "escn.jax_so2",
        "fused_matrix.jax_dense",
        "gaunt.jax_coefficients",
        "gaunt.jax_fourier_direct",
        "gaunt.jax_grid",
        "gaunt.jax_lebedev",
        "gaunt_bracket.jax_grid",
        "gaunt_convolution.jax_frame",
        "matrix.jax_dense",
        "poisson_bracket.jax_grid",
        "spin_gaunt.jax_grid",
        "solid_convolution.jax_edge_wise",
    ],
)
def test_growth_of_an_algorithm_is_that_of_its_compiled_program(name):
    implementation = REGISTRY.implementation(name)
    declared = implementation.growth or REGISTRY.operation(implementation.operation).growth
    degrees = (4, 6, 8)
    alpha = exponent([n + 1 for n in degrees], [counted(implementation, n) for n in degrees])[0]
    assert alpha == pytest.approx(declared.exponents["lmax"], abs=TOLERANCE)
