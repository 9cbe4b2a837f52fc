"""What the harness does for each framework: move arrays, define passes, wait, read memory.

The functions of the three modules have the same names and meanings, so that a pass is the same
mathematics in each, with c a random cotangent and x the first differentiable input:

* `fwd`: f;
* `grad`: <c, f> and its gradients with respect to every differentiable input and weight;
* `grad2`: phi = |d<c, f>/dx|^2 / 2, the inner gradient d<c, f>/dx, and the gradients of phi with
  respect to the same arrays, as training on forces needs.

What is unused has gradient zero.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from bench.record.case import Pass
from impls.implementation import Target, Tensors
from impls.spaces import Space

Call = Callable[[Tensors, Tensors], Tensors]
PassFunction = Callable[[Tensors, Tensors, Tensors], Mapping[str, Any]]


COMPILED = "CompiledFxGraph"
"""What `ran` calls a graph that inductor has compiled."""


class Uncounted(Exception):
    """A framework cannot count a call; the message says why."""


@dataclass(frozen=True)
class Activity:
    """What the GPU was busy with, from `start` to `end` [s]: a kernel, or a copy (or fill)."""

    start: float
    end: float
    name: str
    copy: bool


class Framework(Protocol):
    """The interface of `bench.measuring.frameworks.{numpy,torch,jax}`."""

    def start(self, target: Target, x64: bool) -> Mapping[str, Any]:
        """Set threads, precision and device for this process; return facts worth recording."""

    def precision(self, device: str) -> str:
        """Return the precision of products of float32 matrices that is in force now."""

    def put(
        self,
        arrays: Tensors,
        spaces: Mapping[str, Space],
        dtype: str,
        target: Target,
        own: bool = False,
    ) -> Tensors:
        """Copy float64 and index arrays, or `held` ones, rounding reals to `dtype`.

        What is the caller's `own`, and is not used again, may be taken instead of copied.
        """

    def leaves(self, tensors: Tensors, wanted: tuple[str, ...]) -> Tensors:
        """Return the same numbers, ready to be differentiated with respect to the wanted names."""

    def copy(self, tensors: Tensors) -> Tensors:
        """Return the same numbers in other memory, ready for the same gradients."""

    def get(self, tensors: Tensors) -> dict[str, Any]:
        """Copy tensors to NumPy, reals as float64."""

    def held(self, tensors: Tensors, own: bool = False) -> dict[str, Any]:
        """Return copies that stay as they are, to be compared: no digit more, without gradients.

        Again, what is the caller's `own` may be taken.

        They are indexed and written to as NumPy's arrays are, which they are on the host. On a
        device they stay there, but for JAX, whose arrays are not written to and which would compile
        each comparison.
        """

    def strange(self, tensor: Any, dtype: str, target: Target) -> str:
        """Return why something is no plain array of the framework, in words; "" for one that is.

        Of exactly its class, computed, on the device of `target`, reals in `dtype`.
        """

    def strided(self, tensors: Tensors) -> Tensors | None:
        """Return the same numbers, no two of an array side by side; None where there is no such."""

    def real(self, tensor: Any) -> bool:
        """Return whether a tensor holds floating-point numbers."""

    def make(self, call: Call, pass_: Pass, mode: str, wanted: tuple[str, ...]) -> PassFunction:
        """Return the function of a pass; `wanted` names the arrays whose gradients are asked."""

    def cotangents(self, call: Call, inputs: Tensors, weights: Tensors) -> Tensors:
        """Return standard normal arrays of the shapes of the outputs, in the native layout."""

    def wait(self, out: Any) -> None:
        """Block until `out` is computed."""

    def overwrite(self, tensor: Any, value: Any) -> None:
        """Write a value into a tensor in place; TypeError where tensors are immutable."""

    def first(
        self, function: PassFunction, arguments: tuple[Any, ...], mode: str
    ) -> dict[str, float]:
        """Call for the first time; return seconds by clock: time.first, trace, compile."""

    def ran(self, function: PassFunction, arguments: tuple[Any, ...], mode: str) -> dict[str, int]:
        """Return what one call runs by name, and how often each; {} where nothing tells.

        Operators in PyTorch; in JAX instructions of the compiled program, custom calls by target.

        Raises:
            Uncounted: when it cannot be watched.
        """

    def counted(self, function: PassFunction, arguments: tuple[Any, ...]) -> dict[str, float]:
        """Return what the framework itself counts of one call: {"flops.<source>": ...}.

        Raises:
            Uncounted: when its counter fails.
        """

    def peak(
        self, run: Callable[[], Any], function: PassFunction, arguments: tuple[Any, ...]
    ) -> dict[str, float]:
        """Return peak bytes above the live inputs of one call, by source: {"rss": bytes, ...}."""

    def fresh_peak(self, run: Callable[[], Any], arguments: tuple[Any, ...]) -> dict[str, float]:
        """Return the same, in a process that did nothing but build this case.

        Raises:
            Uncounted: when what it could say would mean something else.
        """

    def traced(self, work: Callable[[], Any]) -> list[Activity]:
        """Return what the GPU did while `work` ran, as CUPTI recorded it, in order of time."""

    def release(self) -> None:
        """Give back memory of the GPU that the framework keeps for later, as far as it can."""


def unfit(framework: Framework, out: Any, dtype: str, target: Target) -> str:
    """Return why an answer is none of plain arrays in a plain dict, in words; "" for one that is.

    What is computed only when it is looked at would be timed without the work.
    """
    if type(out) is not dict:
        return f"the answer is a {type(out).__qualname__}, not a dict"
    for name, tensor in out.items():
        if why := framework.strange(tensor, dtype, target):
            return f"output {name!r} {why}"
    return ""


def load(name: str) -> Framework:
    """Import the module of a framework (and with it the framework)."""
    return importlib.import_module(f"bench.measuring.frameworks.{name}")
