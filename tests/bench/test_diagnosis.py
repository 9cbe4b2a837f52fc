"""A diagnosis names the fault that was planted, and none where there is none."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from bench.measuring import diagnosis
from bench.measuring.built_case import build
from bench.measuring.diagnosis import forward, gradients
from bench.measuring.diagnosis.scene import scene
from bench.record.case import Case
from impls.families.product import problem as product
from impls.families.weighted import problem as weighted
from impls.implementation import Target
from impls.products.clebsch_gordan.operation import paths_of
from impls.registry import load
from impls.so3.irreps import Irreps
from tests.bench.planting import failed, opened, planted, said

REGISTRY = load()
TWO = product("mimo", 1, batch=16, channels=2, dtype="float64")
DEGREES = product("mimo", 2, "so3", batch=8, channels=2, dtype="float64")


def output(change):
    """Return a fault that changes the right output z."""
    return lambda honest, i, w: {"z": change(honest(i, w)["z"].copy())}


def on(place, change):
    """Return a change of a part of the last axis."""

    def changed(z):
        z[..., place] = change(z[..., place])
        return z

    return changed


def path(problem, l1, l2, l3):
    return next(p.out for p in paths_of(problem) if (p.ir1.l, p.ir2.l, p.ir3.l) == (l1, l2, l3))


def of_degree(problem, change):
    """Return a change of each block, given its degree."""

    def changed(z):
        for p in paths_of(problem):
            z[..., p.out] = change(p.ir3.l, z[..., p.out])
        return z

    return changed


def reordered(problem):
    """Return the change that sorts blocks by their inputs first."""
    ordered = sorted(paths_of(problem), key=lambda p: (p.i1, p.i2, p.ir3.l))
    return lambda z: np.concatenate([z[..., p.out] for p in ordered], -1)


def turned(irreps):
    """Return the change that reverses m in each irrep of a last axis."""

    def change(a):
        found, start = a.copy(), 0
        for mul, ir in Irreps.parse(irreps):
            for _ in range(mul):
                place = slice(start, start + ir.dim)
                found[..., place] = a[..., place][..., ::-1]
                start = place.stop
        return found

    return change


def as_dim_channels(a):
    """Return [samples, channels, dim] whose memory is read as [samples, dim, channels]."""
    samples, channels, dim = a.shape
    return a.reshape(samples, dim, channels).swapaxes(1, 2)


def written_dim_channels(a):
    return np.ascontiguousarray(a.swapaxes(1, 2)).reshape(a.shape)


ALL, OUT = slice(None), path(TWO, 1, 1, 2)
NODES = "0e+1o"


def reversed_everywhere(honest, i, w):
    z = honest({name: turned(NODES)(a) for name, a in i.items()}, w)["z"]
    spaces = REGISTRY.operation("clebsch_gordan").outputs(TWO)
    return {"z": turned(spaces["z"].irreps)(z)}


def rolled(l, z):  # noqa: E741
    return np.roll(z, 1, -1) if l == 1 else z


RNG = np.random.default_rng(0)
CG = "clebsch_gordan.numpy_dense"
FORWARD = {
    "a factor": (output(lambda z: z / np.sqrt(3)), r"^every entry is 0.57735 \(1/sqrt\(3\)\) ti"),
    "a sign": (output(lambda z: -z), "^every entry is of the wrong sign$"),
    "a path": (
        output(on(OUT, lambda z: 0.5 * z)),
        r"^path \(1o, 1o, 2e\) is 0\.5 times the oracle; all others are right$",
    ),
    "the sign of a path": (output(on(OUT, lambda z: -z)), r"\(1o, 1o, 2e\) is of the wrong sign;"),
    "a path left out": (output(on(OUT, lambda z: 0 * z)), r"\(1o, 1o, 2e\) is zero; all others"),
    "two paths": (
        output(on(slice(2, 8), lambda z: 2 * z)),
        r"^paths \(0e, 1o, 1o\), \(1o, 0e, 1o\) are 2 times the oracle; all others",
    ),
    "a channel": (
        lambda honest, i, w: {"z": honest(i, w)["z"] * np.array([1, 3.0])[:, None]},
        "^channel 1 is 3 times the oracle; the other is right$",
    ),
    "a normalisation": (
        output(of_degree(TWO, lambda degree, z: z / np.sqrt(2 * degree + 1))),
        r"^every block of degree l is 1/sqrt\(2 l \+ 1\) times the oracle",
    ),
    "the order of blocks": (
        output(reordered(TWO)),
        r"^the blocks are right but in another order: \(0e, 0e, 0e\), \(0e, 1o, 1o\), \(1o, 0e, 1o",
    ),
    "swapped operands": (
        lambda honest, i, w: honest({"x": i["y"], "y": i["x"]}, w), "^x and y are swapped$",
    ),
    "reversed m": (
        output(of_degree(TWO, lambda degree, z: z[..., ::-1])),
        "^z is written with m reversed, from l to -l$",
    ),
    "signs of m": (
        output(of_degree(TWO, lambda degree, z: z * (-1.0) ** np.arange(-degree, degree + 1))),
        r"^z is written with the sign \(-1\)\^m$",
    ),
    "the order of vectors": (
        output(of_degree(TWO, rolled)), r"^z is written with vectors as \(z, x, y\)$",
    ),
    "the order of m": (
        output(of_degree(TWO, lambda degree, z: z[..., [0, 2, 1, 4, 3][: z.shape[-1]]])),
        r"sign: l = 1: .* \[m=-1\] \[m=1\] \[m=0\]; l = 2: .* \[m=-2\] \[m=0\] \[m=-1\]",
    ),
    "a reversed axis": (output(lambda z: z[..., ::-1].copy()), "^the last axis is in reverse"),
    "the layout of the output": (
        output(written_dim_channels), r"^z is written as \[samples, dim, channels\]",
    ),
    "the layout of an input": (
        lambda honest, i, w: honest(i | {"x": as_dim_channels(i["x"])}, w),
        r"^x is read as \[samples, dim, channels\]",
    ),
    "the layout of both": (
        lambda honest, i, w: honest({n: as_dim_channels(a) for n, a in i.items()}, w),
        r"^x and y are read as \[samples, dim, channels\]",
    ),
    "another basis": (
        reversed_everywhere, "^x and y are read, and outputs written, with m reversed",
    ),
    "transposed axes": (
        output(lambda z: z.swapaxes(1, 2).copy()),
        r"^z has the shape \[16, 13, 2\], not \[16, 2, 13\]: .* transpose\(0, 2, 1\) makes it",
    ),
    "a flat output": (output(lambda z: z.reshape(16, -1)), "reshaped it is right$"),
    "a shape": (output(lambda z: z[..., 1:]), r"^z has the shape \[16, 2, 12\], not \[16, 2, 13"),
    "a name": (lambda h, i, w: {"out": h(i, w)["z"]}, "^the output 'z' is called 'out'$"),
    "one too many": (
        lambda h, i, w: {**h(i, w), "log": h(i, w)["z"]}, "output 'log' too many: return 'z' only$",
    ),
    "rounded inputs": (
        lambda h, i, w: h(i | {"x": i["x"].astype("f4").astype("f8")}, w),
        "^x is rounded to float32$",
    ),
    "half precision inside": (
        lambda h, i, w: h({n: a.astype("f2").astype("f8") for n, a in i.items()}, w),
        "^x and y are rounded to float16$",
    ),
    "a rounded output": (
        output(lambda z: z.astype("f4").astype("f8")), "^the output has the digits of float32",
    ),
    "a rounded factor": (
        output(lambda z: (2 * z).astype("f4").astype("f8")),
        "^every entry is 2 times the oracle, and the output has the digits of float32 only$",
    ),
    "a rounded table": (
        output(lambda z: z * (1 + 3e-8)),
        "^the error is as large as rounding to float32 makes it",
    ),
    "an input unused": (
        lambda h, i, w: h(i | {"y": np.ones_like(i["y"])}, w), "^the output does not depend on y$",
    ),
    "a constant": (
        lambda h, i, w: {"z": np.ones((16, 2, 13))}, "^the output does not depend on any array",
    ),
    "zero": (output(lambda z: 0 * z), "^z is zero everywhere$"),
    "NaN": (
        output(lambda z: np.where(np.arange(13) == 3, np.nan, z)),
        r"^z is not a number in 32 of 416 entries, the first at \[0, 0, 3\]; all others",
    ),
    "chance": (
        output(lambda z: z + RNG.standard_normal(z.shape)),
        "^two calls with equal arrays differ by",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", FORWARD)
def test_a_planted_fault_is_named(what):
    call, words = FORWARD[what]
    found = said(CG, call, TWO)
    assert found.simple and re.search(words, found.text), found.text


def test_the_input_that_is_overwritten_is_named():
    def call(honest, inputs, weights):
        inputs["x"] *= 2
        return honest(inputs, weights)

    assert (
        said(CG, call, TWO).text
        == "the call overwrites its input x; every entry is 2 times the oracle"
    )


def test_a_path_is_found_where_several_end_in_one_block():
    def half(honest, inputs, weights):
        """The vector of x and that of y: half of what they give."""
        one, two = ({**inputs, name: inputs[name].copy()} for name in "xy")
        for kept, name in ((one, "x"), (two, "y")):
            kept[name][..., 0] = 0
            kept[name][..., 4:] = 0
        both = {"x": one["x"], "y": two["y"]}
        return {"z": honest(inputs, weights)["z"] - 0.5 * honest(both, weights)["z"]}

    asked = product("mimo", 2, batch=8, dtype="float64")
    found = said("gaunt.numpy_coefficients", half, asked)
    words = r"^paths \(1o, 1o, 0e\), \(1o, 1o, 2e\) are 0\.5 times the oracle; all others are"
    assert re.search(words, found.text), found.text
    wrong = {name for name, errors in found.paths.items() if errors["fwd"] > 1e-9}
    assert wrong == {"(1o, 1o, 0e)", "(1o, 1o, 2e)"} and len(found.paths) > 4


WEIGHTED = weighted("truncated", 1, mul=(3, 3, 2), batch=6, dtype="float64")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda h, i, w: h(i, {"w": np.ones_like(w["w"])}), "^the output does not depend on w$"),
        (lambda h, i, w: h(i, {"w": w["w"].swapaxes(1, 2)}), "^w is read with its axes 1 and 2"),
        (lambda h, i, w: h({**i, "x": -i["x"]}, w), "^every entry is of the wrong sign$"),
    ],
    ids=["unused", "swapped", "sign"],
)  # fmt: skip
def test_weights_are_looked_at_too(call, words):
    assert re.search(words, said("uvw.numpy_dense", call, WEIGHTED).text)


POINTS = next(p for p in REGISTRY.family("points").examples if p.data.startswith("poles"))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda h, i, w: h(i | {"src": i["dst"], "dst": i["src"]}, w), "^src and dst are swapped$"),
        (lambda h, i, w: h(i | {"v": -i["v"]}, w), "^v is read with the opposite sign$"),
        (lambda h, i, w: {"z": h(i, w)["z"] / 3}, r"^every entry is 0.33333 \(1/3\) times"),
    ],
    ids=["ends", "direction", "mean"],
)
def test_graphs_are_looked_at_too(call, words):
    found = said("channelwise.numpy_dense", call, POINTS)
    assert re.search(words, found.text), found.text


def test_results_that_are_kept_are_told_by_moved_arrays():
    kept = {}
    call = lambda h, i, w: kept.setdefault("z", h(i, w))  # noqa: E731
    found = said(CG, call, TWO)
    words = "right on the arrays as drawn, not when moved: the output does not depend on any array"
    assert found.text.startswith(words)


MIXED = {
    "random entries": lambda z: z + (np.arange(z.size).reshape(z.shape) % 7 == 0),
    "a power": lambda z: z * np.abs(z),
    "a mixture": lambda z: z @ np.random.default_rng(1).standard_normal((13, 13)),
    "one sample": lambda z: np.where(np.arange(16)[:, None, None] == 15, z + 1, z),
    "one entry": on((ALL, 0), lambda z: z) and (lambda z: z + 1e-6 * (z == z.max())),
    "a small share": lambda z: z + 1e-3 * np.abs(z),
}


@pytest.mark.parametrize("what", MIXED)
def test_what_has_no_simple_cause_is_said_to_have_none(what):
    found = said(CG, output(MIXED[what]), TWO)
    assert not found.simple and found.text.startswith(diagnosis.NONE), found.text


def test_what_is_off_is_said_where_no_cause_is_found():
    broken = "; it is not equivariant under rotation"
    assert said(CG, output(MIXED["one sample"]), TWO).text.endswith(
        f"26 of 416 entries are off, all in sample 15 (1 of 16){broken}, inversion"
    )
    found = said(CG, output(on(OUT, lambda z: z + 1)), TWO).text
    off = "160 of 416 entries are off, all in (1o, 1o, 2e) (1 of 5)"
    assert found.endswith(f"{off}{broken}"), found


def test_samples_have_the_numbers_of_the_whole_batch():
    """The gate takes some of the samples, among them the last of these that it takes."""
    asked = product("mimo", 1, batch=200, channels=2, dtype="float64")
    built = opened(REGISTRY, CG, asked)
    last = int(built.part.rows["batch"][-1])

    def call(honest, inputs, weights):
        z = honest(inputs, weights)["z"].copy()
        z[last] += 1
        return {"z": z}

    assert f"all in sample {last} (1 of " in said(CG, call, asked).text


HONEST = (
    (CG, TWO), ("gaunt.numpy_grid", DEGREES), ("uvw.numpy_dense", WEIGHTED),
    ("channelwise.numpy_dense", POINTS), ("clebsch_gordan.torch_e3nn", TWO),
    ("channelwise.torch_dense", POINTS),
)  # fmt: skip


@pytest.mark.parametrize(("name", "asked"), HONEST, ids=[name for name, _ in HONEST])
def test_an_honest_implementation_has_no_cause(name, asked):
    for dtype in ("float64", "float32"):
        built = opened(REGISTRY, name, replace(asked, dtype=dtype))
        assert forward.cause(scene(built)) is None
    for pass_ in ("grad", "grad2") if "torch" in name else ():
        built = opened(REGISTRY, name, asked, pass_)
        assert gradients.cause(built, scene(opened(REGISTRY, name, asked))) is None


def test_in_bfloat16_factors_have_two_digits():
    built = opened(
        *planted("clebsch_gordan.torch_dense", lambda h, i, w: {"z": 0.5 * h(i, w)["z"]}),
        product("mimo", 1, batch=16, dtype="bfloat16"),
    )
    assert diagnosis.diagnosed(built, failed(built)).text == "every entry is 0.5 times the oracle"


def test_looking_for_a_cause_may_fail_and_says_so():
    calls = []

    def breaks(honest, inputs, weights):
        calls.append(1)
        if len(calls) > 1:
            raise ArithmeticError("not again")
        return {"z": 2 * honest(inputs, weights)["z"] + 1}

    built = opened(*planted(CG, breaks), TWO)
    found = diagnosis.told(built, failed(built))
    assert "ArithmeticError: not again" in found["cause"] and not found["simple"]


def test_another_pass_is_looked_at_in_the_samples_that_the_gate_took(monkeypatch):
    """A sample that is wrong in the gradient pass is found in the forward pass, by its number."""
    monkeypatch.setattr(diagnosis, "WHOLE", 0)
    many = TWO.with_sizes(batch=500)
    case = Case(many, "clebsch_gordan.torch_dense", "grad", "eager", Target())
    taken, others = (set(build(case, REGISTRY, nonce).part.rows["batch"]) for nonce in (3, 0))
    wrong = int(min(taken - others))

    def call(honest, inputs, weights):
        import torch

        z = honest(inputs, weights)["z"]
        here = torch.arange(len(z)).reshape(-1, 1, 1) == wrong
        return {"z": torch.where(here, z * z, z)}

    registry, name = planted("clebsch_gordan.torch_dense", call)
    built = build(replace(case, implementation=name), registry, 3)
    assert f"sample {wrong} " in diagnosis.diagnosed(built, failed(built)).text
