"""Modes of channels: formulas written out, dimensions, relations."""

from itertools import product

import numpy as np
import pytest

from analysis.expressivity import reachable_dimension
from analysis.reduced import bilinear_blocks, labels
from impls.families import points
from impls.families.weighted import FAMILY, problem
from impls.points.convolution.operation import CHANNELWISE
from impls.products.channel_modes.modes import Mode, paths_of, reached
from impls.registry import load
from impls.so3.wigner import wigner_3j
from impls.streams import Streams

REGISTRY = load()
MODES = ("uvw", "uvu", "uvv", "uuw", "uuu", "uvuv")
UNSORTED = {"irreps_in1": "1e+0e", "irreps_in2": "1o+0o", "irreps_out": "1o+2o+0o"}


def operation(mode):
    return REGISTRY.operation(mode)


def small(mode, weights, **changes):
    mul = (3, 3, 2) if mode.startswith("uu") else (3, 2, 4)
    asked = problem("truncated", 1, "so3", mul=mul, weights=weights, batch=4, dtype="float64")
    return asked.with_sizes(**changes)


def relative(found, wanted):
    assert found.shape == wanted.shape
    return np.abs(found - wanted).max() / np.abs(wanted).max()


@pytest.mark.parametrize("weights", ["shared", "per_sample"])
@pytest.mark.parametrize("mode", MODES)
def test_oracle_is_the_sum_over_channels_written_out(mode, weights, judge):
    asked = small(mode, weights)
    inputs, drawn = judge.draw(FAMILY, operation(mode), asked)
    sizes = {k: asked.sizes[f"mul{n}"] for n, k in enumerate("uvw", start=1)}
    found = operation(mode).oracle(asked, inputs, drawn)["z"]
    wanted = np.zeros_like(found)
    ends = {ir: part for (_, ir), part in zip(reached(asked), reached(asked).slices(), strict=True)}
    for b, (p, path) in product(range(4), enumerate(paths_of(asked))):
        tensor = np.sqrt(2 * path.ir3.l + 1) * wigner_3j(path.ir1.l, path.ir2.l, path.ir3.l)
        part = ends[path.ir3] if "w" in mode else path.out
        w = drawn["w"][p] if weights == "shared" else drawn["w"][b, p]
        for u, v, out in product(*(range(sizes[k]) for k in "uvw")):
            if (mode[1] == "u" and u != v) or ("w" not in mode and out):
                continue
            x, y = inputs["x"][b, u, path.in1], inputs["y"][b, v, path.in2]
            place = {"uvw": out, "uvu": u, "uvv": v, "uuw": out, "uuu": u}.get(
                mode, u * sizes["v"] + v
            )
            weight = w[{"uvw": (u, v, out), "uuw": (u, out), "uuu": (u,)}.get(mode, (u, v))]
            wanted[b, place, part] += weight * np.tensordot(y, np.tensordot(x, tensor, 1), 1)
    assert relative(found, wanted) < 1e-13


@pytest.mark.parametrize(
    ("mode", "weights", "channels"),
    [
        ("uvw", 2 * 2 * 3, 3),
        ("uvu", 2 * 2, 2),
        ("uvv", 2 * 2, 2),
        ("uuw", 2 * 3, 3),
        ("uuu", 2, 2),
        ("uuu_collapsed", 2, 2),
        ("uvuv", 2 * 2, 4),
    ],
)
def test_the_maps_of_a_mode_have_as_many_dimensions_as_weights(mode, weights, channels):
    """The rank, over random weights, of what is done to pairs of basis vectors."""
    asked = problem("truncated", 1, "so3", mul=(2, 2, 3), batch=64, dtype="float64")
    basis = np.eye(8).reshape(8, 2, 4)
    inputs = {"x": np.repeat(basis, 8, axis=0), "y": np.tile(basis, (8, 1, 1))}
    space = operation(mode).weights(asked)["w"]
    assert space.shape[0] == 5 and np.prod(space.shape) == 5 * weights
    assert operation(mode).outputs(asked)["z"].shape[1] == channels
    rng, found = np.random.default_rng(0), []
    for _ in range(5 * weights + 2):
        drawn = {"w": space.sample(rng)}
        found.append(operation(mode).oracle(asked, inputs, drawn)["z"].ravel())
    values = np.linalg.svd(np.array(found), compute_uv=False)
    assert values[5 * weights - 1] > 1e-3 * values[0] > 1e9 * values[5 * weights]


