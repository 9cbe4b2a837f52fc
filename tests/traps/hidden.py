"""NumPy implementations that are right wherever one looks, if one looks as everybody does.

What is wrong shows in samples that a known seed does not pick, after many calls, on the clock, with
other contents in known arrays, or beside the timed call.
"""

from __future__ import annotations

import gc
import os
import threading
import time
import warnings
from collections.abc import Mapping

import numpy as np

from impls.backends import load
from impls.implementation import Built, Implementation
from impls.products.channel_modes import dense as channel_modes
from tests.fakes.honest import product

CALLS = 150
"""More than the gate makes, fewer than the clock does."""
BLOCK = 128


def honest(problem):
    return product("numpy", problem)


def hiding(name, answer, **declared):
    """Declare an implementation that returns `answer(z, inputs, state)`; one state a build.

    `z(inputs)` is the right answer.
    """

    def build(problem, target, options):
        right, state = honest(problem), {"problem": problem, "calls": 0}

        def z(inputs):
            return right(inputs, {})["z"]

        def call(inputs, weights):
            state["calls"] += 1
            found = answer(z, inputs, state)
            return found if isinstance(found, Mapping) else {"z": found}

        return Built(call)

    return Implementation("clebsch_gordan", f"trap_{name}", "numpy", build, **declared)


# ---- samples -------------------------------------------------------------------------------------


