"""Which gradient is wrong: of which array, on which path, and how.

Found from directional derivatives, as the gate judges them: of the implementation the inner product
of its gradient with a direction, of the float64 oracle its own derivative. Directions that move one
block of an array, and cotangents that see one block of an output, tell the paths apart.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from analysis.derivative import directional, mixed
from bench.measuring.built_case import BuiltCase, Judged, differentiable
from bench.measuring.diagnosis.blocks import Block, times
from bench.measuring.diagnosis.forward import NONE, SEARCH, Cause
from bench.measuring.diagnosis.numbers import factor, listed, said
from bench.measuring.diagnosis.scene import Scene
from bench.measuring.probes.gate import NESTED
from bench.measuring.tolerances import tolerance
from impls.spaces import Array, Arrays

Pair = tuple[Array, Array]
"""Derivatives along some directions: found, and expected."""
DIRECTIONS = 6
MOST = 24
"""Outputs of more blocks are not looked at block by block."""


@dataclass(frozen=True)
class Slopes:
    """Derivatives of <c, f>, or of the energy of grad2, of a built gradient pass."""

    built: BuiltCase
    cotangents: Arrays

    @property
    def here(self) -> BuiltCase:
        """Return the case with these cotangents, zero in the rows that are not judged."""
        return replace(self.built, cotangents=self.cotangents).only_judged()

    def gradients(self) -> dict[str, Array]:
        """Return the gradients that the implementation gives, those rows that are judged."""
        here = self.here
        outputs = here.call(here.arrays())
        whole = {name: outputs[f"d_{name}"] for name in wanted(here)}
        if "inner" in outputs:
            whole = {"inner": outputs["inner"], **whole}
        spaces = dict(here.input_spaces) | {"inner": here.input_spaces[wanted(here)[0]]}
        return here.part.cut(spaces, whole)

    def slope(self, name: str, direction: Array, inner: Array | None) -> float:
        """Return the oracle's derivative along a direction."""
        here = self.here
        judged, operation = here.judged(), here.operation
        oracle = partial(_oracle, here, judged)
        if inner is not None and name != "inner":
            return mixed(
                oracle, judged.inputs, judged.weights, (wanted(here)[0], inner),
                (name, direction), judged.cotangents, operation.linear_in,
            )  # fmt: skip
        of = wanted(here)[0] if name == "inner" else name
        moved = {of: direction}
        return directional(
            oracle, judged.inputs, judged.weights,
            moved if of in judged.inputs else {}, {} if of in judged.inputs else moved,
            judged.cotangents, operation.linear_in,
        )  # fmt: skip

    def both(self, name: str, gradient: Array, inner: Array | None) -> Pair:
        """Return derivatives along some directions: of the implementation, of the oracle."""
        rng = np.random.default_rng([self.built.problem.seed, 12])
        found, expected = [], []
        for _ in range(DIRECTIONS):
            direction = rng.standard_normal(gradient.shape)
            found.append(float(np.vdot(gradient, direction)))
            expected.append(self.slope(name, direction, inner))
        return np.array(found), np.array(expected)

    def error(self, name: str, pair: Pair, inner: Array | None) -> float:
        """Return how far the derivatives of an array are apart, relative to the oracle's.

        Of second gradients relative to their usual size where that is larger, as the gate has it:
        the energy may well not depend on an array.
        """
        found, expected = pair
        usual = 0.0
        if inner is not None and name != "inner":
            judged = self.here.judged()
            size = float(np.linalg.norm({**judged.inputs, **judged.weights}[name])) or 1.0
            usual = float(np.sum(inner**2)) * DIRECTIONS**0.5 / size
        scale = max(float(np.linalg.norm(expected)), usual) or 1.0
        return float(np.linalg.norm(found - expected)) / scale

    @property
    def limit(self) -> float:
        """Return the relative tolerance of a derivative, which the gate has too."""
        limit = 4 * tolerance(self.built.problem, self.built.case.target)
        polynomial = {name for name, _ in self.built.operation.linear_in}
        second = self.built.case.pass_ == "grad2"
        return max(limit, NESTED) if second and set(wanted(self.built)) - polynomial else limit


def _oracle(built: BuiltCase, judged: Judged, inputs: Arrays, weights: Arrays) -> Arrays:
    return built.operation.oracle(judged.problem, inputs, weights)


def wanted(built: BuiltCase) -> tuple[str, ...]:
    """Return the arrays whose gradients a pass gives."""
    named = differentiable(built.input_spaces)
    return tuple(name for name in named if not name.startswith("c_"))


