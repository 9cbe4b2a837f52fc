"""A diagnosis names the gradient that is wrong: of which array, in which pass, on which paths."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from bench.measuring.diagnosis import gradients
from bench.measuring.probes import probes
from impls.families.points import model
from impls.families.product import problem as product
from impls.points.convolution.operation import paths_of as edge_paths
from impls.products.clebsch_gordan.operation import paths_of
from impls.registry import load
from tests.bench.planting import failed, opened, planted, said

REGISTRY = load()
TWO = product("mimo", 1, batch=16, channels=2, dtype="float64")
POINTS = next(p for p in REGISTRY.family("points").examples if p.data.startswith("poles"))
OUT = next(p.out for p in paths_of(TWO) if (p.ir1.l, p.ir2.l, p.ir3.l) == (1, 1, 2))


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


OAM = model("nequip-oam-l", "edges:CH4@2", channels=2, dtype="float64")


def weight_gradient(change):
    """Return a fault of a convolution whose gradient of w [edges, paths, channels] is changed."""

    def call(honest, inputs, weights):
        import torch

        class Changed(torch.autograd.Function):
            @staticmethod
            def forward(ctx, w):
                return w.clone()

            @staticmethod
            def backward(ctx, g):
                return change(g)

        return honest(inputs, {"w": Changed.apply(weights["w"])})

    return call


def partly(number):
    """Return what keeps 0.47 of the gradient of the weights of one path."""

    def change(g):
        changed = g.clone()
        changed[:, number] *= 0.47
        return changed

    return weight_gradient(change)


def label(path):
    return f"({path.ir1}, {path.ir2}, {path.ir3})"


@pytest.mark.parametrize("number", [11, 22])
def test_one_of_23_paths_whose_weight_gradient_is_wrong_is_named(number):
    """The convolution of NequIP-OAM-L; a kernel of others lost part of dW of one path of it."""
    asked, paths = OAM.with_sizes(given="harmonics"), edge_paths(OAM)
    named = label(paths[number])
    found = said("channelwise.torch_dense", partly(number), asked, "grad")
    assert len(paths) == 23 and found.text == (
        f"the gradient of w is wrong on {named} alone (1 of 23): 0.47 times the right one; those "
        "of x and sh are right"
    )
    off = {(path, of) for path, errors in found.paths.items() for of, e in errors.items() if e}
    assert len(found.paths) == 23 and off == {(named, "d/dw")}


def test_what_is_wrong_is_looked_at_first_and_named_where_time_ends(monkeypatch):
    """Derivatives by vectors are differences of many calls; the paths of w do not wait for them."""
    steps = iter(range(10**6))
    over = gradients.SEARCH / 24
    clock = SimpleNamespace(monotonic=lambda: over * next(steps))
    monkeypatch.setattr(gradients, "time", clock)
    found = said("channelwise.torch_dense", partly(3), OAM, "grad")
    assert found.text.startswith(f"the gradient of w is wrong on {label(edge_paths(OAM)[3])} alone")
    assert {of for errors in found.paths.values() for of in errors} == {"d/dw"}


def test_what_is_wrong_from_20_paths_on_is_asked_by_check():
    """A fault in problems of many paths alone is found by the examples that `bench check` puts."""
    examples = REGISTRY.family("points").examples
    many = [problem for problem in examples if len(edge_paths(problem)) > 20]
    few = next(problem for problem in examples if problem not in many)
    assert many

    def change(g):
        return g * 0.47 if g.shape[1] > 20 else g

    made = planted("channelwise.torch_dense", weight_gradient(change))
    right = probes()["error"].measure(opened(*made, few, "grad"))
    assert all(reading.passed is not False for reading in right)
    assert failed(opened(*made, many[0], "grad"))[0].probe == "error.grad"


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
