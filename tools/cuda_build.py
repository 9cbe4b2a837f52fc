"""Which builds of PyTorch and JAX this machine's GPU and driver can run, and why.

    python tools/cuda_build.py               says it
    python tools/cuda_build.py --write DIR   writes DIR/frameworks.txt and DIR/constraints.txt too:
                                             a requirements file for pip, and its constraints

`make` calls it. It asks nvidia-smi and uses the standard library alone: nothing is installed yet.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
INDEX = "https://download.pytorch.org/whl"
"""Builds of PyTorch for other versions of CUDA than that of the default index."""
CUDA13_DRIVER, CUDA12_DRIVER = 580, 525
"""The first drivers of CUDA 13 and 12."""
CUDA13_CAPABILITY, CUDA12_CAPABILITY = (7, 5), (5, 2)
"""The oldest architectures with kernels in builds for CUDA 13 (Turing) and 12 (Maxwell)."""
BLACKWELL = (10, 0)
"""From here on CUDA 12.6 has no kernels."""
PATIENCE = 60
"""Seconds for nvidia-smi, which may have to load the driver first."""


@dataclass(frozen=True)
class Gpu:
    """A card as nvidia-smi lists it; `capability` is None where it does not say."""

    name: str
    driver: str
    capability: tuple[int, int] | None = None

    @property
    def branch(self) -> int:
        """Return the number that the driver's version begins with."""
        return int(self.driver.partition(".")[0])


@dataclass(frozen=True)
class Build:
    """What pip installs: torch of a local version from an index, JAX, and constraints over ours."""

    jax: str = "jax"
    local: str = ""
    constraints: str = ""


CUDA13 = Build("jax[cuda13]", constraints="constraints-cuda13.txt")
CUDA12 = Build("jax[cuda12]", "cu126", "constraints-cuda12.txt")
CPU = Build()
CPU_ONLY = Build(local="cpu")
"""For a GPU that is not used: a build with CUDA would warn of its driver."""


class NoAnswer(Exception):
    """nvidia-smi does not list the cards; the message says why."""


def cards() -> tuple[Gpu, ...]:
    """Return the NVIDIA GPUs of this machine; () where there is no nvidia-smi.

    Raises:
        NoAnswer: when nvidia-smi fails.
    """
    if shutil.which("nvidia-smi") is None:
        return ()
    try:
        return read(_ask("driver_version,compute_cap,name"))
    except NoAnswer:  # drivers before 510 do not know compute_cap
        return read(_ask("driver_version,name"))


def _ask(fields: str) -> str:
    command = ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        raise NoAnswer(f"no answer within {PATIENCE} s") from None
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines() or [f"exit code {done.returncode}"]
        raise NoAnswer(said[0])
    return done.stdout


def read(text: str) -> tuple[Gpu, ...]:
    """Return the cards of nvidia-smi's lines "driver[, capability], name".

    Raises:
        NoAnswer: for a line that is none.
    """
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("No devices were found"):
            continue
        matched = re.fullmatch(r"(\d+(?:\.\d+)*), (?:(\d+)\.(\d+), |\[N/A\], )?(.+)", line)
        if matched is None:
            raise NoAnswer(line)
        driver, major, minor, name = matched.groups()
        found.append(Gpu(name, driver, (int(major), int(minor)) if major else None))
    return tuple(found)