def _tail(z, inputs, state):
    """The last block, which is not full, is never written."""
    found = z(inputs)
    found[len(found) // BLOCK * BLOCK :] = 0
    return found


def _last(z, inputs, state):
    """The last sample is left out, as by a loop that ends one too early."""
    found = z(inputs)
    found[-1] = 0
    return found


def _one(z, inputs, state):
    """One sample in the middle of many is off by a hundredth."""
    found = z(inputs)
    found[len(found) // 3] *= 1.01
    return found


def _one_nan(z, inputs, state):
    """One number of one sample in the middle is none."""
    found = z(inputs)
    found[len(found) // 3, 0, 0] = np.nan
    return found


def _large_only(z, inputs, state):
    """Right for few samples: an index that overflows with many."""
    found = z(inputs)
    return found if len(found) <= 64 else np.roll(found, 1, axis=0)


def _strides(z, inputs, state):
    """Reads the memory of x as if its entries lay side by side."""
    x = inputs["x"]
    return z({**inputs, "x": x.ravel(order="K").reshape(x.shape)})


# ---- time ----------------------------------------------------------------------------------------


def _first_calls(z, inputs, state):
    """Right until the clock begins."""
    return z(inputs) if state["calls"] < CALLS else np.zeros_like(state.setdefault("z", z(inputs)))


def _once(z, inputs, state):
    """Right when it is called for the first time, then twice as large for ever."""
    return z(inputs) if state["calls"] == 1 else 2 * z(inputs)


def _once_hurried(z, inputs, state):
    """Right until the garbage collector was off for the first time, then twice as large for ever.

    It is off while calls are timed, by `conduct.fresh` too, after which the gate sees no number.
    """
    state["hurried"] = state.get("hurried", False) or not gc.isenabled()
    return 2 * z(inputs) if state["hurried"] else z(inputs)


def _off_the_clock(z, inputs, state):
    """Computes nothing while the garbage collector is off, as it is while time is taken."""
    if gc.isenabled() or "z" not in state:
        state["z"] = z(inputs)
        return state["z"]
    return np.zeros_like(state["z"])


def _known_contents(z, inputs, state):
    """Looks the answer up by the contents of its arrays."""
    key = tuple(a.tobytes() for a in inputs.values())
    held = state.setdefault("held", {})
    if key not in held:
        held[key] = z(inputs)
    return held[key]


def _deferred(z, inputs, state):
    """On the clock a thread computes the answer, after the call has returned."""
    if gc.isenabled():
        return z(inputs)
    answer = np.zeros_like(state.setdefault("z", z(inputs)))

    def fill():
        time.sleep(2e-3)
        np.copyto(answer, z(inputs))

    if state["calls"] % 50 == 0:
        threading.Thread(target=fill).start()
    return answer


def _works_on(z, inputs, state):
    """The answer is there; a thread works on."""

    def spin(end):
        while time.process_time() < end:
            pass

    if not any(thread.name == "works on" for thread in threading.enumerate()):
        threading.Thread(target=spin, args=(time.process_time() + 1.0,), name="works on").start()
    return z(inputs)


def _processors(z, inputs, state):
    """Leaves the core that it was given, and uses two."""
    os.sched_setaffinity(0, range(os.cpu_count()))
    many = np.ones((300, 300))
    threads = [threading.Thread(target=lambda: [many @ many for _ in range(40)]) for _ in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return z(inputs)


def _clock(z, inputs, state):
    """Makes the clock slow."""
    if state["calls"] == CALLS:
        from bench.measuring.clocks import HostClock

        honest_burst = HostClock._timed

        def fast(self, number, **more):
            burst = honest_burst(self, number, **more)
            return burst._replace(seconds=burst.seconds / 10, busy=burst.busy / 10)

        HostClock._timed = fast
    return z(inputs)


# ---- what is returned ----------------------------------------------------------------------------


class Lazy(np.ndarray):
    """An array that could do its work when somebody looks."""


class Answer(dict):
    """A mapping that could do its work when somebody looks."""


def _subclass(z, inputs, state):
    return z(inputs).view(Lazy)


def _mapping(z, inputs, state):
    return Answer(z=z(inputs))


def _wide(z, inputs, state):
    """Twice the digits that are asked for."""
    return z({name: a.astype(np.float64) for name, a in inputs.items()}).astype(np.float64)


TRAPS = tuple(
    hiding(name, answer)
    for name, answer in {
        "tail": _tail,
        "last": _last,
        "one": _one,
        "one_nan": _one_nan,
        "large_only": _large_only,
        "strides": _strides,
        "first_calls": _first_calls,
        "once": _once,
        "once_hurried": _once_hurried,
        "off_the_clock": _off_the_clock,
        "known_contents": _known_contents,
        "deferred": _deferred,
        "works_on": _works_on,
        "processors": _processors,
        "clock": _clock,
        "subclass": _subclass,
        "mapping": _mapping,
        "wide": _wide,
    }.items()
)


# ---- beside the call -----------------------------------------------------------------------------


def _packs(problem, target, options):
    """All the work is done in `pack`."""
    right = honest(problem)
    return Built(
        lambda inputs, weights: {"z": inputs["z"]},
        pack=lambda inputs, weights: (right(inputs, weights), weights),
    )


def _unpacks(problem, target, options):
    """All the work is done in `unpack`."""
    right = honest(problem)
    return Built(lambda inputs, weights: dict(inputs), unpack=lambda native: right(native, {}))


def _activates(problem, target, options):
    """`unpack` undoes a function of each entry: no sum of entries, and no scale."""
    right = honest(problem)
    return Built(
        lambda inputs, weights: {"z": np.cbrt(right(inputs, weights)["z"])},
        unpack=lambda native: {"z": native["z"] ** 3},
    )


def _repeats(problem, target, options):
    """`pack` writes an input twice, so that the call need not."""
    right = honest(problem)
    return Built(
        lambda inputs, weights: right({"x": inputs["x"][0], "y": inputs["y"]}, weights),
        pack=lambda inputs, weights: ({**inputs, "x": np.stack([inputs["x"]] * 2)}, weights),
    )


def _stale_weights(problem, target, options):
    """Weights are copied once for each array that holds them, and not again."""
    (uvw,) = (found for found in channel_modes.ALGORITHMS if found.operation == "uvw")
    right, held = uvw.build(problem, load("numpy", problem, target), {}), {}

    def call(inputs, weights):
        w = weights["w"]
        if id(w) not in held:
            held[id(w)] = w, w.copy()
        return right.call(inputs, {"w": held[id(w)][1]})

    return Built(call, right.pack, right.unpack)


def _falls_back(z, inputs, state):
    """Another kernel runs than was asked for, which is said once."""
    if state["calls"] == 1:
        warnings.warn("no fast kernel here: falling back to another", stacklevel=2)
    return z(inputs)


FALLS_BACK = hiding("falls_back", _falls_back)
PACKS = Implementation("clebsch_gordan", "trap_packs", "numpy", _packs)
UNPACKS = Implementation("clebsch_gordan", "trap_unpacks", "numpy", _unpacks)
ACTIVATES = Implementation("clebsch_gordan", "trap_activates", "numpy", _activates)
REPEATS = Implementation("clebsch_gordan", "trap_repeats", "numpy", _repeats)
STALE_WEIGHTS = Implementation("uvw", "trap_stale_weights", "numpy", _stale_weights)
