"""Where the kernels run, and what is refused by name."""

import importlib.util

import pytest

from impls.families.product import problem
from impls.implementation import FRAMEWORKS, Target
from impls.kernels import support
from impls.registry import load

REGISTRY = load()
KERNELS = [i for i in REGISTRY.implementations.values() if i.name.endswith("_kernel")]
CUDA, CPU = Target("cuda"), Target()


@pytest.fixture(params=[True, False])
def installed(request, monkeypatch):
    """Tell of triton that it is installed, or that it is not."""
    find = importlib.util.find_spec

    def found(name, *others):
        return request.param or None if name == "triton" else find(name, *others)

    monkeypatch.setattr(importlib.util, "find_spec", found)
    return request.param


def test_on_cuda_there_are_kernels_in_torch_where_triton_is_installed(installed):
    assert len(KERNELS) > 60
    for implementation in KERNELS:
        family = REGISTRY.family(REGISTRY.operation(implementation.operation).family)
        refused = [implementation.supports(asked, CUDA) for asked in family.examples]
        if implementation.framework == "torch" and installed:
            assert None in refused, implementation.full_name
        else:
            said = {
                "numpy": "NumPy does not run on cuda",
                "torch": "the kernels on cuda need triton, which is not installed",
                "jax": "the kernels do not run on cuda in jax",
            }[implementation.framework]
            assert all(said in r.reason and r.remedy for r in refused), implementation.full_name


@pytest.mark.parametrize("target", [CPU, CUDA])
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_other_data_types_are_refused_by_name(framework, target):
    asked = problem("mimo", 1, dtype="bfloat16")
    assert support.refuses(framework, asked, target).reason == "the kernels have no bfloat16"
    assert support.refuses(framework, problem("mimo", 1), CPU) is None


NATIVE = [i for i in KERNELS if i.framework == "numpy"]


@pytest.mark.parametrize("implementation", NATIVE, ids=[i.full_name for i in NATIVE])
def test_what_is_by_a_kernel_declares_that_it_runs(implementation):
    """But in an example that needs none, as harmonics up to degree 1."""
    family = REGISTRY.family(REGISTRY.operation(implementation.operation).family)
    answered = [
        asked
        for asked in family.examples
        if REGISTRY.operation(implementation.operation).supports(asked) is None
        and implementation.supports(asked, CPU) is None
    ]
    assert answered
    declared = {implementation.build(asked, CPU, {}).runs for asked in answered}
    assert support.RUNS in declared and declared <= {support.RUNS, ()}
