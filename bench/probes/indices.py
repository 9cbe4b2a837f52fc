"""Is the result that of the arrays given now, and not of the graph that `build` has seen?

Indices are inputs. An implementation that sorts edges once, keeps a neighbour list or takes the
order of the edges for granted is right on the arrays of its case and on no others. For families
with inputs of indices the pass is judged again, as `error` does, on arrays made after `build`:

* `conduct.edge_order`: all that has the axis of an array of indices (edges: their ends, vectors,
  weights) in the opposite order;
* `conduct.node_labels`: the nodes relabelled, by an element of the group's `permutation`.

The value is the largest error in units of its own tolerance: what passes is at most 1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from bench.probes import Probe
from bench.probes.verdicts import error
from bench.rows import Reading
from bench.subject import Subject
from impls.family import Part
from impls.spaces import Arrays

DRAWN = 8
"""Elements of which the one that relabels most is taken."""


def indices(subject: Subject) -> Iterable[Reading]:
    """Yield `conduct.edge_order` and `conduct.node_labels`; nothing for inputs without indices."""
    spaces = {**subject.read_spaces, **subject.weight_spaces}
    axes = {space.axis for space in spaces.values() if space.kind == "index"}
    if not axes:
        return
    rng = np.random.default_rng([subject.problem.seed, 9])
    whole = replace(subject, part=Part(subject.problem))
    reordered = {
        name: a[::-1].copy() if spaces[name].axis in axes else a
        for name, a in {**subject.inputs, **subject.weights}.items()
    }
    yield _judged("conduct.edge_order", _with(whole, reordered))
    relabelling = subject.group.subgroups.get("permutation")
    if relabelling is not None:
        every = subject.input_spaces
        tried = [
            {name: every[name].act(g, a) for name, a in subject.arrays().items()}
            for g in relabelling.sample(rng, DRAWN)
        ]
        named = [name for name, space in spaces.items() if space.kind == "index"]
        moved = max(  # of few nodes, one in a few permutations moves nothing
            tried,
            key=lambda arrays: sum(
                int(np.count_nonzero(arrays[name] != subject.inputs[name])) for name in named
            ),
        )
        yield _judged("conduct.node_labels", _with(whole, moved))


def _with(subject: Subject, arrays: Arrays) -> Subject:
    """Return the subject with other arrays, by the names of `Subject.arrays`."""
    return replace(
        subject,
        inputs={name: arrays[name] for name in subject.inputs},
        weights={name: arrays[name] for name in subject.weights},
        cotangents={n: arrays.get(f"c_{n}", a) for n, a in subject.cotangents.items()},
    )


def _judged(name: str, subject: Subject) -> Reading:
    """Return the worst of the errors of a subject as one reading."""
    found = list(error(subject))
    for reading in found:
        if "tolerance" not in reading.detail:
            return Reading(name, None, detail=reading.detail)
    units = {r.probe: np.inf if r.value is None else r.value / r.detail["tolerance"] for r in found}
    worst = max(units.values())
    detail = {"tolerance": 1.0, "passed": bool(worst <= 1.0), "errors": units}
    return Reading(name, float(worst) if np.isfinite(worst) else None, n=1, detail=detail)


PROBES = (Probe("conduct.indices", indices),)
