"""Every PyTorch implementation runs on CUDA tensors that are not there.

Under FakeTensorMode a tensor has a shape, a type and a device, and no numbers: an operation on
tensors of two devices raises, and so does whatever must read a number (`.item()`, `nonzero`, a
branch on a value), which on a GPU would wait for it. Only the forward pass: autograd asks the
driver for its devices, and a CPU build of PyTorch ends the process over that.
"""

from __future__ import annotations

import ctypes
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode, unset_fake_temporarily
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from bench.measuring.frameworks import torch as framework
from impls.implementation import Built, Target
from impls.peers.e3nn import torch_module
from impls.registry import load
from impls.streams import Streams
from tests.gpu.conftest import left_out

pytestmark = pytest.mark.slow

REGISTRY = load()
TORCH = sorted(n for n, i in REGISTRY.implementations.items() if i.framework == "torch")
CUDA = Target("cuda:0")
"""With its index: without one, torch asks the driver for the current device."""
SKIPPED = {
    "clebsch_gordan.torch_sparse": "torch.sparse_csr_tensor starts CUDA, and there is none",
}
GUARDS = "_ZN3c104impl26device_guard_impl_registryE"
"""c10::impl::device_guard_impl_registry: a pointer for each type of device."""
OF_CUDA, OF_META = 1, 14
"""Their places in c10::DeviceType."""


@pytest.fixture(scope="module", autouse=True)
def a_guard_that_does_nothing():
    """Lend CUDA the device guard of `meta` tensors, where PyTorch was built without CUDA.

    A build with CUDA and without a GPU does as much itself, in `_ensureCUDADeviceGuardSet`.
    """
    if torch.backends.cuda.is_built():
        yield
        return
    library = Path(torch.__file__).parent / "lib/libc10.so"
    if not library.is_file():
        pytest.skip(f"a build of PyTorch without CUDA and without {library.name}")
    guards = (ctypes.c_void_p * (OF_META + 1)).in_dll(ctypes.CDLL(str(library)), GUARDS)
    before = guards[OF_CUDA]
    guards[OF_CUDA] = guards[OF_META]
    yield
    guards[OF_CUDA] = before


@pytest.fixture
def faked_modules(monkeypatch):
    """Let e3nn build its modules of real numbers, which it needs, and fake them afterwards."""

    def make(mode):
        def faked(make, dtype, device, jit_mode):
            with unset_fake_temporarily():
                module = torch_module(make, dtype, "cpu", jit_mode)
            fake = {}

            def moved(t):
                return fake.setdefault(id(t), mode.from_tensor(t).to(device))

            return moved(module) if isinstance(module, torch.Tensor) else module._apply(moved)

        for module in list(sys.modules.values()):
            if (
                getattr(module, "torch_module", None) is torch_module
                and module.__name__ != __name__
            ):
                monkeypatch.setattr(module, "torch_module", faked)

    return make


class OnCuda(TorchDispatchMode):
    """Raises where an operation reads or writes a tensor of the host.

    Without it, what copies to the GPU or from it, or indexes by a tensor of the host, may pass.
    """

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for t in tree_leaves((args, kwargs, out)):
            if isinstance(t, torch.Tensor) and t.device.type != "cuda":
                raise AssertionError(f"{func} has a tensor on the host in a timed call")
        return out


def outputs(case, implementation, faked_modules):
    """Build, pack, call and unpack on fake CUDA tensors; return the outputs."""
    problem = case.seen
    operation = REGISTRY.operation(implementation.operation)
    inputs = operation.taken(REGISTRY.family(problem.family).inputs(problem))
    weights = operation.weights(problem)
    streams = Streams(problem.seed, 0)

    def put(spaces):
        arrays = {name: space.sample(streams(name)) for name, space in spaces.items()}
        return framework.put(arrays, spaces, problem.dtype, CUDA)

    with FakeTensorMode() as mode, torch.no_grad():
        faked_modules(mode)
        built = implementation.build(problem, CUDA, {})
        native = put(inputs), put(weights)
        if built.pack is not None:
            native = built.pack(*native)
        with OnCuda():
            found = built.call(*native)
        return found if built.unpack is None else built.unpack(found)


