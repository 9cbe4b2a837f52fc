"""What an operation gives up, in words, from its selection rules and its claims of symmetry."""

from __future__ import annotations

from collections.abc import Iterable

from analysis.catalogue import COUNTED, derived
from analysis.expressivity import reachable_dimension
from analysis.reduced import Triple, interactability
from impls.family import Family
from impls.operation import Operation
from impls.registry import Registry

NO_CROSS = "cannot form a cross product, so cannot tell mirror images apart"
NO_DOT = "cannot form a dot product, nor any path of even l₁ + l₂ + l₃"
SUMMED = "adds all paths into one output, with fixed weights"
NOTHING = "nothing"


def lost(registry: Registry, name: str, broken: Iterable[str] = ()) -> list[str]:
    """Return what an operation loses, and the symmetries (in words) that it was seen to break.

    Paths are those of the question that its family poses, with degrees only: what it can couple
    at all, and whether each path has a weight of its own. Empty where nothing is lost; an operation
    without coefficients loses nothing that could be derived.
    """
    operation = registry.operations.get(name)
    found = [f"breaks {group}" for group in broken]
    if operation is None:
        return found
    approximate = [f"approximate, by its {knob.name}" for knob in operation.knobs]
    return [*found, *approximate, *_paths(operation, registry.family(operation.family))]


def derivable(registry: Registry, name: str) -> bool:
    """Return whether the paths of an operation are known from its coefficients."""
    operation = registry.operations.get(name)
    known = operation and derived(operation, registry.family(operation.family), COUNTED)
    return bool(known)


def _paths(operation: Operation, family: Family) -> list[str]:
    known = derived(operation, family, COUNTED)
    if known is None:
        return []
    coefficients, (first, second, third) = known
    coupled = interactability(coefficients, first, second, third)
    found = [triple for triple, seen in coupled.items() if seen is True]
    missing = [triple for triple, seen in coupled.items() if seen is not True]
    said = []
    if missing:
        if all(map(_odd, missing)) and not any(map(_odd, found)):
            said.append(NO_CROSS)
        elif all(map(_odd, found)):
            said.append(NO_DOT)
        else:
            said.append(f"couples {len(found)} of {len(coupled)} kinds of path")
    if reachable_dimension(coefficients, first, second, third).value < len(found):
        said.append(SUMMED)
    return said


def _odd(triple: Triple) -> bool:
    return sum(ir.l for ir in triple) % 2 == 1
