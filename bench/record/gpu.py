"""Which GPU is measured: the frameworks say whether they see one, and it is named by its UUID.

NVML, CUDA and a scheduler may number the GPUs of a machine differently. So the card is asked for
once, of the frameworks that will use it, and CUDA_VISIBLE_DEVICES is set to its UUID: workers, NVML
and the lock of the card then mean the same one.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

VISIBLE = "CUDA_VISIBLE_DEVICES"
ORDER = "CUDA_DEVICE_ORDER"
TIMEOUT = 180.0
QUESTIONS = {
    "torch": """
import json, torch
if torch.version.cuda is None:
    raise SystemExit("a build for the CPU")
if not torch.cuda.is_available():
    torch.cuda.init()
torch.zeros(1, device="cuda")
found = torch.cuda.get_device_properties(0)
print(json.dumps({"name": found.name, "memory": found.total_memory, "uuid": str(found.uuid),
                  "capability": f"{found.major}.{found.minor}", "cuda": torch.version.cuda}))
""",
    "jax": """
import json, jax
found = jax.devices("cuda")[0]
print(json.dumps({"name": found.device_kind, "capability": str(found.compute_capability)}))
""",
}
"""What each framework is asked in a process of its own: it prints what it sees, or ends."""
HINTS = ("no NVIDIA driver", "Unknown backend", "cuda", "CUDA", "GPU", "driver")
"""Words of the line that says why, among all that a framework writes when it fails."""


@dataclass(frozen=True)
class Card:
    """A GPU as a framework sees it: `memory` in bytes, "" and 0 for what it does not say."""

    name: str
    uuid: str = ""
    capability: str = ""
    memory: int = 0
    cuda: str = ""


@functools.cache
def asked() -> Mapping[str, Card | str]:
    """Return what each framework sees as its first GPU, or why it sees none; side by side."""
    running = {}
    for name, question in QUESTIONS.items():
        if find_spec(name) is None:
            continue
        command = [sys.executable, "-W", "ignore", "-c", question]
        variables = {ORDER: "PCI_BUS_ID", **os.environ, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
        variables.pop("JAX_PLATFORMS", None)
        running[name] = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=variables
        )
    answers: dict[str, Card | str] = {name: "not installed" for name in QUESTIONS}
    for name, process in running.items():
        try:
            out, err = process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            answers[name] = f"no answer within {TIMEOUT:g} s"
            continue
        answers[name] = _card(out) or _reason(err) or f"exit code {process.returncode}"
    return answers


def _card(out: str) -> Card | None:
    """Return the card that a framework printed, in its last line."""
    lines = out.strip().splitlines()
    try:
        said = json.loads(lines[-1]) if lines else None
    except ValueError:
        return None
    return Card(**said) if isinstance(said, dict) else None


def _reason(err: str) -> str:
    """Return the last line that says why; of several, one that speaks of the GPU."""
    lines = [line.strip() for line in err.strip().splitlines() if line.strip()]
    telling = [line for line in lines if any(hint in line for hint in HINTS)]
    return (telling or lines or [""])[-1][:300]


def seen_by() -> Mapping[str, str]:
    """Return "yes" for each framework that sees a GPU, or why it sees none."""
    return {name: "yes" if isinstance(a, Card) else a for name, a in asked().items()}


def listed() -> tuple[str, ...]:
    """Return the GPUs that the system lists, by NVML, nvidia-smi or the kernel; no framework."""
    return _by_nvml() or _by_command() or _by_kernel()


def _by_nvml() -> tuple[str, ...]:
    if not find_spec("pynvml"):
        return ()
    import pynvml

    names = []
    try:
        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
    except pynvml.NVMLError:
        return ()
    for index in range(count):
        try:
            names.append(str(pynvml.nvmlDeviceGetName(pynvml.nvmlDeviceGetHandleByIndex(index))))
        except pynvml.NVMLError:
            continue  # counted, and not for this process to open
    return tuple(names)


def _by_command() -> tuple[str, ...]:
    if not shutil.which("nvidia-smi"):
        return ()
    query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    found = subprocess.run(query, capture_output=True, text=True, check=False)
    lines = [line.strip() for line in found.stdout.splitlines() if line.strip()]
    return tuple(lines) if found.returncode == 0 else ()


def _by_kernel() -> tuple[str, ...]:
    return tuple(str(path) for path in sorted(Path("/dev").glob("nvidia[0-9]*")))


def hidden() -> bool:
    """Return whether the user hides every GPU."""
    return os.environ.get(VISIBLE, "0").strip() in ("", "-1")


def device_of(device: str | None, name: str | None = None) -> str:
    """Return where to measure, "cpu" or "cuda"; on a GPU, see that everything means the same one.

    Without a `device` it is the GPU where there is one. `name` is its number, as nvidia-smi counts,
    or its UUID; without one, the first that CUDA_VISIBLE_DEVICES shows.

    Raises:
        ValueError: when the GPU is asked for, or the system lists one, and no framework sees it.
    """
    if name is not None:
        if device == "cpu":
            raise ValueError("--gpu names a GPU, and --device cpu measures none: say one of them")
        os.environ[VISIBLE] = name
        asked.cache_clear()
    if device == "cpu" or (device is None and (hidden() or not listed())):
        return "cpu"
    if hidden():
        raise ValueError(f"--device cuda: {VISIBLE} hides every GPU; unset it")
    use()
    return "cuda"


def use() -> Card:
    """Return the GPU that the frameworks see, and let all that is started from here see it alone.

    An instance of MIG keeps the name that it was given, or none: of its card no other is seen.

    Raises:
        ValueError: when no framework sees one; it says why, and what to do.
    """
    cards = [answer for answer in asked().values() if isinstance(answer, Card)]
    if not cards:
        why = "; ".join(f"{name}: {answer}" for name, answer in asked().items())
        here = f"this machine lists {', '.join(listed())}" if listed() else "no NVIDIA GPU is found"
        raise ValueError(
            f"{here}, and no framework sees a GPU ({why}). Install CUDA builds that the driver can "
            "run (README, set-up), or say --device cpu to measure the processor"
        )
    card = cards[0]
    os.environ[ORDER] = "PCI_BUS_ID"
    if card.uuid and " MIG " not in card.name and not sliced():
        bare = card.uuid.removeprefix("GPU-")
        os.environ[VISIBLE] = f"GPU-{bare}"
    return card


def sliced() -> bool:
    """Return whether the GPU in use is named as an instance of MIG."""
    return os.environ.get(VISIBLE, "").startswith("MIG")


def lock_name() -> str:
    """Return a file name that stands for the GPU in use."""
    visible = os.environ.get(VISIBLE, "0").split(",")[0].strip() or "0"
    return f"equibench-gpu-{hashlib.sha256(visible.encode()).hexdigest()[:16]}.lock"