@pytest.mark.parametrize("name", TORCH)
def test_it_runs_on_cuda_and_waits_for_nothing(name, cases, faked_modules):
    implementation = REGISTRY.implementation(name)
    if name in SKIPPED:
        pytest.skip(SKIPPED[name])
    if why := left_out(implementation):
        pytest.skip(why)
    case = cases("torch", "cuda").get(f"{name}/fwd")
    if case is None:
        examples = REGISTRY.family(REGISTRY.operation(implementation.operation).family).examples
        refusals = {str(implementation.supports(problem, CUDA)) for problem in examples}
        assert refusals and all("cuda" in refusal.lower() for refusal in refusals), refusals
        pytest.skip(min(refusals))
    found = outputs(case, implementation, faked_modules)
    spaces = REGISTRY.operation(implementation.operation).outputs(case.seen)
    assert {name: tuple(t.shape) for name, t in found.items()} == {
        name: tuple(space.shape) for name, space in spaces.items()
    }
    assert {str(t.device) for t in found.values()} == {"cuda:0"}


def a_table_on_the_cpu(inputs):
    return inputs["x"] * torch.ones(inputs["x"].shape[-1], dtype=inputs["x"].dtype)


def an_index_on_the_cpu(inputs):
    return inputs["x"].index_select(0, torch.arange(inputs["x"].shape[0]))


def advanced_indexing_from_the_cpu(inputs):
    return inputs["x"][torch.arange(inputs["x"].shape[0])]


def a_table_copied_at_each_call(inputs):
    return inputs["x"] * torch.ones(1, dtype=inputs["x"].dtype).to(inputs["x"].device)


def there_and_back(inputs):
    return inputs["x"].cpu().to(inputs["x"].device)


def a_hidden_wait(inputs):
    return inputs["x"] * inputs["x"].sum().item()


def a_branch_on_a_value(inputs):
    return inputs["x"] if inputs["x"].sum() > 0 else -inputs["x"]


def a_shape_of_values(inputs):
    return inputs["x"][inputs["x"] > 0]


def test_a_table_that_build_leaves_on_the_cpu_is_caught(cases, faked_modules):
    honest = REGISTRY.implementation("clebsch_gordan.torch_dense")

    def build(problem, target, options):
        return honest.build(problem, replace(target, device="cpu"), options)

    case = cases("torch", "cuda")["clebsch_gordan.torch_dense/fwd"]
    with pytest.raises(Exception, match="same device"):
        outputs(case, replace(honest, build=build), faked_modules)


@pytest.mark.parametrize(
    "spoiled, message",
    [
        (a_table_on_the_cpu, "on the host"),
        (an_index_on_the_cpu, "on the host"),
        (advanced_indexing_from_the_cpu, "on the host"),
        (a_table_copied_at_each_call, "on the host"),
        (there_and_back, "on the host"),
        (a_hidden_wait, "_local_scalar_dense"),
        (a_branch_on_a_value, "_local_scalar_dense|is_nonzero"),
        (a_shape_of_values, "nonzero"),
    ],
)
def test_a_planted_fault_is_caught(spoiled, message, cases, faked_modules):
    honest = REGISTRY.implementation("clebsch_gordan.torch_dense")

    def build(problem, target, options):
        built = honest.build(problem, target, options)
        return Built(lambda inputs, w: built.call({**inputs, "x": spoiled(inputs)}, w))

    case = cases("torch", "cuda")["clebsch_gordan.torch_dense/fwd"]
    with pytest.raises(Exception, match=message):
        outputs(case, replace(honest, build=build), faked_modules)
