"""The first time on a card: are the instruments right there? `python3 tools/gpu_accept.py PART ...`

Each part prints a line for every question: what was expected, what was found, and "no" in front
where they differ; the exit code is 1 when any does. Run the parts in this order, from the root of
the checkout, each in a few minutes and with nothing else on the GPU:

    python3 -m bench doctor
    python3 tools/gpu_accept.py facts clocks kernels
    python3 -m pytest -q -m gpu tests/bench/test_cuda.py
    python3 -m bench run --profile check --device cuda --plain --out OUT/check
    python3 tools/gpu_accept.py faults sizes triton
    python3 -m bench run --profile gpu-short --device cuda --plain --out OUT/gpu-short
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.ask.options import problem_of  # noqa: E402
from bench.drive import instrument  # noqa: E402
from bench.drive.requests import closed, opened, probed, sampled  # noqa: E402
from bench.drive.worker_process import Fault, WorkerProcess, spec_of  # noqa: E402
from bench.record import gpu, nvml  # noqa: E402
from bench.record.case import Case, case_id  # noqa: E402
from bench.record.rows import Reading  # noqa: E402
from impls.implementation import MODES, Target  # noqa: E402
from impls.operation import PASSES  # noqa: E402
from impls.problem import Scalar  # noqa: E402
from impls.registry import Registry, load  # noqa: E402
from impls.spaces import Space  # noqa: E402

TRAPS = ROOT / "tests" / "traps" / "gpu.py"
failed: list[str] = []

NONCE = 0
"""From which what judges a case is drawn: the same in each run of this script."""


def say(what: str, found: Any, expected: str = "", holds: bool = True) -> None:
    """Print a line, and remember where something is not as expected."""
    mark = "  " if holds else "no"
    if not holds:
        failed.append(what)
    print(f"{mark} {what}: {found}{f'   (expected {expected})' if expected else ''}", flush=True)


def repeated(call: Callable[[], object], count: int) -> None:
    """Call so many times."""
    for _ in range(count):
        call()


def seconds(work: Callable[[], Any], repeats: int = 5) -> float:
    """Return the least time that some work took [s]."""
    found = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return min(found)


def case(registry: Registry, name: str, batch: int, mode: str = "") -> Case:
    """Return a product at L = 3 on the GPU, forward."""
    asked: dict[str, Scalar] = {"setting": "mimo", "symmetry": "o3", "lmax": 3, "batch": batch}
    framework = registry.implementation(name).framework
    problem = problem_of(registry.family("product"), {**asked, "dtype": "float32"})
    return Case(problem, name, "fwd", mode or MODES[framework][0], Target("cuda"))


def worker(asked: Case, registry: Registry, logs: Path, traces: bool = False) -> WorkerProcess:
    """Return a worker of a case that is up."""
    spec = dataclasses.replace(spec_of(asked, registry), traces=traces)
    found = WorkerProcess(spec, logs / f"{asked.implementation}.log")
    found.spawn()
    found.ready()
    return found


def facts(registry: Registry, logs: Path) -> None:
    """Say what the card, the driver and the counters are."""
    for name, answer in gpu.asked().items():
        say(f"{name} sees", answer, "a card", isinstance(answer, gpu.Card))
    say("CUDA_VISIBLE_DEVICES", gpu.os.environ.get(gpu.VISIBLE), "a UUID")
    same = nvml.read(lambda lib, card: lib.nvmlDeviceGetUUID(card))
    say("UUID in NVML", same, "the same", str(same) == gpu.os.environ.get(gpu.VISIBLE))
    say("driver, settings", (nvml.driver(), nvml.settings()))
    asked_of = (
        *(nvml.cores, nvml.energy, nvml.clock, nvml.temperature, nvml.throttle, nvml.held_back),
        *(nvml.utilisation, nvml.foreign, nvml.counters),
    )
    for query in asked_of:
        try:
            say(f"nvml.{query.__name__}", f"{query()} in {seconds(query) * 1e3:.2f} ms")
        except nvml.Unavailable as reason:
            say(f"nvml.{query.__name__}", reason)
    from bench.measuring.probes import energy

    try:
        say("energy counter steps every [s], idle", energy.counter_period())
    except nvml.Unavailable as reason:
        say("energy counter", reason)
    free = nvml.read(lambda lib, card: lib.nvmlDeviceGetMemoryInfo(card).used)
    for name in ("clebsch_gordan.torch_dense", "clebsch_gordan.jax_dense"):
        asked = case(registry, name, 1000)
        began = time.perf_counter()
        up = worker(asked, registry, logs)
        took = time.perf_counter() - began
        opened(up, asked, ("error",), 120.0, nonce=NONCE)
        used = nvml.read(lambda lib, card: lib.nvmlDeviceGetMemoryInfo(card).used)
        say(f"worker of {name}", f"up in {took:.1f} s, holds {(used - free) / 2**20:.0f} MiB")
        up.kill()


def clocks(registry: Registry, logs: Path) -> None:
    """Hold the device clock against spins of known length, and what cannot be hidden."""
    import torch

    from bench.measuring import clocks_cuda
    from bench.measuring.frameworks import torch as frameworks

    began = time.perf_counter()
    rate = clocks_cuda.clock_rate()
    say(
        "clock [GHz]",
        f"{rate / 1e9:.3f} in {time.perf_counter() - began:.2f} s; NVML {nvml.clock() / 1e9:.3f}",
    )
    for length in (20e-6, 100e-6, 1e-3):
        spin = functools.partial(torch.cuda._sleep, int(length * rate))
        recorded = frameworks.traced(functools.partial(repeated, spin, 20))
        known = statistics.median(activity.end - activity.start for activity in recorded)
        for cold in (True, False):
            timed = clocks_cuda.sample(spin, 31, cold)
            median = statistics.median(timed.seconds)
            off = median / known - 1
            say(
                f"a spin of {known * 1e6:.2f} us, {'cold' if cold else 'warm'}",
                f"{median * 1e6:.2f} us ({off:+.1%}; {timed.calls} calls, "
                f"empty {timed.empty * 1e6:.2f} us)",
                "2 % from 20 us on",
                abs(off) < 0.02,
            )
    small = torch.zeros(64, device="cuda")

    add = functools.partial(small.add_, 1.0)
    many = functools.partial(repeated, add, 5000)
    for name, call in (
        ("waits for the device", torch.cuda.synchronize),
        ("5000 launches", many),
    ):
        began = time.perf_counter()
        try:
            found: Any = (
                f"{statistics.median(clocks_cuda.sample(call, 5, False).seconds) * 1e6:.1f} us"
            )
        except clocks_cuda.Lag:
            found = "cannot be hidden"
        took = time.perf_counter() - began
        say(f"a call with {name}", f"{found}, decided in {took:.2f} s", "under 2 s", took < 2)
    for count in (500, 1000, 1500, 2000, 4000):
        torch.cuda.synchronize()
        torch.cuda._sleep(int(0.1 * rate))
        began = time.perf_counter()
        repeated(add, count)
        say(
            f"{count} launches behind a spin of 100 ms are enqueued in",
            f"{(time.perf_counter() - began) * 1e3:.1f} ms",
        )
    torch.cuda.synchronize()
    big = torch.zeros(5_000_000, device="cuda")
    flushed, kept = (
        statistics.median(clocks_cuda.sample(lambda: big + 1.0, 31, flush).seconds)
        for flush in (True, False)
    )
    say(
        "20 MB + 1, cold / warm",
        f"{flushed * 1e6:.1f} / {kept * 1e6:.1f} us",
        "cold is slower",
        flushed > kept,
    )
    names = "clebsch_gordan.torch_dense", "gaunt.torch_lebedev"
    asked = [case(registry, name, 100_000) for name in names]
    up = [worker(one, registry, logs) for one in asked]
    try:
        for one, process in zip(asked, up, strict=True):
            opened(process, one, (), 120.0, nonce=NONCE)
        turns: list[list[float]] = [[], []]
        for _ in range(15):
            for series, process in zip(turns, up, strict=True):
                series += sampled(process)[0]
        for name, series, process in zip(names, turns, up, strict=True):
            (reply,) = process.ask({"do": "sample", "count": 15}, 60.0)
            row = statistics.median(reply["done"]["samples"])
            turn = statistics.median(series)
            off = turn / row - 1
            say(
                f"slope of {name}",
                f"in turn {turn * 1e6:.2f} us, in a row {row * 1e6:.2f} us ({off:+.1%})",
                "1 %",
                abs(off) < 0.01,
            )
    finally:
        for process in up:
            process.kill()


def kernels(registry: Registry, logs: Path) -> None:
    """Hold time.kernels against events and slopes, and see what recording does to launches."""
    for name, mode in (
        ("clebsch_gordan.torch_dense", "eager"),
        ("gaunt.torch_lebedev", "cudagraph"),
        ("clebsch_gordan.jax_dense", "jit"),
    ):
        asked = case(registry, name, 1000, mode)
        large = dataclasses.replace(asked, problem=asked.problem.with_sizes(batch=300_000))
        process, recorder = worker(asked, registry, logs), worker(asked, registry, logs, True)
        try:
            found: list[Reading] = []
            opened(process, large, ("error", "time.device"), 120.0, found.append, nonce=NONCE)
            host = sampled_many(process)
            closed(process)
            began = time.perf_counter()
            opened(
                recorder, large, ("time.kernels",), 120.0, found.append, clock=False, nonce=NONCE
            )
            closed(recorder)
            took = time.perf_counter() - began
            opened(process, asked, (), 120.0, nonce=NONCE)
            before = sampled_many(process)
            probed(process, ("time.kernels",), 120.0, lambda reading: None)
            after = sampled_many(process)
        except Fault as fault:
            say(f"{name} {mode}", fault, "a reading", False)
            continue
        finally:
            process.kill()
            recorder.kill()
        values = {r.probe: r.value for r in found if r.value is not None}
        clock = values.get("time.device.warm", host)
        whole = values["time.kernels"] + found[-1].detail["gaps"]
        say(
            f"{name} {mode}, batch 300 000",
            f"kernels and gaps {whole * 1e6:.1f} us in {took:.1f} s, events {clock * 1e6:.1f}, "
            f"slope {host * 1e6:.1f}",
            "equal to 5 %",
            abs(whole / clock - 1) < 0.05 and abs(whole / host - 1) < 0.05,
        )
        say(
            f"{name} {mode}, batch 1000: recording changes the host's time of later calls by",
            f"{after / before - 1:+.0%}",
            "so it has a process of its own",
        )


def sampled_many(process: WorkerProcess, count: int = 11) -> float:
    """Return the median of some slopes."""
    return statistics.median(s for _ in range(count) for s in sampled(process)[0])


def faults(registry: Registry, logs: Path) -> None:
    """Put traps to `bench run`: what waits, launches too much, poisons, is too large."""
    out = logs / "faults"
    command = [sys.executable, "-m", "bench", "run", "--profile", "quick", "--device", "cuda"]
    command += ["--with", str(TRAPS), "--select", "*-o3-*trap_*", "--plain", "--out", str(out)]
    began = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=False)
    rows = [json.loads(line) for line in (out / "rows.jsonl").read_text().splitlines()]
    for row in rows:
        if row["probe"] in ("case", "time.device", "time.kernels"):
            print(f"   {row['probe']:13} {row['status']:8} {row['case']} {row['reason']}")
    say("traps took", f"{time.perf_counter() - began:.0f} s")


def sizes(registry: Registry, logs: Path) -> None:
    """Say from which size on the device, and not the host, sets the time."""
    for name, mode in (
        ("clebsch_gordan.torch_e3nn", "eager"),
        ("clebsch_gordan.torch_dense", "eager"),
        ("clebsch_gordan.torch_dense", "cudagraph"),
        ("gaunt.torch_lebedev", "eager"),
        ("clebsch_gordan.jax_dense", "jit"),
    ):
        asked = case(registry, name, 1000, mode)
        process, recorder = worker(asked, registry, logs), worker(asked, registry, logs, True)
        try:
            for batch in (1000, 10_000, 100_000, 1_000_000):
                one = dataclasses.replace(asked, problem=asked.problem.with_sizes(batch=batch))
                found: list[Reading] = []
                opened(process, one, (), 120.0, nonce=NONCE)
                host = sampled_many(process, 5)
                closed(process)
                opened(
                    recorder, one, ("time.kernels",), 120.0, found.append, clock=False, nonce=NONCE
                )
                closed(recorder)
                device = found[0].value or float("nan")
                say(
                    f"{name} {mode} batch {batch}",
                    f"host {host * 1e6:.1f}, kernels {device * 1e6:.1f} us: {host / device:.2f}",
                )
        except Fault as fault:
            say(f"{name} {mode}", fault, "no fault", False)
        finally:
            process.kill()
            recorder.kill()


def triton(registry: Registry, logs: Path) -> None:
    """Hold the kernels against the oracle, and what they must move against a copy."""
    copy = instrument.peaks(registry, Target("cuda"), logs)["copy"]
    say("a copy moves [TB/s]", f"{copy / 1e12:.2f}")
    for name, asked in KERNELS.items():
        operation = registry.operation(registry.implementation(name).operation)
        family = registry.family(operation.family)
        cases = [
            (Case(problem_of(family, sizes), name, pass_, "eager", Target("cuda")), least)
            for sizes, least in asked
            for pass_ in PASSES
        ]
        recorder = worker(cases[0][0], registry, logs, True)
        try:
            for one, least in cases:
                found: list[Reading] = []
                wanted = "error", "time.kernels"
                opened(recorder, one, wanted, 120.0, found.append, clock=False, nonce=NONCE)
                closed(recorder)
                called = case_id(one, registry)
                passed = [reading.passed for reading in found if reading.passed is not None]
                say(f"{called} is as the oracle", passed, "True", bool(passed) and all(passed))
                took = found[-1].value if found[-1].probe == "time.kernels" else None
                if took is not None and one.pass_ in MOVED:
                    share = moved(registry, one) / took / copy
                    said = f"{share:.0%} of a copy, in {took * 1e6:.1f} us"
                    wanted_share = least if one.pass_ == "fwd" else 0.0
                    expected = f"{wanted_share:.0%}" if wanted_share else ""
                    say(f"{called} moves", said, expected, share >= wanted_share)
        except Fault as fault:
            say(name, fault, "no fault", False)
        finally:
            recorder.kill()


PRODUCT: dict[str, Scalar] = {"setting": "mimo", "symmetry": "o3", "dtype": "float32"}
CRYSTAL: dict[str, Scalar] = {
    "setting": "truncated",
    "structures": "diamond:6x6x6",
    "cutoff": 2.6,
    "channels": 64,
    "dtype": "float32",
}
KERNELS: dict[str, list[tuple[dict[str, Scalar], float]]] = {
    "clebsch_gordan.torch_kernel": [
        ({**PRODUCT, "lmax": lmax, "batch": batch}, least)
        for lmax in (1, 2, 3)
        for batch, least in ((1000, 0.0), (10_000, 0.0), (100_000, 0.3))
    ],
    "channelwise.torch_kernel": [({**CRYSTAL, "lmax": lmax}, 0.0) for lmax in (1, 2)],
}
"""What `triton` asks of implementations, and what share of a copy's bandwidth a value takes."""
MOVED = {"fwd": (1, 1), "grad": (3, 2)}
"""How often a pass must read or write what goes in, and what comes out, cotangents among it."""