def cause(built: BuiltCase, scene: Scene) -> Cause | None:
    """Return which gradient is wrong, and how; None where none is."""
    slopes = Slopes(built, built.cotangents)
    gradients = slopes.gradients()
    limit = slopes.limit
    inner = gradients.get("inner")
    gradient = "second gradient" if inner is not None else "gradient"
    bad = [name for name, a in gradients.items() if not np.isfinite(a).all()]
    if bad:
        return Cause(f"the {gradient} of {listed(bad)} is not finite")
    again = slopes.gradients()
    noisy = [n for n, a in gradients.items() if not np.allclose(a, again[n], limit, limit)]
    if noisy:
        return Cause(f"two calls with equal arrays give different {gradient}s of {listed(noisy)}")
    pairs = {name: slopes.both(name, a, inner) for name, a in gradients.items()}
    off = [name for name, pair in pairs.items() if slopes.error(name, pair, inner) > limit]
    if not off:
        return None
    off = [name for name in off if name != "inner"] or off
    swapped = _swapped(slopes, gradients, off, inner, limit)
    if swapped:
        return Cause(swapped)
    wrong = {name: pairs[name] for name in off}
    factors = {name: factor(*pair, limit) for name, pair in wrong.items()}
    rest = [name for name in pairs if name not in (*off, "inner")]
    those = "those" if len(rest) > 1 else "that"
    also = f"; {those} of {' and '.join(rest)} {'are' if rest[1:] else 'is'} right" if rest else ""
    of = f"the {gradient} of {' and '.join(off)}"
    values = list(factors.values())
    if all(k is not None for k in values):
        texts = {name: said(float(k or 0.0), limit) for name, k in factors.items()}
        if len(set(texts.values())) == 1:
            k = next(iter(texts.values()))
            lost = ": it is cut off (detach, stop_gradient, a copy through NumPy)" * (k == "0")
            return Cause(f"{of} is {times(k).replace('oracle', 'right one')}{lost}{also}")
        each = ", ".join(f"of {n} {times(t)}" for n, t in texts.items())
        return Cause(f"gradients are off by factors: {each.replace('oracle', 'right one')}{also}")
    paths = _paths(built, sorted(pairs, key=lambda name: name not in off), scene, limit)
    one = _one_path(paths, off, limit)
    if one:
        return Cause(f"{of} is wrong {one}{also}", paths=_flat(paths, wanted(built)[0]))
    return Cause(f"{of} is wrong{also}; {NONE}", simple=False, paths=_flat(paths, wanted(built)[0]))


def _swapped(
    slopes: Slopes,
    gradients: Arrays,
    off: list[str],
    inner: Array | None,
    limit: float,
) -> str:
    """Return which two gradients stand in each other's place."""
    if len(off) != 2 or gradients[off[0]].shape != gradients[off[1]].shape:
        return ""
    first, second = off
    for one, other in ((first, second), (second, first)):
        pair = slopes.both(other, gradients[one], inner)
        if slopes.error(other, pair, inner) > limit:
            return ""
    return f"the gradients of {first} and {second} are swapped"


Map = dict[str, dict[str, tuple[float, float | None]]]
"""By array and path: the relative error, and the factor where there is one."""


def _paths(built: BuiltCase, arrays: list[str], scene: Scene, limit: float) -> Map:
    """Return the errors of gradients by array and by path, or block of the first output.

    One gradient for each block of the output, with a cotangent that sees nothing else. Arrays are
    looked at in their order, those that are wrong first; those that time does not suffice for are
    left out: of an array that enters otherwise than linearly, each derivative is many calls.
    """
    began = time.monotonic()
    name = next(iter(scene.spaces))
    parts = scene.blocks(name)
    if name not in built.cotangents or not 1 < len(parts) <= MOST:
        return {}
    seen = {block.label: _seen(built, name, block) for block in parts}
    gradients = {label: slopes.gradients() for label, slopes in seen.items()}
    found: Map = {}
    for array in arrays:
        errors: dict[str, tuple[float, float | None]] = {}
        for label, slopes in seen.items():
            inner = gradients[label].get("inner")
            pair = slopes.both(array, gradients[label][array], inner)
            error = slopes.error(array, pair, inner)
            errors[label] = error if error > limit else 0.0, factor(*pair, limit)
            if time.monotonic() - began > SEARCH:
                return found
        found[array] = errors
    return found


def _seen(built: BuiltCase, name: str, block: Block) -> Slopes:
    """Return the derivatives of one block of an output alone."""
    seen = {key: np.zeros_like(c) for key, c in built.cotangents.items()}
    seen[name][..., block.place] = built.cotangents[name][..., block.place]
    return Slopes(built, seen)


def _one_path(paths: Map, off: list[str], limit: float) -> str:
    """Return on which paths alone gradients are wrong, where they are right on others."""
    texts = []
    for array in off:
        mine = paths.get(array, {})
        wrong = [label for label, (error, _) in mine.items() if error > limit]
        if not wrong or len(wrong) == len(mine):
            return ""
        factors = {said(k, limit) if k is not None else "" for k in (mine[w][1] for w in wrong)}
        how = next(iter(factors)) if len(factors) == 1 else ""
        here = f" (of {array})" if len(off) > 1 else ""
        share = f"{len(wrong)} of {len(mine)}"
        by = f": {times(how).replace('oracle', 'right one')}" if how else ""
        texts.append(f"on {listed(wrong)} alone ({share}){here}{by}")
    return " and ".join(texts)


def _flat(paths: Map, first: str) -> dict[str, dict[str, float]]:
    """Return the errors by path and derivative, as a diagnosis has them.

    In the pass grad2 the inner gradient is that of the `first` array, and all others are its
    derivatives.
    """
    of = f"d2/d{first} d" if "inner" in paths else "d/d"
    names = {array: f"d/d{first}" if array == "inner" else f"{of}{array}" for array in paths}
    labels = dict.fromkeys(label for by_label in paths.values() for label in by_label)
    return {
        label: {names[array]: by_label[label][0] for array, by_label in paths.items()}
        for label in labels
    }
