"""What this machine and this environment are, and what they can measure."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (
    "torch", "jax", "jaxlib", "numpy", "scipy", "e3nn", "e3nn-jax", "triton", "opt-einsum",
)  # fmt: skip
VARIABLES = (
    "XLA_FLAGS", "TORCH_LOGS", "THP_MEM_ALLOC_ENABLE", "GLIBC_TUNABLES", "MALLOC_TOP_PAD_",
    "MALLOC_MMAP_MAX_", "LD_PRELOAD", "NVIDIA_TF32_OVERRIDE",
)  # fmt: skip


@functools.cache
def gpus() -> tuple[str, ...]:
    """Return the names of the NVIDIA GPUs, by NVML or else nvidia-smi; () without any."""
    if importlib.util.find_spec("pynvml"):
        import pynvml

        try:
            pynvml.nvmlInit()
            count = pynvml.nvmlDeviceGetCount()
            handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(count)]
            return tuple(str(pynvml.nvmlDeviceGetName(handle)) for handle in handles)
        except pynvml.NVMLError:
            return ()
    if shutil.which("nvidia-smi"):
        query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        found = subprocess.run(query, capture_output=True, text=True, check=False)
        return tuple(line.strip() for line in found.stdout.splitlines() if line.strip())
    return ()


@functools.cache
def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.lower().startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def machine_facts() -> dict[str, Any]:
    """Return the stable facts that make machines comparable, none that varies between boots."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "architecture": platform.machine(),
        "memory_gib": round(memory / 2**30),
        "system": platform.system(),
        "gpus": list(gpus()),
    }


def environment_facts(device: str) -> dict[str, Any]:
    """Return versions and settings that can change a number."""
    packages = {}
    for name in PACKAGES:
        try:
            packages[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            packages[name] = "not installed"
    return {
        "python": platform.python_version(),
        "packages": packages,
        "variables": {name: os.environ[name] for name in VARIABLES if name in os.environ},
        "device": device,
        "kernel": platform.release() if device == "cuda" else "",
    }


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


@functools.cache
def cuda_seen_by() -> Mapping[str, str]:
    """Return what each framework says of CUDA ("yes" or why not), asked in a process."""
    answer = "YES, NO = 'yes', 'CPU build or no GPU'; "
    questions = {
        "torch": "import torch; print(YES if torch.cuda.is_available() else NO)",
        "jax": "import jax; print(YES if jax.default_backend() == 'gpu' else NO)",
    }
    answers = {}
    for name, code in questions.items():
        if importlib.util.find_spec(name) is None:
            answers[name] = "not installed"
            continue
        command = [sys.executable, "-W", "ignore", "-c", answer + code]
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
        last = (result.stdout or result.stderr).strip().splitlines()
        answers[name] = last[-1] if last else f"exit code {result.returncode}"
    return answers


def default_device() -> str:
    """Return cuda when there is an NVIDIA GPU that torch or JAX can use, else cpu."""
    return "cuda" if gpus() and "yes" in cuda_seen_by().values() else "cpu"


def doctor() -> list[dict[str, str]]:
    """Return what can be measured here: one row a capability with `available` and `reason`."""
    rows = []

    def row(what: str, available: bool, reason: str) -> None:
        rows.append({"what": what, "available": "yes" if available else "no", "reason": reason})

    facts = machine_facts()
    row("cpu", True, f"{facts['cpu']}, {facts['cores']} cores, {facts['memory_gib']} GiB")
    row("gpu", bool(gpus()), ", ".join(gpus()) or "no NVIDIA GPU found by NVML or nvidia-smi")
    for name in ("numpy", "torch", "jax", "e3nn", "e3nn_jax"):
        found = importlib.util.find_spec(name) is not None
        distribution = name.replace("_", "-")
        version = (
            importlib.metadata.version(distribution) if found else f"pip install {distribution}"
        )
        row(name, found, version)
    for name, answer in cuda_seen_by().items():
        row(f"{name} on cuda", answer == "yes", answer)
    nvml = importlib.util.find_spec("pynvml") is not None
    row(
        "nvml",
        nvml and bool(gpus()),
        "clocks, energy, utilisation" if nvml else "pip install nvidia-ml-py",
    )
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
    return rows
