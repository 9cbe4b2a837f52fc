"""A diagnosis names the fault that was planted, and none where there is none."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from bench.measuring import diagnosis
from bench.measuring.built_case import build
from bench.measuring.diagnosis import blocks, faults, forward, gradients, numbers
from bench.measuring.diagnosis.scene import scene
from bench.measuring.probes import probes
from bench.record.case import Case
from impls.families.product import problem as product
from impls.families.weighted import problem as weighted
from impls.implementation import MODES, Target
from impls.near import alike
from impls.products.clebsch_gordan.operation import paths_of
from impls.registry import load
from impls.so3.irreps import Irreps
from tests.bench.planting import planted

REGISTRY = load()
TWO = product("mimo", 1, batch=16, channels=2, dtype="float64")
DEGREES = product("mimo", 2, "so3", batch=8, channels=2, dtype="float64")


def opened(registry, name, problem, pass_="fwd"):
    framework = registry.implementation(name).framework
    return build(Case(problem, name, pass_, MODES[framework][0], Target()), registry)


def failed(built):
    """Return the readings of the first gate that fails."""
    for name in ("error", "equiv", "conduct", "conduct.cached"):
        found = [r for r in probes()[name].measure(built) if r.passed is False]
        if found:
            return found
    pytest.fail("the planted fault passes the gate")


def said(base, call, problem=TWO, pass_="fwd"):
    built = opened(*planted(base, call), problem, pass_)
    return diagnosis.diagnosed(built, failed(built))


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
    found = said(CG, call)
    assert found.simple and re.search(words, found.text), found.text


def test_the_input_that_is_overwritten_is_named():
    def call(honest, inputs, weights):
        inputs["x"] *= 2
        return honest(inputs, weights)

    assert (
        said(CG, call).text == "the call overwrites its input x; every entry is 2 times the oracle"
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


def in_torch(change):
    """Return a fault whose gradient is `change(gradient)` of the array x, of a right value."""

    def call(honest, inputs, weights):
        import torch

        class Changed(torch.autograd.Function):
            @staticmethod
            def forward(ctx, a):
                return a.clone()

            @staticmethod
            def backward(ctx, g):
                return change(g)

        return honest(inputs | {"x": Changed.apply(inputs["x"])}, weights)

    return call


def path_cut(honest, inputs, weights):
    """Right values; the path (1o, 1o, 2e) has half its gradient, of x alone."""
    cut = honest(inputs | {"x": inputs["x"].detach()}, weights)["z"]
    z = honest(inputs, weights)["z"]
    half = z.clone()
    half[..., OUT] = 0.5 * z[..., OUT] + 0.5 * cut[..., OUT]
    return {"z": half}


def gradients_swapped(honest, inputs, weights):
    import torch

    class Swapped(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            return x.clone(), y.clone()

        @staticmethod
        def backward(ctx, a, b):
            return b, a

    x, y = Swapped.apply(inputs["x"], inputs["y"])
    return honest({"x": x, "y": y}, weights)


BACKWARD = {
    "a factor": (in_torch(lambda g: 1.5 * g), "^the gradient of x is 1.5 times the right one"),
    "a sign": (in_torch(lambda g: -g), "^the gradient of x is of the wrong sign; that of y"),
    "NaN": (in_torch(lambda g: g * float("nan")), "^the gradient of x is not finite$"),
    "cut off": (
        lambda h, i, w: h(i | {"x": i["x"].detach()}, w), "^the gradient of x is zero: it is cut",
    ),
    "swapped": (gradients_swapped, "^the gradients of x and y are swapped$"),
    "one path": (
        path_cut, r"^the gradient of x is wrong on \(1o, 1o, 2e\) alone \(1 of 5\): 0.5 times",
    ),
    "no cause": (in_torch(lambda g: g * g), "of x is wrong; that of y is right; no simple cause"),
}  # fmt: skip


@pytest.mark.parametrize("what", BACKWARD)
def test_the_gradient_that_is_wrong_is_named(what):
    call, words = BACKWARD[what]
    asked = product("mimo", 1, batch=16, channels=2, dtype="float64")
    found = said("clebsch_gordan.torch_dense", call, asked, "grad")
    assert re.search(words, found.text), found.text
    assert found.simple == (what != "no cause")


def test_the_map_of_gradients_has_each_path_and_array():
    found = said("clebsch_gordan.torch_dense", path_cut, TWO, "grad")
    assert {of for errors in found.paths.values() for of in errors} == {"d/dx", "d/dy"}
    wrong = {(n, of) for n, e in found.paths.items() for of, error in e.items() if error > 1e-9}
    assert wrong == {("(1o, 1o, 2e)", "d/dx")}


def second(change):
    """Return the function of a tensor that has `change(gradient)` as its second gradient, alone."""
    import torch

    class Backward(torch.autograd.Function):
        @staticmethod
        def forward(ctx, g):
            return g.clone()

        @staticmethod
        def backward(ctx, g):
            return change(g)

    class Forward(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a):
            return a.clone()

        @staticmethod
        def backward(ctx, g):
            return Backward.apply(g)

    return Forward.apply


def second_of(change):
    return lambda h, i, w: h(i | {"x": second(change)(i["x"])}, w)


def second_path(honest, inputs, weights):
    """Right values and gradients; of the path (1o, 1o, 2e) half the second gradient."""
    z = honest(inputs, weights)["z"].clone()
    half = honest(inputs | {"x": second(lambda g: 0.5 * g)(inputs["x"])}, weights)["z"]
    z[..., OUT] = half[..., OUT]
    return {"z": z}


TWICE = {
    "a factor": (second_of(lambda g: 1.5 * g), "^the second gradient of y is 1.5 times the right"),
    "cut off": (
        second_of(lambda g: 0 * g), "^the second gradient of y is zero: it is cut off .*; that of ",
    ),
    "NaN": (second_of(lambda g: g * float("nan")), "^the second gradient of y is not finite$"),
    "one path": (
        second_path,
        r"^the second gradient of y is wrong on \(1o, 1o, 2e\) alone \(1 of 5\): 0.5 times the",
    ),
    "no cause": (
        second_of(lambda g: g * g), "^the second gradient of y is wrong; that of x is right; no si",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", TWICE)
def test_the_second_gradient_that_is_wrong_is_named(what):
    call, words = TWICE[what]
    found = said("clebsch_gordan.torch_dense", call, TWO, "grad2")
    assert re.search(words, found.text), found.text
    assert found.simple == (what != "no cause")


def test_the_map_of_second_gradients_has_each_path_and_array():
    found = said("clebsch_gordan.torch_dense", second_path, TWO, "grad2")
    columns = {"d/dx", "d2/dx dx", "d2/dx dy"}
    assert len(found.paths) == 5 and {of for e in found.paths.values() for of in e} == columns
    wrong = {(n, of) for n, e in found.paths.items() for of, error in e.items() if error}
    assert wrong == {("(1o, 1o, 2e)", "d2/dx dy")}


def test_second_gradients_of_what_is_no_polynomial_are_found_too():
    """The oracle's differences have fewer digits there; what is right is not blamed for it."""

    found = said("channelwise.torch_dense", second_of(lambda g: 1.5 * g), POINTS, "grad2")
    words = "the second gradient of v and w is 1.5 times the right one; that of x is right"
    assert found.text == words


