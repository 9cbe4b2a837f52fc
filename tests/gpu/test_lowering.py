"""Every JAX implementation and pass is lowered for CUDA, without a GPU, and holds known scatters.

A scatter-add is what a `segment_sum` and the gradient of a gather become. On a GPU it is a loop of
atomic additions that threads contend for, and some compilers make it hundreds of times slower
(`bench/record/regressions.py`): one more is to be seen here, and not in a time.

What was counted is in `tests/golden/scatters.json`, where it is not 0, under
the versions of constraints.txt, and is written anew by

    EQUIBENCH_GOLDEN=write python -m pytest tests/gpu/test_lowering.py
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.measuring.built_case import differentiable
from bench.record.case import PASSES
from impls.implementation import Built
from impls.registry import load

jax = pytest.importorskip("jax")
SCATTER = '"stablehlo.scatter"('


def lowered(case, implementation, registry):
    """Return the StableHLO of the timed call of a case, for CUDA; nothing is compiled or run."""
    from bench.measuring.frameworks import jax as framework

    operation, problem = registry.operation(implementation.operation), case.seen
    inputs = operation.taken(registry.family(problem.family).inputs(problem))
    weights = operation.weights(problem)

    def shapes(spaces):
        types = {"real": problem.dtype}
        return {
            name: jax.ShapeDtypeStruct(space.shape, types.get(space.kind, "int32"))
            for name, space in spaces.items()
        }

    with jax.enable_x64(False):
        built = implementation.build(problem, replace(case.target, device="cpu"), case.options)
        native = shapes(inputs), shapes(weights)
        if built.pack is not None:
            native = jax.eval_shape(built.pack, *native)
        outputs = jax.eval_shape(built.call, *native)
        cotangents = {
            name: shape
            for name, shape in outputs.items()
            if case.pass_ != "fwd" and jax.numpy.issubdtype(shape.dtype, jax.numpy.floating)
        }
        wanted = differentiable({**inputs, **weights}) if case.pass_ != "fwd" else ()
        function = framework.make(built.call, case.pass_, case.mode, wanted)
        traced = function.trace(*native, cotangents)
        return traced.lower(lowering_platforms=("cuda",)).as_text()


@pytest.mark.slow
def test_scatters_are_as_many_as_before(cases, registry, golden):
    counts = {}
    for name, case in cases("jax", "cuda", PASSES).items():
        text = lowered(case, registry.implementation(case.implementation), registry)
        counts[name] = text.count(SCATTER)
    assert len(counts) > 100
    changed = golden("scatters", "jax").differences(counts, set(registry.implementations))
    assert not changed, "scatters of JAX programs for CUDA:\n" + "\n".join(changed)


def test_a_planted_gather_shows_in_the_gradient(cases):
    registry = load()
    honest = registry.implementation("clebsch_gordan.jax_dense")

    def build(problem, target, options):
        built = honest.build(problem, target, options)

        def call(inputs, weights):
            rows = jax.numpy.zeros(3, dtype="int32")
            return {**built.call(inputs, weights), "row": inputs["x"][rows]}

        return Built(call)

    planted = replace(honest, build=build)
    for pass_, more in (("fwd", 0), ("grad", 1)):
        case = cases("jax", "cuda", PASSES)[f"{honest.full_name}/{pass_}"]
        counts = [lowered(case, i, registry).count(SCATTER) for i in (honest, planted)]
        assert counts[1] == counts[0] + more
