"""What comes from outside, and which workers import it: those that measure it, and no others.

A plug-in runs when it is imported. What it imports itself, or changes, is so left out of the
processes that measure the suite's own implementations, and other plug-ins.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from impls.registry import Registry


def needed(
    implementation: str,
    registry: Registry,
    files: Iterable[str | Path],
    probes: Collection[str] = (),
) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
    """Return which of the given files, and which entry points, an implementation and probes need.

    The entry points are None where nothing is installed to choose from.

    An implementation needs what declares it, its operation, its family, and the operations
    that its own agrees with or approximates.
    """
    origins = set(_declaring(implementation, registry)) | set(_asked(registry, probes))
    resolved = dict.fromkeys(str(Path(file).resolve()) for file in files)
    chosen = tuple(value for origin, value in registry.installed.items() if origin in origins)
    return tuple(file for file in resolved if file in origins), (
        chosen if registry.installed else None
    )


def _declaring(implementation: str, registry: Registry) -> Iterator[str]:
    declared = registry.implementation(implementation)
    operation = registry.operation(declared.operation)
    yield registry.origin(declared)
    yield registry.origin(operation)
    yield registry.origin(registry.family(operation.family))
    for other in (operation.agrees_with, operation.approximates):
        if other is not None:
            yield registry.origin(registry.operation(other))


def _asked(registry: Registry, probes: Collection[str]) -> Iterator[str]:
    """Yield the origins of the probes that are asked and come from outside."""
    for module in registry.plugins:
        if any(probe.name in probes for probe in getattr(module, "PROBES", ())):
            yield module.__file__ or module.__name__