def test_a_later_pass_has_the_cause_of_the_first_that_is_wrong():
    half = lambda h, i, w: {"z": 0.5 * h(i, w)["z"]}  # noqa: E731
    for pass_ in ("fwd", "grad", "grad2"):
        found = said("clebsch_gordan.torch_dense", half, TWO, pass_)
        assert found.text == "every entry is 0.5 times the oracle"


def test_results_that_are_kept_are_told_by_moved_arrays():
    kept = {}
    call = lambda h, i, w: kept.setdefault("z", h(i, w))  # noqa: E731
    found = said(CG, call)
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
    found = said(CG, output(MIXED[what]))
    assert not found.simple and found.text.startswith(diagnosis.NONE), found.text


def test_what_is_off_is_said_where_no_cause_is_found():
    assert said(CG, output(MIXED["one sample"])).text.endswith(
        "26 of 416 entries are off, all in sample 15 (1 of 16)"
    )
    found = said(CG, output(on(OUT, lambda z: z + 1))).text
    assert found.endswith("160 of 416 entries are off, all in (1o, 1o, 2e) (1 of 5)"), found


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


# ---- exceptions ----------------------------------------------------------------------------------

SPOILED = """
from impls.implementation import Built, Implementation


def build(problem, target, options):
    def call(inputs, weights):
        return {answer}

    return Built(call)


MINE = Implementation("uvw", "mine", "numpy", build)
"""