@pytest.mark.parametrize("weights", ["shared", "per_sample"])
@pytest.mark.parametrize("mode", (*MODES, "uuu_collapsed"))
def test_of_unsorted_irreps(mode, weights, agrees):
    but = {"shared": ("blades",), "per_sample": ("blades", "strided")}[weights]
    but = but if mode == "uuu_collapsed" else ()
    agrees(operation(mode), small(mode, weights, **UNSORTED), but=but)


@pytest.mark.parametrize("weights", ["shared", "per_sample"])
def test_collapsed_paths_are_the_sums_of_those_that_are_kept_apart(weights, judge):
    """As many weights; of 11 irreps that uuu stores at degree 2 with parity, 3 are left."""
    asked = problem("truncated", 2, mul=(3, 3, 2), weights=weights, batch=4, dtype="float64")
    inputs, drawn = judge.draw(FAMILY, operation("uuu"), asked)
    kept = operation("uuu").oracle(asked, inputs, drawn)["z"]
    found = operation("uuu_collapsed").oracle(asked, inputs, drawn)["z"]
    paths = paths_of(asked)
    assert len(paths) == 11 and len(reached(asked)) == 3
    for (_, ir), place in zip(reached(asked), reached(asked).slices(), strict=True):
        wanted = sum(kept[..., path.out] for path in paths if path.ir3 == ir)
        assert relative(found[..., place], wanted) < 1e-14
    shapes = [operation(name).weights(asked)["w"].shape for name in ("uuu", "uuu_collapsed")]
    assert shapes[0] == shapes[1]


def test_every_mode_is_fully_connected_with_some_weights_zero():
    """Each row of uvw weights that stands for a mode gives that mode's sum over paths."""
    whole = small("uuu", "shared")
    rng = np.random.default_rng(4)
    inputs = FAMILY.draw(whole, Streams(0))
    for mode in ("uvu", "uvv", "uuw", "uuu", "uvuv"):
        kept = Mode(mode)
        asked = whole.with_sizes(mul3=2) if mode == "uuw" else whole
        drawn = operation(mode).weights(asked)["w"].sample(rng)
        channels = kept.multiplicity(asked)
        full = np.zeros((5, 3, 3, channels))
        for u, v in product(range(3), range(3)):
            if mode == "uuw" and u == v:
                full[:, u, u] = drawn[:, u]
            elif mode == "uuu" and u == v:
                full[:, u, u, u] = drawn[:, u]
            elif mode in ("uvu", "uvv", "uvuv"):
                full[:, u, v, {"uvu": u, "uvv": v, "uvuv": 3 * u + v}[mode]] = drawn[:, u, v]
        found = operation(mode).oracle(asked, inputs, {"w": drawn})["z"]
        if not kept.summed:
            paths = paths_of(asked)
            found = np.concatenate(
                [sum(found[..., p.out] for p in paths if p.ir3 == ir) for _, ir in reached(asked)],
                axis=-1,
            )
        wide = asked.with_sizes(mul3=channels)
        wanted = operation("uvw").oracle(wide, inputs, {"w": full})["z"]
        assert relative(found, wanted) < 1e-13, mode


def test_uvu_with_one_harmonic_is_the_message_of_a_convolution():
    asked = points.problem(
        "truncated", 2, data="edges:CH4@2", channels=3, given="harmonics", dtype="float64"
    )
    rng = np.random.default_rng(0)
    inputs = points.FAMILY.draw(asked, Streams(0))
    w = CHANNELWISE.weights(asked)["w"].sample(rng)
    sizes = {"mul": (3, 1, 1), "weights": "per_sample", "batch": len(w)}
    on_edges = problem("truncated", 2, dtype="float64", **sizes)
    pairs = {"x": inputs["x"][inputs["src"]], "y": inputs["sh"][:, None]}
    messages = operation("uvu").oracle(on_edges, pairs, {"w": w[..., None]})["z"]
    found = np.zeros((5, *messages.shape[1:]))
    np.add.at(found, inputs["dst"], messages)
    wanted = CHANNELWISE.oracle(asked, inputs, {"w": w})["z"]
    assert relative(found, wanted) < 1e-13


