"""An implementation that is wrong in one way: a registry with an honest one that is changed."""

from __future__ import annotations

from dataclasses import replace

from impls.registry import load


def planted(base, call):
    """Return a registry with an implementation that answers `call(honest, inputs, weights)`."""
    registry = load()
    honest = registry.implementation(base)

    def made(problem, target, options):
        built = honest.build(problem, target, options)
        return replace(built, call=lambda inputs, weights: call(built.call, inputs, weights))

    registry.add(replace(honest, name="planted", build=made), __file__)
    return registry, f"{honest.operation}.planted"
