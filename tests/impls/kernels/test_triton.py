"""The Triton programs: right under the interpreter, compiled for GPUs that are not there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from impls.kernels.derivative import value
from impls.kernels.form import TrilinearForm
from impls.kernels.graph import Convolution, Edges
from impls.kernels.rows import Rows

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
REASON = "triton is not installed: it comes with PyTorch for CUDA (pip install triton)"
OLD_NUMPY = "Conversion of an array with ndim > 0 to a scalar"
NEW_NUMPY = "only 0-dimensional arrays can be converted to Python scalars"
"""What NumPy says to the interpreter of Triton 3.6: before 2.5, and from then on."""
CAPABILITIES = (80, 90)
REGISTERS, SPILLED = 128, 16
"""The most registers of a thread, and bytes of its stack, that a program may take."""


def test_programs_are_right_under_the_interpreter():
    pytest.importorskip("triton", reason=REASON)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-x"]
    command += ["-W", f"ignore:{OLD_NUMPY}:DeprecationWarning"]
    done = subprocess.run(
        [*command, str(Path(__file__).with_name("interpreted.py"))],
        cwd=ROOT,
        env={**os.environ, "TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if NEW_NUMPY in done.stdout:
        pytest.skip(f"the interpreter of this Triton cannot count with this NumPy: {NEW_NUMPY}")
    passed = re.search(r"^(\d+) passed in", done.stdout, re.MULTILINE)
    assert done.returncode == 0 and passed and int(passed[1]) > 15, done.stdout + done.stderr


def launches(dtype):
    """Yield the launches of a product and a convolution, their gradients, and those of these."""
    torch = pytest.importorskip("torch")
    from impls.kernels.triton import Programs

    path, edges, nodes = (0, 0, 0, np.ones((9, 9, 20))), 50, (32, 64)
    x, s, w, z = (*nodes, 9), (edges, 9), (edges, 1, nodes[1]), (*nodes, 20)
    kernels = (
        (Rows(TrilinearForm.dense(np.ones((9, 9, 58)))), [(edges, n) for n in (9, 9, 58)]),
        (Edges(Convolution((9, 9, 20), (path,))), [x, s, w, z]),
        (Edges(Convolution((9, 9, 20), (path,), weighted=False)), [x, s, z]),
    )
    for kernel, shapes in kernels:
        map_ = value(kernel.slots)
        every = list(range(kernel.slots - 1))
        first = map_.gradient([0], every)
        for derivative in (map_, first, first.gradient(every, first.depends(every))):
            given = [shapes[derivative.slots[a]] for a in derivative.given]
            given = [torch.empty(shape, dtype=getattr(torch, dtype)) for shape in given]
            given += [torch.zeros(edges, dtype=torch.int32) for _ in range(kernel.indices)]
            programs = Programs(kernel, derivative, dtype)
            outputs, counts = programs.sizes(tuple(tuple(t.shape) for t in given))
            filled = programs.empty(given[0], outputs)
            yield from programs.launches(programs.laid(given), filled, counts)


def type_of(argument):
    """Return what Triton calls the type of an argument."""
    if isinstance(argument, tuple):
        return tuple(map(type_of, argument))
    if isinstance(argument, int):
        return "i32"
    name = str(argument.dtype).removeprefix("torch.")
    return "*" + name.replace("float", "fp").replace("int", "i")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_programs_compile_for_gpus_that_are_not_there(dtype, tmp_path, monkeypatch):
    triton = pytest.importorskip("triton", reason=REASON)
    from triton.backends import nvidia
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    dump = Path(nvidia.__file__).parent / "bin" / "cuobjdump"
    options = {"num_warps", "enable_fp_fusion"}
    seen = set()
    for launch in launches(dtype):
        names = launch.program.arg_names
        constants = {n: c for n, c in launch.constants.items() if n not in options}
        chosen = {n: c for n, c in launch.constants.items() if n in options}
        assert set(names) == {*launch.arguments, *constants}
        types = {n: type_of(a) for n, a in launch.arguments.items()}
        case = (launch.program.__name__, repr(types), repr(constants))
        if case in seen:
            continue
        seen.add(case)
        signature = {n: types.get(n, "constexpr") for n in names}
        for capability in CAPABILITIES:
            source = ASTSource(launch.program, signature, constexprs=constants)
            compiled = triton.compile(
                source, target=GPUTarget("cuda", capability, 32), options=chosen
            )
            assert f".target sm_{capability}" in compiled.asm["ptx"]
            binary = tmp_path / "program.cubin"
            binary.write_bytes(compiled.asm["cubin"])
            told = subprocess.run(
                [dump, "--dump-resource-usage", binary], capture_output=True, text=True, check=True
            ).stdout
            registers, stack = (int(re.search(rf"{w}:(\d+)", told)[1]) for w in ("REG", "STACK"))
            print(f"sm_{capability} {dtype} {case[0]} {constants}: {registers} {stack}")
            assert registers <= REGISTERS and stack <= SPILLED, (capability, case, told)
    assert {name for name, _, _ in seen} == {"sum_rows", "sum_at_nodes", "at_edges"}
