"""A Family: what all operations that answer the same kind of Problem have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from impls.former import EXAMPLES, accepting
from impls.former import Ask as Ask  # where files of the first edition look for it
from impls.groups import Group
from impls.problem import Problem, Refusal, Scalar
from impls.sizes import BadSize, Sizes
from impls.spaces import Array, Arrays, Space
from impls.streams import Streams

PART = 64
"""Samples (or nodes that receive) that are compared with the oracle."""


@dataclass(frozen=True)
class Part:
    """Some of a problem, by the rows of each named axis, as a smaller problem with its own oracle.

    `rows` are the sorted rows of an axis that stay; `judged` those whose outputs are right in the
    part as they are in the whole, where these are fewer (nodes that only send).
    """

    problem: Problem
    rows: Mapping[str, Array] = field(default_factory=dict)
    judged: Mapping[str, Array] = field(default_factory=dict)

    def cut(self, spaces: Mapping[str, Space], arrays: Arrays) -> dict[str, Array]:
        """Return what stays of arrays of the whole problem; indices count the rows that stay."""
        found = {}
        for name, a in arrays.items():
            space = spaces[name]
            a = a[self.rows[space.axis]] if space.axis in self.rows else a
            if space.refers in self.rows:
                a = np.searchsorted(self.rows[space.refers], a)
            found[name] = a
        return found

    def of_whole(self, space: Space, a: Array) -> Array:
        """Return the judged rows of an output of the whole problem."""
        rows = self.judged.get(space.axis, self.rows.get(space.axis))
        return a if rows is None else a[rows]

    def of_part(self, space: Space, a: Array) -> Array:
        """Return the judged rows of an output of the part."""
        if space.axis not in self.judged:
            return a
        return a[np.searchsorted(self.rows[space.axis], self.judged[space.axis])]


@accepting(profiles=EXAMPLES)
@dataclass(frozen=True)
class Family:
    """The inputs of a kind of problem: their Spaces and how they are drawn.

    `sizes` are the typed sizes of its problems, and `check` refuses bad ones by name. `ask` makes a
    problem of named options: sizes, or short words for several of them (setting, symmetry, lmax).
    `facets` are the columns by which people sort and plot; `axes` names those that are numbers to
    plot against, the main one first; `labels` says facets and their values in words, and `title`
    what its problems are of. `examples` are small questions, valid at every knob, for checks;
    `hard` are those where code fails, where samples of a `batch` cannot be counted: sizes at
    boundaries, nothing at all, odd places.

    `batch` names the size that counts independent samples: it is axis 0 of every input and output;
    None when samples are not independent. `part` takes out of a problem what is compared with the
    oracle, by default some samples of the batch. `single` returns the same map on as few entries as
    possible, for looking at it as a black box; `pose` returns that problem at a value of the main
    axis, with words of its own by keyword (setting, symmetry), each with a default: what analyses
    ask, and the catalogue without more words. `on_graph` returns the problem on the graph of an
    adjacency [n, n], with all inputs that follow from it, where no node is told from another.
    """

    name: str
    check: Callable[[Problem], Refusal | None]
    group: Callable[[Problem], Group]
    inputs: Callable[[Problem], Mapping[str, Space]]
    draw: Callable[[Problem, Streams], Arrays]
    facets: Callable[[Problem], Mapping[str, Scalar]]
    sizes: type[Sizes] | None = None
    ask: Callable[..., Problem] | None = None
    axes: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    examples: tuple[Problem, ...] = ()
    hard: tuple[Problem, ...] = ()
    data: tuple[str, ...] = ("normal",)
    batch: str | None = None
    part: Callable[[Problem, Arrays, np.random.Generator], Part] | None = None
    single: Callable[[Problem], Problem] | None = None
    pose: Callable[..., Problem] | None = None
    on_graph: Callable[[Problem, Array], tuple[Problem, Arrays]] | None = None
    title: str = ""

    def part_of(self, problem: Problem, inputs: Arrays, rng: np.random.Generator) -> Part:
        """Return what is compared with the oracle: the family's part, some samples, or all.

        Of samples the first and the last are among them, where blocks begin and end.
        """
        if self.part is not None:
            return self.part(problem, inputs, rng)
        if self.batch is None:
            return Part(problem)
        count = int(str(problem.sizes[self.batch]))
        rows = np.unique([0, count - 1, *rng.permutation(count)[: PART - 2]])
        return Part(problem.with_sizes(**{self.batch: len(rows)}), {"batch": rows})


def checked(
    sizes: type[Sizes],
    data: tuple[str, ...] = ("normal",),
    also: Callable[[Problem], Refusal | None] = lambda problem: None,
) -> Callable[[Problem], Refusal | None]:
    """Return a family's `check`: its sizes can be read, its data has a generator, and `also`."""

    def check(problem: Problem) -> Refusal | None:
        try:
            sizes.of(problem)
        except BadSize as error:
            return error.refusal
        if problem.data not in data:
            names = " or ".join(repr(name) for name in data)
            return Refusal(
                f"unknown data {problem.data!r}", f"family {problem.family} draws {names}"
            )
        return also(problem)

    return check


class _Drawn(Mapping[str, Array]):
    """Arrays by name, each drawn the first time that it is asked for."""

    def __init__(self, spaces: Mapping[str, Space], streams: Streams) -> None:
        self._spaces, self._streams = spaces, streams
        self._drawn: dict[str, Array] = {}

    def __getitem__(self, name: str) -> Array:
        if name not in self._drawn:
            self._drawn[name] = self._spaces[name].sample(self._streams(name))
        return self._drawn[name]

    def __contains__(self, name: object) -> bool:
        return name in self._spaces

    def __iter__(self) -> Iterator[str]:
        return iter(self._spaces)

    def __len__(self) -> int:
        return len(self._spaces)


def sampled(
    inputs: Callable[[Problem], Mapping[str, Space]],
) -> Callable[[Problem, Streams], Arrays]:
    """Return `draw` for inputs that are independent: each Space sampled, from its own stream.

    An array is drawn when it is asked for: what an operation does not read takes no memory.
    """

    def draw(problem: Problem, streams: Streams) -> Arrays:
        return _Drawn(inputs(problem), streams)

    return draw
