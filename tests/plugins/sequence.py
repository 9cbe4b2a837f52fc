r"""Windows over a sequence: a claim that holds where there is a partner, and two ways to one map.

Family `sequence`: signal [batch, steps, channels], the history [batch, taps - 1, channels] before
it, and the times [batch, steps] of its steps, which operations here do not read. A group element is
a delay: what was before stays out of sight, and zeros are shifted in.

Operation `causal_convolution`: y_t = sum_k kernel_k x_(t-k), with x the signal after its history.
After a delay by s the first s entries come from outside, and taps - 1 more see them: `mask` has the
rest. `causal_scan` is the same map in steps with a state, as a stream needs it: `agrees_with`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.family import Family, checked, sampled
from impls.groups import Element, Group
from impls.implementation import Built, Tensors
from impls.operation import Operation, exact
from impls.problem import BYTES, Problem
from impls.sizes import Sizes
from impls.spaces import Array, Arrays, Space


@dataclass(frozen=True)
class SequenceSizes(Sizes):
    batch: int
    steps: int
    channels: int
    taps: int


def delayed(g: Element, a: Array) -> Array:
    """Return a sequence [batch, steps, ...] delayed by g steps, with zeros before."""
    return np.concatenate([np.zeros_like(a[:, :g]), a[:, : a.shape[1] - g]], axis=1)


def _group(problem: Problem) -> Group:
    taps = SequenceSizes.of(problem).taps

    def sample(rng: np.random.Generator, n: int) -> list[Element]:
        return [int(g) for g in rng.integers(1, taps + 1, n)]

    delays = Group("delays", 0, sample, lambda g, h: g + h, lambda g: -g)
    return replace(delays, subgroups={"delay": delays})


def _inputs(problem: Problem) -> Mapping[str, Space]:
    s = SequenceSizes.of(problem)
    return {
        "signal": Space((s.batch, s.steps, s.channels), delayed, axis="batch"),
        "history": Space((s.batch, s.taps - 1, s.channels), axis="batch"),
        "times": Space((s.batch, s.steps), axis="batch"),
    }


EXAMPLE = Problem("sequence", {"batch": 3, "steps": 12, "channels": 2, "taps": 4}, "float64")
FAMILY = Family(
    name="sequence",
    sizes=SequenceSizes,
    check=checked(SequenceSizes),
    group=_group,
    inputs=_inputs,
    draw=sampled(_inputs),
    facets=lambda problem: dict(vars(SequenceSizes.of(problem))),
    batch="batch",
    examples=(EXAMPLE,),
)


def _weights(problem: Problem) -> Mapping[str, Space]:
    return {"kernel": Space((SequenceSizes.of(problem).taps, SequenceSizes.of(problem).channels))}


def _outputs(problem: Problem) -> Mapping[str, Space]:
    s = SequenceSizes.of(problem)
    return {"y": Space((s.batch, s.steps, s.channels), delayed, axis="batch")}


def _mask(problem: Problem, g: Element) -> Mapping[str, Array]:
    s = SequenceSizes.of(problem)
    return {"y": (np.arange(s.steps) >= g + s.taps - 1)[:, None]}


def _cost(problem: Problem) -> Mapping[str, float]:
    s = SequenceSizes.of(problem)
    flops = 2.0 * s.batch * s.steps * s.channels * s.taps
    return {"flops": flops, "bytes": flops / s.taps * BYTES[problem.dtype]}


def _windows(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    x = np.concatenate([inputs["history"], inputs["signal"]], axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(x, SequenceSizes.of(problem).taps, axis=1)
    return {"y": np.einsum("btck,kc->btc", windows[..., ::-1], weights["kernel"])}


def _recurrence(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    state, y = list(np.moveaxis(inputs["history"], 1, 0)), []
    for x in np.moveaxis(inputs["signal"], 1, 0):
        state = [*state, x]
        y.append(sum(w * v for w, v in zip(weights["kernel"], reversed(state), strict=True)))
        state = state[1:]
    return {"y": np.stack(y, axis=1)}


def _operation(name: str, summary: str, oracle, agrees_with: str | None) -> Operation:
    return Operation(
        name=name, family="sequence", summary=summary, papers=(), claims=exact("delay"),
        outputs=_outputs, oracle=oracle, cost=_cost, weights=_weights, linear_in=(("kernel", 1),),
        mask=_mask, reads=("signal", "history"), agrees_with=agrees_with,
    )  # fmt: skip


OFFLINE = _operation("causal_convolution", "moving window, all at once", _windows, None)
STREAM = _operation("causal_scan", "moving window, in steps", _recurrence, "causal_convolution")


def sliced(problem: Problem, b: Backend, options: Options) -> Built:
    s = SequenceSizes.of(problem)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, w = b.concatenate([inputs["history"], inputs["signal"]], 1), weights["kernel"]
        return {"y": sum(w[k] * x[:, s.taps - 1 - k :][:, : s.steps] for k in range(s.taps))}

    return Built(call)


def stepped(problem: Problem, b: Backend, options: Options) -> Built:
    s = SequenceSizes.of(problem)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        state, w, y = inputs["history"], weights["kernel"], []
        for t in range(s.steps):
            window = b.concatenate([state, inputs["signal"][:, t : t + 1]], 1)
            state = window[:, 1:]
            y.append(sum(w[s.taps - 1 - k] * window[:, k : k + 1] for k in range(s.taps)))
        return {"y": b.concatenate(y, 1)}

    return Built(call)


BOTH = ("numpy", "torch")
SLICED = Algorithm("causal_convolution", "sliced", "one product for each tap", sliced, BOTH)
STEPPED = Algorithm("causal_scan", "stepped", "one step at a time", stepped, BOTH)
