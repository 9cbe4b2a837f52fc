"""What a diagnosis looks at: an output, what the oracle says of it, and what else may be asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from bench.measuring.answers import norm
from bench.measuring.built_case import BuiltCase, Judged
from bench.measuring.diagnosis import blocks
from bench.measuring.diagnosis.blocks import Block
from bench.measuring.tolerances import tolerance
from impls.operation import Path
from impls.spaces import Array, Arrays, Space


@dataclass(frozen=True)
class Scene:
    """A built forward pass, arrays to call it with, and what the oracle says of them."""

    built: BuiltCase
    inputs: Arrays
    weights: Arrays

    @property
    def limit(self) -> float:
        """Return the relative tolerance of the precision."""
        return tolerance(self.built.problem, self.built.case.target)

    @cached_property
    def judged(self) -> Judged:
        """Return what is compared with the oracle."""
        return replace(self.built, inputs=self.inputs, weights=self.weights).judged()

    def call(self, changed: Arrays | None = None) -> dict[str, Array]:
        """Call the implementation, with some arrays changed."""
        new = {**self.inputs, **self.weights, **(changed or {})}
        return self.built.call({name: new[name] for name in self.built.arrays()})

    @cached_property
    def outputs(self) -> dict[str, Array]:
        """Return what the implementation answers."""
        return self.call()

    @cached_property
    def found(self) -> dict[str, Array]:
        """Return what is judged of it: the outputs of real numbers."""
        return self.real(self.judged.found(self.outputs))

    @cached_property
    def expected(self) -> dict[str, Array]:
        """Return what the oracle says."""
        return self.oracle({})

    def oracle(self, changed: Arrays) -> dict[str, Array]:
        """Return what the oracle says of the judged arrays, some of them changed."""
        judged = self.judged
        mine = {name: changed.get(name, a) for name, a in judged.inputs.items()}
        weights = {name: changed.get(name, a) for name, a in judged.weights.items()}
        said_of = self.built.operation.oracle(judged.problem, mine, weights)
        return self.real(judged.expected(said_of))

    def real(self, arrays: Arrays) -> dict[str, Array]:
        """Return the outputs that are compared."""
        return {n: arrays[n] for n, space in self.spaces.items() if space.kind == "real"}

    @property
    def spaces(self) -> Mapping[str, Space]:
        """Return the Spaces of the outputs."""
        return self.built.output_spaces

    def blocks(self, name: str) -> tuple[Block, ...]:
        """Return the blocks of an output, each named by its path where it has one of its own."""
        paths = self._paths() if name == next(iter(self.spaces)) else {}
        irreps = self.spaces[name].irreps
        labels = [paths.get(n, "") for n in range(len(blocks.blocks_of(irreps)))]
        return blocks.blocks_of(irreps, labels if all(labels) else ())

    def _paths(self) -> dict[int, str]:
        """Return by block of the first output the path that alone ends there."""
        coefficients = self.built.operation.coefficients
        if coefficients is None or not all(self._irreps()):
            return {}
        found: dict[int, list[str]] = {}
        for path in coefficients(self.built.problem):
            found.setdefault(path[2], []).append(self.path(path))
        return {block: names[0] for block, names in found.items() if len(names) == 1}

    def path(self, path: Path) -> str:
        """Return what people call a path: (1o, 1o, 2e), with numbers where irreps are repeated."""
        out = next(iter(self.spaces.values())).irreps
        names = [
            _copy(irreps, index) for irreps, index in zip(self._irreps(), path[:2], strict=True)
        ]
        return f"({', '.join(names)}, {blocks.blocks_of(out)[path[2]].irrep})"

    def _irreps(self) -> list[str | None]:
        """Return the irreps of the two factors of a path.

        Where one is computed in the call, as harmonics are of vectors, they are those of the input
        that the smallest problem of the family has in its place.
        """
        built, family = self.built, self.built.family
        spaces = dict(built.read_spaces)
        if family.single is not None:
            given = built.operation.taken(family.inputs(family.single(built.problem)))
            spaces = {**given, **spaces}
        return [spaces[name].irreps if name in spaces else None for name in self.factors()]

    def factors(self) -> tuple[str, str]:
        """Return the two inputs that a path couples."""
        (first, _), (second, _) = self.built.operation.linear_in[:2]
        return first, second

    def rows(self, name: str) -> Array:
        """Return which rows of an output are judged."""
        space = self.spaces[name]
        return self.judged.part.of_whole(space, np.arange(space.shape[0] if space.shape else 1))

    @property
    def coupled(self) -> bool:
        """Return whether the arrays that paths couple are given (harmonics may be computed)."""
        spaces = self.built.read_spaces
        return all(name in spaces and spaces[name].irreps for name in self.factors())

    def judged_space(self, name: str) -> Space:
        """Return the Space of an input or a weight."""
        return {**self.built.read_spaces, **self.built.weight_spaces}[name]

    def agrees(self, found: Arrays, expected: Arrays, limit: float) -> bool:
        """Return whether outputs are equal within a tolerance."""
        scale = norm(expected.values())
        if scale == 0.0 or not all(np.isfinite(a).all() for a in found.values()):
            return False
        return norm(found[name] - a for name, a in expected.items()) <= limit * scale

    @property
    def real_arrays(self) -> dict[str, Array]:
        """Return the judged inputs and weights of real numbers."""
        every = {**self.judged.inputs, **self.judged.weights}
        return {n: a for n, a in every.items() if self.judged_space(n).kind == "real"}


def scene(built: BuiltCase) -> Scene:
    """Return the scene of a forward pass, with the arrays of its case."""
    return Scene(built, built.inputs, built.weights)


def _copy(irreps: str | None, index: int) -> str:
    """Return the name of a copy of an irrep: 1o, or 1o#2 where there are several."""
    names = [str(block.irrep) for block in blocks.blocks_of(irreps)]
    repeated = names.count(names[index]) > 1
    return names[index] + f"#{names[: index + 1].count(names[index])}" * repeated
