"""Arguments in other places: the same numbers, elsewhere, each time anew."""

from __future__ import annotations

import ctypes
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.measuring import intact
from bench.measuring.built_case import build
from bench.measuring.placement import PADS, Placement
from bench.measuring.worker import Worker

HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def address(tensor):
    """Return where the numbers of a tensor of any framework lie."""
    for name in ("data_ptr", "unsafe_buffer_pointer"):
        if hasattr(tensor, name):
            return getattr(tensor, name)()
    return tensor.ctypes.data


@pytest.mark.parametrize(
    ("name", "pass_"), [("numpy_dense", "fwd"), ("torch_dense", "grad"), ("jax_dense", "grad")]
)
def test_the_same_numbers_lie_elsewhere_each_time(hand, registry, name, pass_):
    problem = hand.problem(dtype="float32", batch=4000)
    built = build(
        hand.case(registry, f"clebsch_gordan.{name}", problem, pass_), registry
    )  # large enough that nothing small is recycled
    placement = Placement(built)
    get = built.framework.get
    before = [get(part) for part in built.arguments]
    expected = get(built.run())
    for _ in range(3 * PADS):
        old = {address(t) for part in built.arguments for t in part.values()}
        placement.draw()
        new = [address(t) for part in built.arguments for t in part.values()]
        assert not old & set(new)
    assert len(placement.pads) == PADS
    for known, part in zip(before, built.arguments, strict=True):
        for key, array in get(part).items():
            np.testing.assert_array_equal(array, known[key])
    for key, array in get(built.run()).items():
        np.testing.assert_allclose(array, expected[key], rtol=1e-6)


@pytest.mark.parametrize("name", ["numpy_dense", "torch_dense", "jax_dense"])
def test_each_time_on_new_pages(hand, registry, name, monkeypatch):
    if not hasattr(ctypes.CDLL(None), "malloc_trim"):
        pytest.skip("this allocator gives no pages back when asked")
    if HUGE_PAGES.exists() and "[always]" in HUGE_PAGES.read_text():
        pytest.skip("huge pages: one fault brings 512 pages")
    monkeypatch.setattr("bench.measuring.placement.PAD", 2)
    problem = hand.problem(dtype="float32", batch=4000)
    built = build(hand.case(registry, f"clebsch_gordan.{name}", problem), registry)
    placement = Placement(built)
    placement.draw()
    pages = (
        sum(t.nbytes for part in built.arguments for t in part.values()) / resource.getpagesize()
    )
    for _ in range(10):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        placement.draw()
        assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before > pages / 2


def test_each_sample_on_a_cpu_has_its_own_placement(hand, registry, monkeypatch):
    draw, drawn = Placement.draw, []
    monkeypatch.setattr(Placement, "draw", lambda self: (drawn.append(1), draw(self)))
    worker = Worker(registry, intact.state())
    case = hand.case(registry, "clebsch_gordan.numpy_dense").to_json()
    list(worker.build({"case": case}))
    list(worker.open({"nonce": 7, "probes": [], "clock": True}))
    assert not drawn
    (reply,) = worker.sample({"count": 3})
    assert len(reply["done"]["samples"]) == 3
    assert len(drawn) == 3 + reply["done"]["retaken"]
    list(worker.close({}))


FAULTS = """
import ctypes, resource, sys
from bench.measuring.frameworks.memory import keep_freed_memory
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
if sys.argv[1] == "keep":
    keep_freed_memory()
libc.mallopt(-1, 2**17) if sys.argv[1] == "give" else None  # the threshold that glibc begins with
for number in range(20):
    if number == 10:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    place = libc.malloc(2**21)
    libc.memset(place, 1, 2**21)
    libc.free(place)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_what_calls_free_is_kept_for_the_next():
    if not hasattr(ctypes.CDLL(None), "mallopt"):
        pytest.skip("not glibc")
    new = {}
    for how in ("give", "keep"):
        command = [sys.executable, "-c", FAULTS, how]
        new[how] = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert new["keep"] < 10 and new["give"] > 1000, new
