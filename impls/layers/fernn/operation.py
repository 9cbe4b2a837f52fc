r"""Recurrent layers of sequences of images, and what makes them equivariant under flows.

Of frames u_0 .. u_(T-1) on a torus, from h_0 = 0, for each velocity nu of some [@keller2025]:

    h_(t+1)[nu] = silu(W * u_t + U * (psi_1(nu) . h_t[nu]))

with * a convolution around the torus by kernels of 3 x 3 pixels, the same for all nu, and psi_t(nu)
the motion that a flow of velocity nu has made of an image after t frames. What is said is

    grnn_layer           h_T[0]: a convolutional recurrent layer, with the velocity 0 alone
    fernn_layer          h_T[nu] for |nu_y|, |nu_x| <= `reach`, in pixels a frame
    fernn_pooled_layer   max_nu h_T[nu]

and the same as `*_rotation_layer` where flows turn by quarters: images of a state are then one for
each of four orientations, and kernels are those of the group of shifts and quarter turns,

    (W * u)[o]  = (turned^o W) * u,      (U * h)[o] = sum_p (turned^o U[p - o]) * h[p].

A flow moves frame t by psi_t(v), so that the first frame is at rest. Then

    h'_T[nu] = psi_(T-1)(v) . h_T[nu - v],

by induction, since psi_1(nu) psi_(t-1)(v) = psi_t(v) psi_1(nu - v), and psi_t(v) commutes with
convolutions and with what is pointwise. It holds where nu - v is among the velocities: the others
are not *covered*, and the mask leaves them out. A plain layer has no velocity to go to. The maximum
is over covered and uncovered ones, so that it moves with a flow only where all velocities are
known, Z_H x Z_W or the four of quarter turns; it comes nearer the more are. Shifts of all frames
alike are kept but by states that turn: psi_1(nu) does not commute with them.

silu stands for the paper's relu, so that gradients are continuous. Those of the maximum are not:
they jump where two velocities say as much.

Cost: 2 T H W 9 C D for the frames and 2 (T - 1) V H W 9 D^2 for states of D numbers at V
velocities, times 4 and 16 with orientations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from impls.families.sequences import SequenceSizes
from impls.groups import Element
from impls.groups.flows import moved
from impls.growth import Growth
from impls.layers.fernn.velocities import SHIFTS, TURNS, Kind, reach_of
from impls.layers.radial import matrix
from impls.operation import Operation, SymmetryClaim, exact
from impls.pointwise.activations import activate
from impls.problem import BYTES, Problem, Refusal
from impls.spaces import Array, Arrays, Space

KERNEL = 3
"""The side of kernels."""
ACTIVATION = 10
"""Operations of a nonlinearity."""


@dataclass(frozen=True)
class Layer:
    """What flows, whether states are those of several velocities, and whether they are pooled."""

    kind: Kind
    lifted: bool = True
    pooled: bool = False

    def reach(self, problem: Problem) -> int:
        """Return the largest number of a velocity that the layer knows."""
        return int(reach_of(self.kind).of(problem)) if self.lifted else 0

    def states(self, problem: Problem) -> tuple[int, ...]:
        """Return the shape of states [batch, V, height, width, orientations, hidden]."""
        sizes = SequenceSizes.of(problem)
        count = len(self.kind.velocities(problem, self.reach(problem)))
        space = sizes.height, sizes.width, self.kind.orientations
        return (sizes.batch, count, *space, sizes.hidden)

    def shape(self, problem: Problem) -> tuple[int, ...]:
        """Return the shape of the output: that of states, without axes that have but one place."""
        batch, count, height, width, orientations, hidden = self.states(problem)
        velocities = (count,) if self.lifted and not self.pooled else ()
        turns = (orientations,) if orientations > 1 else ()
        return (batch, *velocities, height, width, *turns, hidden)


PLAIN, LIFTED, POOLED = Layer(SHIFTS, lifted=False), Layer(SHIFTS), Layer(SHIFTS, pooled=True)
PLAIN_TURNS, LIFTED_TURNS = Layer(TURNS, lifted=False), Layer(TURNS)
POOLED_TURNS = Layer(TURNS, pooled=True)


def _convolved(a: Array, kernel: Array) -> Array:
    """Return sum_ij a[y + i - 1, x + j - 1] kernel[i, j] [.., H, W, m] of a [.., H, W, n]."""
    height, width = a.shape[-3:-1]
    near = np.arange(KERNEL) - KERNEL // 2
    rows, columns = ((np.arange(n)[:, None] + near) % n for n in (height, width))
    windows = a.take(columns, axis=-2).take(rows, axis=-4)
    return np.tensordot(windows, kernel, axes=([-4, -2, -1], [0, 1, 2]))


def _kernels(kind: Kind, weights: Arrays) -> tuple[Array, Array]:
    """Return W [3, 3, channels, o D] and U [3, 3, p D, o D], with orientations o of p."""
    w, u = weights["W"], weights["U"]
    if kind.orientations == 1:
        return w, u
    turns = range(kind.orientations)
    lifts = np.stack([np.rot90(w, o) for o in turns], axis=3)
    mixes = np.stack([np.rot90(np.roll(u, o, axis=0), o, (1, 2)) for o in turns], axis=4)
    mixes = np.moveaxis(mixes, 0, 2)
    width = kind.orientations * w.shape[3]
    return lifts.reshape(*w.shape[:3], width), mixes.reshape(KERNEL, KERNEL, width, width)


def _flowed(kind: Kind, velocities: Array, h: Array) -> Array:
    """Return psi_1(nu) . h[nu] of states [batch, V, H, W, o, D]."""
    if kind is TURNS:
        each = (np.rot90(h[:, n], w, (1, 2)) for n, (w,) in enumerate(velocities))
        each = (np.roll(a, w, axis=3) for a, (w,) in zip(each, velocities, strict=True))
        return np.stack(list(each), axis=1)
    y, x = (
        (np.arange(n) - v[:, None]) % n for n, v in zip(h.shape[2:4], velocities.T, strict=True)
    )
    return np.asarray(h[:, np.arange(len(velocities))[:, None, None], y[:, :, None], x[:, None]])


def _oracle(layer: Layer, problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    shape, kind = layer.states(problem), layer.kind
    velocities = kind.velocities(problem, layer.reach(problem))
    lift, mix = _kernels(kind, weights)
    h = np.zeros(shape)
    for u in inputs["u"].swapaxes(0, 1):
        before = _flowed(kind, velocities, h).reshape(*shape[:4], -1)
        new = _convolved(u, lift)[:, None] + _convolved(before, mix)
        h = activate("silu", new).reshape(shape)
    return {"h": (h.max(axis=1) if layer.pooled else h).reshape(layer.shape(problem))}


def _outputs(layer: Layer, problem: Problem) -> Mapping[str, Space]:
    by_velocity, kind = layer.lifted and not layer.pooled, layer.kind
    first = 2 if by_velocity else 1

    def act(g: Element, a: Array) -> Array:
        a = moved(g[-1], a, (first, first + 1))
        if kind.orientations > 1:
            a = np.roll(a, g[-1, 2], axis=first + 2)
        if by_velocity:
            sources, covered = kind.partners(problem, layer.reach(problem), g)
            a = a[:, sources]
            a[:, ~covered] = 0.0
        return a

    return {"h": Space(layer.shape(problem), act, axis="batch")}


def _covered(layer: Layer, problem: Problem, g: Element) -> Mapping[str, Array]:
    """Return 1 for the velocities that g leads to from one that is known."""
    _, covered = layer.kind.partners(problem, layer.reach(problem), g)
    return {"h": covered.reshape(-1, *(1 for _ in layer.shape(problem)[2:]))}


def _weights(layer: Layer, problem: Problem) -> Mapping[str, Space]:
    sizes, o = SequenceSizes.of(problem), layer.kind.orientations
    square, channels, hidden = (KERNEL, KERNEL), sizes.channels, sizes.hidden
    relative = (o,) if o > 1 else ()
    return {
        "W": matrix((*square, channels, hidden), KERNEL**2 * channels),
        "U": matrix((*relative, *square, hidden, hidden), KERNEL**2 * o * hidden),
    }


def _supports(layer: Layer, problem: Problem) -> Refusal | None:
    sizes = SequenceSizes.of(problem)
    if layer.kind is TURNS and sizes.height != sizes.width:
        return Refusal(
            f"a quarter turn is no motion of {sizes.height} x {sizes.width} pixels",
            f"use width={sizes.height}",
        )
    if layer.lifted and layer.reach(problem) < 1:
        return Refusal(
            f"reach={layer.reach(problem)} leaves the velocity 0 alone",
            "use reach=1, or the grnn layer",
        )
    return None


def _cost(layer: Layer, problem: Problem) -> Mapping[str, float]:
    """Count convolutions, sums and activations, the maximum; frames and weights are read."""
    sizes = SequenceSizes.of(problem)
    batch, velocities, height, width, orientations, hidden = layer.states(problem)
    pixels, numbers = batch * height * width, orientations * hidden
    lifted = 2 * sizes.frames * pixels * KERNEL**2 * sizes.channels * numbers
    mixed = 2 * (sizes.frames - 1) * velocities * pixels * KERNEL**2 * numbers**2
    pointwise = sizes.frames * velocities * pixels * numbers * (ACTIVATION + 1)
    pooled = velocities * pixels * numbers if layer.pooled else 0
    weights = sum(np.prod(space.shape) for space in _weights(layer, problem).values())
    read = sizes.frames * pixels * sizes.channels + weights
    written = np.prod(layer.shape(problem))
    return {
        "flops": float(lifted + mixed + pointwise + pooled),
        "bytes": float(read + written) * BYTES[problem.dtype],
    }


def _operation(
    name: str, title: str, summary: str, layer: Layer, claims: tuple[SymmetryClaim, ...]
) -> Operation:
    by_velocity = layer.lifted and not layer.pooled
    return Operation(
        name=name,
        title=title,
        family="sequences",
        summary=summary,
        papers=("keller2025",),
        claims=claims,
        outputs=partial(_outputs, layer),
        oracle=partial(_oracle, layer),
        cost=partial(_cost, layer),
        supports=partial(_supports, layer),
        weights=partial(_weights, layer),
        mask=partial(_covered, layer) if by_velocity else None,
        knobs=(reach_of(layer.kind),) if layer.lifted else (),
        refused={"grad": POOLED_GRADIENT} if layer.pooled else {},
        users=("keller2025",),
        growth=Growth({"lmax": 0, "channels": 1}),
    )


POOLED_GRADIENT = (
    "it jumps where two velocities say as much, near which differences of the oracle, by which "
    "gradients are judged, are none"
)

OPERATIONS = (
    _operation(
        "fernn_layer",
        "FERNN layer",
        "a recurrent layer with a state for each velocity, which flows with it",
        LIFTED,
        exact("circular_shift", "shift_flow"),
    ),
    _operation(
        "fernn_pooled_layer",
        "FERNN layer, pooled",
        "the largest of the states of all velocities",
        POOLED,
        (*exact("circular_shift"), SymmetryClaim("shift_flow", "by_knob", "reach")),
    ),
    _operation(
        "grnn_layer",
        "Convolutional recurrent layer",
        "a recurrent layer by convolutions, whose state is at rest",
        PLAIN,
        exact("circular_shift"),
    ),
    _operation(
        "fernn_rotation_layer",
        "FERNN layer, rotations",
        "a recurrent layer at four orientations, with a state for each velocity, which turns",
        LIFTED_TURNS,
        exact("quarter_turn", "turn_flow"),
    ),
    _operation(
        "fernn_rotation_pooled_layer",
        "FERNN layer, rotations, pooled",
        "the largest of the states of all velocities of turning",
        POOLED_TURNS,
        (*exact("quarter_turn"), SymmetryClaim("turn_flow", "by_knob", "reach")),
    ),
    _operation(
        "grnn_rotation_layer",
        "Recurrent layer at orientations",
        "a recurrent layer by convolutions of shifts and quarter turns, whose state is at rest",
        PLAIN_TURNS,
        exact("circular_shift", "quarter_turn"),
    ),
)
