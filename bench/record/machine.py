"""What this machine and this environment are, and what they can measure."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.record import gpu, nvml

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (
    "torch", "jax", "jaxlib", "numpy", "scipy", "e3nn", "e3nn-jax", "triton", "opt-einsum",
)  # fmt: skip
ON_CUDA = (
    "jax-cuda13-plugin", "jax-cuda12-plugin", "nvidia-cublas", "nvidia-cublas-cu12",
    "nvidia-cudnn-cu13", "nvidia-cudnn-cu12", "nvidia-cufft", "nvidia-cufft-cu12",
    "nvidia-cusparse", "nvidia-cusparse-cu12", "nvidia-cuda-runtime", "nvidia-cuda-runtime-cu12",
    "nvidia-cuda-nvcc", "nvidia-cuda-nvcc-cu12",
)  # fmt: skip
"""What the frameworks bring for a GPU: listed where it is installed."""
VARIABLES = (
    "XLA_FLAGS", "TORCH_LOGS", "THP_MEM_ALLOC_ENABLE", "GLIBC_TUNABLES", "MALLOC_TOP_PAD_",
    "MALLOC_MMAP_MAX_", "LD_PRELOAD", "NVIDIA_TF32_OVERRIDE",
)  # fmt: skip


@functools.cache
def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.lower().startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def machine_facts(device: str = "cpu") -> dict[str, Any]:
    """Return the stable facts that make machines comparable, none that varies between boots.

    What is measured on a GPU depends on the card, and not on how many cores, how much memory and
    which other cards a scheduler has given this process.
    """
    if device == "cuda":
        return {
            "cpu": _cpu(),
            "architecture": platform.machine(),
            "system": platform.system(),
            "gpus": [nvml.name()],
            "settings": nvml.settings(),
        }
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "architecture": platform.machine(),
        "memory_gib": round(memory / 2**30),
        "system": platform.system(),
        "gpus": list(gpu.listed()),
    }


@functools.cache
def packages() -> Mapping[str, str]:
    """Return the versions of what can change a number; "not installed" of what is not there."""
    return {name: _version(name) or "not installed" for name in PACKAGES}


def environment_facts(device: str) -> dict[str, Any]:
    """Return versions and settings that can change a number."""
    named = dict(packages())
    if device == "cuda":
        named |= {name: version for name in ON_CUDA if (version := _version(name))}
        named["driver"] = nvml.driver()
    return {
        "python": platform.python_version(),
        "packages": named,
        "variables": {name: os.environ[name] for name in VARIABLES if name in os.environ},
        "device": device,
        "kernel": platform.release() if device == "cuda" else "",
    }


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def provenance() -> dict[str, Any]:
    """Return the commit of this checkout and whether it has uncommitted changes."""

    def git(*arguments: str) -> str | None:
        if shutil.which("git") is None:
            return None
        command = ["git", "-C", str(ROOT), *arguments]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        return result.stdout.strip() if result.returncode == 0 else None

    commit, changes = git("rev-parse", "HEAD"), git("status", "--porcelain")
    return {"commit": commit or "unknown", "dirty": bool(changes) if changes is not None else None}


def doctor() -> list[dict[str, str]]:
    """Return what can be measured here: one row a capability with `available` and `reason`."""
    rows = []

    def row(what: str, available: bool, reason: str) -> None:
        rows.append({"what": what, "available": "yes" if available else "no", "reason": reason})

    facts = machine_facts()
    row("cpu", True, f"{facts['cpu']}, {facts['cores']} cores, {facts['memory_gib']} GiB")
    listed = gpu.listed()
    row("gpu", bool(listed), ", ".join(listed) or "no NVIDIA GPU found by NVML or nvidia-smi")
    for name in ("numpy", "torch", "jax", "e3nn", "e3nn_jax"):
        distribution = name.replace("_", "-")
        found = importlib.util.find_spec(name) is not None
        row(name, found, (found and _version(distribution)) or f"pip install {distribution}")
    seen = gpu.seen_by()
    for name, answer in seen.items():
        row(f"{name} on cuda", answer == "yes", answer)
    counters = nvml.offered() if listed else "no NVIDIA GPU"
    row("nvml", not counters, counters or "clocks, energy, utilisation of the GPU")
    clear = Path("/proc/self/clear_refs")
    row("mem.peak.rss", os.access(clear, os.W_OK), "/proc/self/clear_refs resets the peak")
    load = os.getloadavg()[0]
    row(
        "quiet machine",
        load < 0.5 * (facts["cores"] or 1),
        f"load average {load:.2f} over the last minute",
    )
    free = shutil.disk_usage(ROOT).free / 2**30
    row("disk", free > 1, f"{free:.0f} GiB free")
    return [*rows, _verdict(listed, seen, load, facts["cores"] or 1)]


def _verdict(
    listed: tuple[str, ...], seen: Mapping[str, str], load: float, cores: int
) -> dict[str, str]:
    """Return the last row: what all this comes to."""
    on_gpu = [name for name, answer in seen.items() if answer == "yes"]
    if listed and not on_gpu:
        return {"what": "in short", "available": "no",
                "reason": "no framework sees the GPU: mend that, or say --device cpu"}  # fmt: skip
    where = f"on the GPU with {' and '.join(on_gpu)}" if on_gpu else "on the CPU alone"
    worth = (
        "fine for correctness and for times"
        if load < 0.5 * cores
        else "fine for correctness; times here are disturbed by what else runs"
    )
    return {"what": "in short", "available": "yes", "reason": f"{worth}, {where}"}
