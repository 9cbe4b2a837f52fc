"""Faults planted in right implementations are caught, and by what is there to catch them."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from bench.measuring.built_case import build
from bench.measuring.probes import indices
from bench.record.rows import Reading
from impls.operation import exact
from impls.problem import Refusal
from impls.registry import load
from impls.so3.irreps import Irreps

REGISTRY = load()


def faulty(base, spoiled, **declared):
    """Return an implementation whose call is `spoiled(call, inputs, weights, state)`."""
    honest = REGISTRY.implementation(base)

    def build(problem, target, options):
        built, state = honest.build(problem, target, options), {"problem": problem}
        return replace(built, call=lambda i, w: spoiled(built.call, i, w, state))

    return replace(honest, name=f"fault_{honest.framework}", build=build, **declared)


def scaled_path(call, inputs, weights, state):
    """The last irrep of the output is one part in a million too large."""
    z = call(inputs, weights)["z"]
    space = REGISTRY.operation("clebsch_gordan").outputs(state["problem"])["z"]
    factor = np.ones(z.shape[-1])
    factor[-Irreps.parse(space.irreps).items[-1][1].dim :] += 1e-6
    return {"z": z * _like(z, factor)}


def _like(z, a):
    import torch

    return torch.tensor(a, dtype=z.dtype) if isinstance(z, torch.Tensor) else a.astype(z.dtype)


def swapped(call, inputs, weights, state):
    return call({"x": inputs["y"], "y": inputs["x"]}, weights)


def detached(call, inputs, weights, state):
    return call(inputs | {"x": inputs["x"].detach()}, weights)


def graph_dropped(call, inputs, weights, state):
    """The gradient is right, and has no graph: a backward pass that cannot be differentiated."""
    import torch

    class Once(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a):
            return a.clone()

        @staticmethod
        def backward(ctx, g):
            return g.detach()

    return call(inputs | {"x": Once.apply(inputs["x"])}, weights)


def weights_detached(call, inputs, weights, state):
    return call(inputs, {name: w.detach() for name, w in weights.items()})


def stopped(call, inputs, weights, state):
    from jax.lax import stop_gradient

    return call(inputs | {"y": stop_gradient(inputs["y"])}, weights)


def mirrored(call, inputs, weights, state):
    """Right for a scene as it is drawn, of the wrong sign for its mirror image.

    The determinant of three vectors of the batch tells one from the other.
    """
    z = call(inputs, weights)["z"]
    sign = np.sign(np.linalg.det(inputs["x"][:3, 0, 1:4]))
    return {"z": z * sign * state.setdefault("sign", sign)}


def sorted_once(call, inputs, weights, state):
    """The receivers of the edges are remembered: the order of the edges is taken for granted."""
    return call(inputs | {"dst": state.setdefault("dst", inputs["dst"])}, weights)


def receivers_known(call, inputs, weights, state):
    """The same where arrays are traced: from the problem, in `build`."""
    space = REGISTRY.family("points").inputs(state["problem"])["dst"]
    return call(inputs | {"dst": space.sample(np.random.default_rng(0))}, weights)


def numbered_once(call, inputs, weights, state):
    """How far out a node is, is remembered by its number: right in any order of the edges."""
    x, r = inputs["x"], inputs["r"]
    far = (r - r.mean(0)).norm(dim=-1)
    known = state.setdefault("far", far)
    return call(inputs | {"x": x * (1 + far - known)[:, None, None]}, weights)


def double_only(call, inputs, weights, state):
    """A table of half the digits, which nobody sees but in single precision."""
    x = inputs["x"]
    return call(inputs | {"x": x.half().to(x.dtype) if x.itemsize == 4 else x}, weights)


def raising(call, inputs, weights, state):
    """A table that was left in double precision."""
    import torch

    dim = inputs["x"].shape[-1]
    return call(inputs | {"x": inputs["x"] @ torch.eye(dim, dtype=torch.float64)}, weights)


def random(call, inputs, weights, state):
    """Right when it is called for the first time."""
    rng, calls = state.setdefault("rng", np.random.default_rng(0)), state.get("calls", 0)
    state["calls"] = calls + 1
    return {"z": call(inputs, weights)["z"] * (1 + 1e-7 * rng.standard_normal() * (calls > 0))}


def overwriting(call, inputs, weights, state):
    z = call(inputs, weights)["z"]
    inputs["x"][...] = 0
    return {"z": z}


CG, CONVOLUTION = "clebsch_gordan", "channelwise.torch_dense"
FAULTS = {
    "a scaled path": (f"{CG}.numpy_dense", scaled_path, "float64 fwd: error.fwd"),
    "swapped operands": (f"{CG}.numpy_dense", swapped, "float64 fwd: error.fwd"),
    "swapped operands in torch": (f"{CG}.torch_dense", swapped, "float64 fwd: error.fwd"),
    "swapped operands in jax": (f"{CG}.jax_dense", swapped, "float64 fwd: error.fwd"),
    "a dropped gradient": (f"{CG}.torch_dense", detached, "float64 grad: error.grad"),
    "of weights": ("uvw.torch_dense", weights_detached, "float64 grad: error.grad"),
    "a dropped gradient in jax": (f"{CG}.jax_dense", stopped, "float64 grad: error.grad"),
    "a second gradient": (f"{CG}.torch_dense", graph_dropped, "float64 grad2: error.grad2"),
    "a broken parity": (f"{CG}.numpy_dense", mirrored, "float64 fwd: equiv.inversion"),
    "the order of edges": (CONVOLUTION, sorted_once, "float64 fwd: conduct.edge_order"),
    "in the gradient": (CONVOLUTION, sorted_once, "float64 grad: conduct.edge_order"),
    "in jax": ("channelwise.jax_dense", receivers_known, "float64 fwd: conduct.edge_order"),
    "labels of nodes": (
        "solid_convolution.torch_edge_wise",
        numbered_once,
        "float64 fwd: conduct.node_labels",
    ),
    "double precision alone": (f"{CG}.torch_dense", double_only, "float32 fwd: error.fwd"),
    "chance": (f"{CG}.numpy_dense", random, "float64 fwd: conduct.deterministic"),
    "overwritten inputs": (f"{CG}.numpy_dense", overwriting, "fwd: conduct.inputs_unchanged"),
}


@pytest.mark.parametrize("what", FAULTS)
def test_a_fault_is_caught(what, conformance_with):
    base, spoiled, where = FAULTS[what]
    planted = faulty(base, spoiled)
    wanted = where.split()[:2]
    conformance = conformance_with(planted)
    cases = [
        case
        for case in conformance.cases(planted)
        if (case.pass_ + ":") in wanted and (case.problem.dtype in wanted or len(wanted) < 3)
    ]
    found = conformance.failures(planted, cases)
    assert any(where in line for line in found), found


def test_labels_of_nodes_are_told_from_the_order_of_edges(conformance_with):
    planted = faulty("solid_convolution.torch_edge_wise", numbered_once)
    conformance = conformance_with(planted)
    found = conformance.failures(planted, conformance.cases(planted)[:1])
    gates = {line.split()[2] for line in found}
    assert "conduct.node_labels" in gates <= {"conduct.node_labels", "equiv.permutation"}


@pytest.mark.parametrize("wrong", [{0}, {0, 1}, {0, 2}, set()])
def test_what_is_wrong_at_once_is_told_whatever_is_wrong_apart(wrong, conformance, monkeypatch):
    """Order and labels at once is call 0, each by itself calls 1 and 2."""
    asked = itertools.count()

    def judged(name, built):
        return Reading(name, 2.0, passed=next(asked) not in wrong)

    monkeypatch.setattr(indices, "_judged", judged)
    implementation = conformance.registry.implementation(CONVOLUTION)
    built = build(conformance.case(implementation, conformance.answered(implementation)[0]),
                  conformance.registry)  # fmt: skip
    found = {r.probe: r.passed for r in indices.indices(built)}
    names = "conduct.edge_order", "conduct.node_labels"
    apart = wrong - {0} or ({1, 2} if wrong else set())
    assert found == {name: number not in apart for number, name in enumerate(names, start=1)}


def test_a_symmetry_that_is_claimed_and_does_not_hold_is_caught(conformance_with):
    """The product of one block of matrices loses inversion."""
    conformance = conformance_with()
    operation = conformance.registry.operation("matrix")
    claiming = replace(operation, claims=exact("rotation", "inversion"))
    conformance.registry.operations["matrix"] = claiming
    matrix = conformance.registry.implementation("matrix.torch_dense")
    found = conformance.failures(matrix, conformance.cases(matrix)[:1])
    assert len(found) == 1 and "equiv.inversion" in found[0]


def test_what_fails_in_single_precision_and_does_not_say_so_is_not_let_through(conformance_with):
    planted = faulty(f"{CG}.torch_dense", raising)
    with pytest.raises(RuntimeError, match=r"(?i)dtype|type"):
        conformance_with(planted).failures(planted)


def test_a_refusal_without_a_name_or_a_remedy_is_a_failure(conformance_with):
    def refuse(refusal):
        return lambda problem, target: None if problem.dtype == "float64" else refusal

    honest = REGISTRY.implementation(f"{CG}.numpy_dense").build
    for reason, remedy, fails in (
        ("no", "use float64", True),
        ("there is no float32 here", "", True),
        ("there is no float32 here", "use float64", False),
    ):
        planted = replace(
            faulty(f"{CG}.numpy_dense", swapped),
            build=honest,
            supports=refuse(Refusal(reason, remedy)),
        )
        found = conformance_with(planted).failures(planted)
        assert bool(found) == fails, found


def test_an_implementation_that_answers_nothing_fails(conformance_with):
    nothing = lambda problem, target: Refusal("not today", "come back")  # noqa: E731
    planted = replace(faulty(f"{CG}.numpy_dense", swapped), supports=nothing)
    with pytest.raises(pytest.fail.Exception, match="answers no example of its family"):
        conformance_with(planted).failures(planted)