def explained(tmp_path, answer, request=None):
    file = tmp_path / f"mine_{abs(hash(answer))}.py"
    file.write_text(SPOILED.format(answer=answer), encoding="utf-8")
    registry = load([file])
    case = Case(WEIGHTED, "uvw.mine", "fwd", "eager", Target())
    with pytest.raises(Exception) as raised:
        built = build(case, registry)
        built.call(built.arrays())
    return faults.explained(raised.value, case, registry), file.name


def test_an_exception_has_a_file_and_a_line(tmp_path):
    found, name = explained(tmp_path, "{'z': 1 / 0}")
    assert found == f"{name}:7, in call"


def test_a_wrong_key_has_what_may_be_meant(tmp_path):
    found, name = explained(tmp_path, "{'z': inputs['X']}")
    assert found == f"{name}:7, in call; inputs are x, y, weights w; did you mean 'x'?"


def test_an_answer_that_is_no_dict_is_said_to_be_none(tmp_path):
    found, _ = explained(tmp_path, "inputs['x']")
    assert found == "the answer is a ndarray, not a dict: return {'z': ...}"


# ---- numbers and names ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("k", "limit", "words"),
    [
        (2.0, 1e-10, "2"), (-1.0, 1e-10, "-1"), (0.25, 1e-10, "0.25"),
        (1 / 3, 1e-10, "0.33333 (1/3)"),
        (np.sqrt(5), 1e-10, "2.2361 (sqrt(5))"), (np.sqrt(4 * np.pi), 1e-10, "3.5449 (sqrt(4 pi))"),
        (1 / np.sqrt(4 * np.pi), 1e-10, "0.28209 (sqrt(1/(4 pi)))"), (0.1234567, 1e-10, "0.12346"),
        (-np.sqrt(3 / 5), 1e-5, "-0.7746 (-sqrt(3/5))"), (0.4987, 5e-2, "0.5"), (1.002, 5e-2, "1"),
    ],
)  # fmt: skip
def test_a_factor_in_words(k, limit, words):
    assert numbers.said(k, limit) == words


def test_a_factor_is_one_only_if_nothing_is_left():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((5, 7))
    assert numbers.factor(3 * a, a, 1e-10) == pytest.approx(3)
    assert numbers.factor(3 * a + 1e-8, a, 1e-10) is None
    assert numbers.factor(a * np.nan, a, 1e-10) is None
    assert numbers.factor(a, 0 * a, 1e-10) is None


def test_blocks_are_not_said_to_be_moved_when_they_overlap():
    rng = np.random.default_rng(0)
    parts = blocks.blocks_of("0e+0e+1o")
    expected = rng.standard_normal((8, 5))
    found = expected.copy()
    found[:, 1] = found[:, 0]  # the second scalar is the first one
    assert blocks.moved(found, expected, parts, 1e-10) == ""


def test_names_are_alike_in_another_case():
    assert alike("Y", ["x", "y"]) == "did you mean 'y'?"


# ---- conduct.cached ------------------------------------------------------------------------------


def cached(call):
    built = opened(*planted(CG, call), TWO)
    (reading,) = probes()["conduct.cached"].measure(built)
    return reading


def test_noise_is_not_called_a_memory():
    reading = cached(lambda h, i, w: {"z": h(i, w)["z"] + RNG.standard_normal((16, 2, 13))})
    words = "two calls with the same contents of arrays have different answers"
    assert not reading.passed and reading.detail["problem"] == words


def test_what_is_not_finite_is_not_called_a_memory():
    """Right as drawn, not a number for other contents in arrays that it knows."""
    seen = {}

    def call(honest, inputs, weights):
        z = honest(inputs, weights)["z"]
        key = id(inputs["x"])
        known = seen.setdefault(key, (inputs["x"], inputs["x"].copy()))
        return {"z": z if np.array_equal(known[1], inputs["x"]) else z * np.nan}

    reading = cached(call)
    assert (
        not reading.passed and reading.value is None and "not finite" in reading.detail["problem"]
    )


def test_what_is_not_a_number_for_all_alike_passes():
    assert cached(lambda h, i, w: {"z": h(i, w)["z"] * np.nan}).passed


def test_a_memory_is_called_one():
    kept = {}

    def call(honest, inputs, weights):
        key = id(inputs["x"])
        kept.setdefault(key, (inputs["x"], honest(inputs, weights)))
        return kept[key][1]

    problem = "the call remembers results by the identity of its arguments"
    assert cached(call).detail["problem"] == problem


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