@pytest.mark.parametrize("mode", ["uvu", "uvv", "uuu", "uvuv"])
def test_one_channel_reaches_what_the_full_product_reaches(mode):
    for lmax, dimension in ((1, 6), (2, 19)):
        asked = FAMILY.pose(lmax)

        def evaluate(x, y, asked=asked):
            many = asked.with_sizes(batch=len(x))
            weights = {"w": np.ones(operation(mode).weights(many)["w"].shape)}
            inputs = {"x": x[:, None], "y": y[:, None]}
            return operation(mode).oracle(many, inputs, weights)["z"][:, 0]

        inside = labels(str(asked.sizes["irreps_in1"]))
        out = labels(operation(mode).outputs(asked)["z"].irreps)
        blocks = bilinear_blocks(evaluate, inside, inside, out)
        derived = operation(mode).coefficients(asked)
        assert set(blocks.coefficients) == set(derived)
        assert all(abs(k - derived[path]) < 1e-12 for path, k in blocks.coefficients.items())
        assert reachable_dimension(derived, inside, inside, out).value == dimension


def test_modes_that_sum_paths_declare_no_coefficients():
    assert operation("uvw").coefficients is None and operation("uuw").coefficients is None


def test_irreps_that_no_path_reaches_are_left_out():
    asked = problem("simo", 2, mul=(2, 2, 3), batch=4)
    assert operation("uvw").outputs(asked)["z"].irreps == "1x0e+1x2e+1x4e"
    backwards = asked.with_sizes(irreps_out="1x4e+1x1o+1x0e")
    assert operation("uvw").outputs(backwards)["z"].irreps == "1x4e+1x0e"


@pytest.mark.parametrize("mode", MODES)
def test_refusals_say_what_is_wrong_and_what_to_do(mode):
    refusal = operation(mode).supports(problem("siso", 1))
    assert "empty output" in str(refusal) and "so3" in str(refusal)
    uneven = operation(mode).supports(problem("truncated", 1, mul=(3, 2, 4)))
    if mode.startswith("uu"):
        assert "mul1=3 is not mul2=2" in str(uneven) and "uvw" in str(uneven)
    else:
        assert uneven is None


def test_cost_of_a_product_of_scalars():
    asked = problem("mimo", 0, mul=(2, 3, 4), batch=5)
    assert operation("uvw").cost(asked) == {
        "flops": 5.0 * (3 * 6 + 2 * 24),
        "bytes": 4.0 * (5 * (2 + 3 + 4) + 24),
    }
    own = asked.with_sizes(weights="per_sample")
    assert operation("uvu").cost(own) == {
        "flops": 5.0 * (3 * 6 + 2 * 6),
        "bytes": 4.0 * 5 * (2 + 3 + 2 + 6),
    }


@pytest.mark.parametrize("framework", ["torch", "jax"])
@pytest.mark.parametrize("weights", ["shared", "per_sample"])
@pytest.mark.parametrize(("mode", "mul"), [("uvu", (5, 1, 2)), ("uvv", (1, 5, 2))])
def test_one_channel_to_mix_is_a_convolution_of_samples(mode, mul, weights, framework, judge):
    pytest.importorskip(framework)
    asked = small(mode, weights, **dict(zip(("mul1", "mul2", "mul3"), mul, strict=True)))
    inputs, drawn = judge.draw(FAMILY, operation(mode), asked)
    kernel, dense = (
        REGISTRY.implementation(f"{mode}.{framework}_{name}") for name in ("kernel", "dense")
    )
    cotangents = {"z": np.cos(np.arange(operation(mode).oracle(asked, inputs, drawn)["z"].size))}
    cotangents["z"] = cotangents["z"].reshape(operation(mode).outputs(asked)["z"].shape)
    found, other = (
        judge.differentiated(i, asked, inputs, drawn, cotangents) for i in (kernel, dense)
    )
    assert relative(found[0]["z"], operation(mode).oracle(asked, inputs, drawn)["z"]) < 1e-13
    for name in ("x", "y", "w"):
        assert relative(found[1][name], other[1][name]) < 1e-13