def moved(registry: Registry, asked: Case) -> int:
    """Return the bytes that a call must move [float32]."""
    operation = registry.operation(registry.implementation(asked.implementation).operation)
    problem, (first, last) = asked.problem, MOVED[asked.pass_]
    inside = operation.taken(registry.family(problem.family).inputs(problem))
    given = numbers({**inside, **operation.weights(problem)})
    return 4 * (first * given + last * numbers(operation.outputs(problem)))


def numbers(spaces: Mapping[str, Space]) -> int:
    """Return how many numbers these arrays have together."""
    return sum(math.prod(space.shape) for space in spaces.values())


PARTS = {part.__name__: part for part in (facts, clocks, kernels, faults, sizes, triton)}


def main() -> int:
    """Run the parts that are named."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("parts", nargs="+", choices=PARTS, metavar="PART", help=", ".join(PARTS))
    arguments = parser.parse_args()
    try:
        gpu.device_of("cuda")
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    registry = load([str(TRAPS)] if TRAPS.is_file() else [])
    with tempfile.TemporaryDirectory(prefix="equibench-accept-") as logs:
        for name in arguments.parts:
            print(f"\n{name}", flush=True)
            try:
                PARTS[name](registry, Path(logs))
            except Fault as fault:
                say(name, fault, "no fault", False)
    print(f"\n{len(failed)} not as expected{': ' + '; '.join(failed) if failed else ''}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
