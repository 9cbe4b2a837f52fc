"""Is the result that of the arrays given now, and not of the graph that `build` has seen?

Indices are inputs. An implementation that sorts edges once, keeps a neighbour list or takes the
order of the edges for granted is right on the arrays of its case and on no others. For families
with inputs of indices the pass is judged again, as `error` does, on arrays made after `build`:

* `conduct.edge_order`: all that has the axis of an array of indices (edges: their ends, vectors,
  weights) in the opposite order;
* `conduct.node_labels`: the nodes relabelled, by an element of the group's `permutation`.

Both are done at once, and apart where what comes of that is wrong: where each is right by itself,
both have the error of doing them at once. The value is the largest error in units of its own
tolerance: what passes is at most 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from bench.measuring.built_case import BuiltCase
from bench.measuring.probes import Probe
from bench.measuring.probes.gate import error
from bench.record.rows import Reading
from impls.family import Part
from impls.spaces import Array, Arrays

DRAWN = 8
"""Elements of which the one that relabels most is taken."""


def indices(built: BuiltCase) -> Iterable[Reading]:
    """Yield `conduct.edge_order` and `conduct.node_labels`; nothing for inputs without indices."""
    spaces = {**built.read_spaces, **built.weight_spaces}
    axes = {space.axis for space in spaces.values() if space.kind == "index"}
    if not axes:
        return
    whole = replace(built, part=Part(built.problem))

    def in_reverse(arrays: Arrays) -> dict[str, Array]:
        turned = {name for name, space in spaces.items() if space.axis in axes}
        return {name: a[::-1].copy() if name in turned else a for name, a in arrays.items()}

    apart = {"conduct.edge_order": in_reverse(built.arrays())}
    relabelling = built.group.subgroups.get("permutation")
    if relabelling is not None:
        every = built.input_spaces
        tried = [
            {name: every[name].act(g, a) for name, a in built.arrays().items()}
            for g in relabelling.sample(built.rng(9), DRAWN)
        ]
        named = [name for name, space in spaces.items() if space.kind == "index"]
        apart["conduct.node_labels"] = max(  # of few nodes, one in a few moves nothing
            tried,
            key=lambda arrays: sum(
                int(np.count_nonzero(arrays[name] != built.inputs[name])) for name in named
            ),
        )
        at_once = _judged("", _with(whole, in_reverse(apart["conduct.node_labels"])))
        found = [] if at_once.passed else _each(whole, apart)
        if all(reading.passed for reading in found):  # also what is wrong in both at once alone
            found = [replace(at_once, probe=name) for name in apart]
        yield from found
    else:
        yield from _each(whole, apart)


def _each(whole: BuiltCase, apart: Mapping[str, Arrays]) -> list[Reading]:
    return [_judged(name, _with(whole, arrays)) for name, arrays in apart.items()]


def _with(built: BuiltCase, arrays: Arrays) -> BuiltCase:
    """Return the built with other arrays, by the names of `BuiltCase.arrays`."""
    return replace(
        built,
        inputs={name: arrays[name] for name in built.inputs},
        weights={name: arrays[name] for name in built.weights},
        cotangents={n: arrays.get(f"c_{n}", a) for n, a in built.cotangents.items()},
    )


def _judged(name: str, built: BuiltCase) -> Reading:
    """Return the worst of the errors of a built case as one reading."""
    units: dict[str, float] = {}
    for reading in error(built):
        if reading.limit is None:
            return replace(reading, probe=name)
        units[reading.probe] = np.inf if reading.value is None else reading.value / reading.limit
    worst = max(units.values())
    value = float(worst) if np.isfinite(worst) else None
    passed = bool(worst <= 1.0)
    return Reading(name, value, n=1, detail={"errors": units}, passed=passed, limit=1.0)


PROBES = (Probe("conduct.indices", indices),)