def decide(gpus: tuple[Gpu, ...]) -> tuple[Build, str]:
    """Return the build for all of the cards, and a sentence that says which and why."""
    if not gpus:
        return CPU, "no NVIDIA GPU: PyTorch and JAX for the CPU"
    known = [gpu for gpu in gpus if gpu.capability is not None]
    oldest = min(known, key=lambda gpu: gpu.capability or (), default=gpus[0])
    newest = max(known, key=lambda gpu: gpu.capability or (), default=gpus[0])
    branch, driver = oldest.branch, f"driver {oldest.driver}"
    newer = f"install a driver of {CUDA13_DRIVER} or newer, then `make clean`"
    if branch < CUDA12_DRIVER:
        return CPU_ONLY, (
            f"{oldest.name} is not used: {driver} is older than {CUDA12_DRIVER}, the first of "
            f"CUDA 12; PyTorch and JAX for the CPU. To measure on it {newer}"
        )
    if _before(oldest, CUDA12_CAPABILITY):
        return CPU_ONLY, (
            f"{oldest.name} is not used: its compute capability {_said(oldest)} is below "
            f"{_dotted(CUDA12_CAPABILITY)}, which builds for CUDA 12 need; PyTorch and JAX for "
            "the CPU"
        )
    if _before(oldest, CUDA13_CAPABILITY):
        return CUDA12, (
            f"{oldest.name}, {driver}: PyTorch and JAX with CUDA 12, since builds for CUDA 13 have "
            f"no kernels for its compute capability {_said(oldest)}"
        )
    if branch >= CUDA13_DRIVER:
        return CUDA13, f"{oldest.name}, {driver}: PyTorch and JAX with CUDA 13"
    if newest.capability is not None and newest.capability >= BLACKWELL:
        return CPU_ONLY, (
            f"{newest.name} is not used: {driver} is older than {CUDA13_DRIVER}, the first of CUDA "
            f"13, and builds for CUDA 12.6 have no kernels for its compute capability "
            f"{_said(newest)}; PyTorch and JAX for the CPU. To measure on it {newer}"
        )
    return CUDA12, (
        f"{oldest.name}, {driver}: PyTorch and JAX with CUDA 12, since the driver is older than "
        f"{CUDA13_DRIVER}, the first of CUDA 13"
    )


def _before(gpu: Gpu, capability: tuple[int, int]) -> bool:
    return gpu.capability is not None and gpu.capability < capability


def _said(gpu: Gpu) -> str:
    return _dotted(gpu.capability or (0, 0))


def _dotted(capability: tuple[int, int]) -> str:
    return "{}.{}".format(*capability)


def name_of(line: str) -> str:
    """Return the package that a line of constraints is about, as pip compares names; "" for none.

    A comment and an empty line are about none.
    """
    matched = re.match(r"[\w.-]+", line.partition("#")[0].strip())
    return re.sub(r"[-_.]+", "-", matched.group()).lower() if matched else ""


def constraints(build: Build) -> str:
    """Return constraints.txt with the lines of the build in the place of those of its names."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if not build.constraints:
        return "\n".join(lines) + "\n"
    own = (ROOT / build.constraints).read_text(encoding="utf-8").splitlines()
    named = {name_of(line) for line in own} - {""}
    return "\n".join([line for line in lines if name_of(line) not in named] + own) + "\n"


def requirements(build: Build) -> str:
    """Return the requirements file of the frameworks: torch at its pin, and JAX.

    Raises:
        ValueError: when constraints.txt does not pin torch.
    """
    pinned = re.search(r"^torch==\S+$", constraints(build), re.MULTILINE)
    if pinned is None:
        raise ValueError("constraints.txt does not pin torch: it says which CUDA is installed")
    torch = f"{pinned.group()}+{build.local}" if build.local else pinned.group()
    index = [f"--extra-index-url {INDEX}/{build.local}"] if build.local else []
    return "\n".join([*index, torch, build.jax]) + "\n"


def chosen() -> tuple[Build, str]:
    """Return the build for this machine, and why."""
    try:
        return decide(cards())
    except NoAnswer as reason:
        return CPU, f"nvidia-smi fails ({reason}): PyTorch and JAX for the CPU"


def main(arguments: list[str] | None = None) -> int:
    """Say what is installed here and why; write what pip reads, if asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", metavar="DIR", type=Path, help="a folder for the two files")
    asked = parser.parse_args(arguments)
    build, why = chosen()
    print(why)
    if asked.write is None:
        print(requirements(build), end="")
        return 0
    (asked.write / "frameworks.txt").write_text(requirements(build), encoding="utf-8")
    (asked.write / "constraints.txt").write_text(constraints(build), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
