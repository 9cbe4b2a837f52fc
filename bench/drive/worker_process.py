"""A worker as the parent sees it: what kind it is, how it is started, talked to and survived.

A process group of its own, with its output in a log file. While it is not asked it is stopped, so
that it cannot disturb the one that measures. Any fault but an error in Python ends the process; on
CUDA any at all, since its context may be beyond use.
"""

from __future__ import annotations

import json
import os
import secrets
import select
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.drive.headroom import total_memory
from bench.drive.outside import needed
from bench.drive.replies import reply_of
from bench.record import machine, nvml, regressions
from bench.record.case import Case, digest
from bench.record.rows import Status
from impls.registry import Registry

ROOT = Path(__file__).resolve().parents[2]
GRACE = 3.0
"""Seconds between the request to stop and the kill."""
POLL = 0.25
START_TIMEOUT = 180.0
RELEASE = 30.0
"""Seconds in which the memory of a process that ended comes back to the GPU."""
OWN_FRACTION = "XLA_CLIENT_MEM_FRACTION"
"""The newer name of a variable of XLA, which refuses to have both."""
MEMORY_SHARE = 0.8
"""A worker that holds more than this share of the machine's memory is out of memory."""


class Fault(Exception):
    """A case could not be measured; `status` and `reason` go into its rows."""

    def __init__(self, status: Status, reason: str) -> None:
        """Keep both."""
        super().__init__(f"{status}: {reason}")
        self.status: Status = status
        self.reason = reason


@dataclass(frozen=True)
class Spec:
    """What distinguishes workers."""

    implementation: str
    mode: str
    options: tuple[tuple[str, Any], ...]
    framework: str
    target: tuple[tuple[str, Any], ...]
    x64: bool
    files: tuple[str, ...] = ()
    installed: tuple[str, ...] | None = None
    traces: bool = False


def spec_of(
    case: Case,
    registry: Registry,
    files: Iterable[str | Path] = (),
    probes: Collection[str] = (),
) -> Spec:
    """Return the kind of worker that measures a case, by these probes among others.

    It imports those of the files, and of what is installed, that these need.
    """
    framework = registry.implementation(case.implementation).framework
    target = tuple(sorted(asdict(case.target).items()))
    options = tuple(sorted(case.options.items()))
    x64 = case.problem.dtype == "float64"
    files, installed = needed(case.implementation, registry, files, probes)
    return Spec(case.implementation, case.mode, options, framework, target, x64, files, installed)


def on_cuda(spec: Spec) -> bool:
    """Return whether a worker uses the GPU."""
    return bool(dict(spec.target)["device"] == "cuda")


def environment(spec: Spec, scratch: Path | None = None) -> dict[str, str]:
    """Return the variables that pin threads, devices and caches of a worker.

    On CUDA, what is compiled is kept in `scratch`, apart for each kind of worker, so that the one
    that records runs the very program that the other times, and nobody else's.
    """
    target = dict(spec.target)
    threads = str(target["threads"])
    variables = dict.fromkeys(
        ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads
    )
    cuda = on_cuda(spec)
    return variables | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).strip(":"),
        "JAX_PLATFORMS": "cuda,cpu" if cuda else "cpu",
        "JAX_ENABLE_COMPILATION_CACHE": "0",
        "TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1",
        "TORCHINDUCTOR_COMPILE_THREADS": threads,
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        **({} if OWN_FRACTION in os.environ else {"XLA_PYTHON_CLIENT_MEM_FRACTION": "0.90"}),
        "XLA_FLAGS": " ".join(
            [
                os.environ.get("XLA_FLAGS", ""),
                "--xla_cpu_multi_thread_eigen=false",
                regressions.flags(machine.packages(), target["device"]).get("XLA_FLAGS", ""),
            ]
        ).strip(),
        **({"CUDA_SCALE_LAUNCH_QUEUES": "4x"} if cuda else {"CUDA_VISIBLE_DEVICES": ""}),
        **(_compiled(scratch / digest(asdict(replace(spec, traces=False)))) if scratch else {}),
    }


def _compiled(folder: Path) -> dict[str, str]:
    return {
        "TRITON_CACHE_DIR": str(folder / "triton"),
        "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor"),
        "JAX_ENABLE_COMPILATION_CACHE": "1",
        "JAX_COMPILATION_CACHE_DIR": str(folder / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
        "JAX_PERSISTENT_CACHE_ENABLE_XLA_CACHES": "none",
    }


@dataclass
class WorkerProcess:
    """One child process, the cores it is kept on, and the pipes to it.

    `root` holds other `impls` than this checkout's.
    """

    spec: Spec
    log: Path
    root: Path | None = None
    scratch: Path | None = None
    cores: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    requests: int = -1
    replies: int = -1
    buffer: bytes = b""
    asked: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    def spawn(self) -> None:
        """Start the process without waiting for it."""
        self.asked = secrets.token_hex(8)
        theirs_in, self.requests = os.pipe()
        self.replies, theirs_out = os.pipe()
        spec = {
            "framework": self.spec.framework,
            "target": dict(self.spec.target),
            "x64": self.spec.x64,
            "files": self.spec.files,
            "installed": self.spec.installed,
            "traces": self.spec.traces,
            "cores": self.cores,
            "id": self.asked,
        }
        command = [sys.executable, "-m", "bench.measuring.worker", "--spec", json.dumps(spec)]
        command += ["--requests", str(theirs_in), "--replies", str(theirs_out)]
        variables = environment(self.spec, self.scratch)
        if self.root is not None:
            variables["PYTHONPATH"] = os.pathsep.join([str(self.root), variables["PYTHONPATH"]])
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(theirs_in, theirs_out),
                start_new_session=True,
                env={**os.environ, **variables},
                cwd=self.root,
            )
        os.close(theirs_in)
        os.close(theirs_out)
        self.buffer = b""

    def ready(self) -> None:
        """Wait until the framework is up, then stop the process until it is asked.

        Raises:
            Fault: when it does not come up.
        """
        for message in self._receive("start", START_TIMEOUT):
            self.facts = message["done"]
        self._signal(signal.SIGSTOP)

    def ask(self, request: Mapping[str, Any], timeout: float) -> Iterator[dict[str, Any]]:
        """Send a request and yield its replies, the last being {"done": ...}.

        Each request has a random name that its replies must carry: what else is written into the
        pipe is no reply.

        Raises:
            Fault: on an error, a crash, a time-out or too much memory. The process is gone
                after all but an error in Python.
        """
        self._signal(signal.SIGCONT)
        self.asked = secrets.token_hex(8)
        try:
            os.write(self.requests, (json.dumps({**request, "id": self.asked}) + "\n").encode())
        except BrokenPipeError:
            raise self._death() from None
        yield from self._receive(request["do"], timeout)
        self._signal(signal.SIGSTOP)

    def _receive(self, what: str, timeout: float) -> Iterator[dict[str, Any]]:
        deadline = time.monotonic() + timeout
        while True:
            line = self._line(deadline, timeout)
            message = reply_of(line, self.asked, what)
            if message is None:
                self.kill()
                raise Fault("crash", f"the worker sent garbage: {line[:80]!r}")
            if "fault" in message:
                if on_cuda(self.spec):
                    self.kill()
                self._signal(signal.SIGSTOP)
                raise Fault(message["fault"]["status"], message["fault"]["reason"])
            yield message
            if "done" in message:
                return

    def _line(self, deadline: float, timeout: float) -> bytes:
        while b"\n" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0:
                self.kill()
                raise Fault("timeout", f"no answer within {timeout:g} s")
            readable, _, _ = select.select([self.replies], [], [], min(POLL, left))
            if readable:
                chunk = os.read(self.replies, 1 << 16)
                if not chunk:
                    raise self._death()
                self.buffer += chunk
            elif not self.alive:
                raise self._death()  # a child of it may still hold the pipe
            elif self._resident() > MEMORY_SHARE * total_memory():
                held = self._resident() / 2**30
                self.kill()
                raise Fault("oom", f"the worker held {held:.1f} GiB of host memory")
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line

    def _resident(self) -> int:
        assert self.process is not None
        try:
            pages = Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1]
        except OSError:
            return 0
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def _death(self) -> Fault:
        assert self.process is not None
        try:
            code = self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self.kill()
            return Fault("crash", "the worker closed its pipe without ending")
        self.kill()
        if code == -signal.SIGKILL:
            return Fault("oom", "killed by the system (SIGKILL: most likely out of memory)")
        if code < 0:
            return Fault("crash", f"killed by {signal.Signals(-code).name}; see {self.log.name}")
        return Fault("crash", f"exited with code {code}; see {self.log.name}")

    def _signal(self, number: int) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, number)

    @property
    def alive(self) -> bool:
        """Return whether the process runs (or is stopped)."""
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """End the whole process group: ask, wait, kill."""
        if self.process is None:
            return
        group = self.process.pid
        for number, patience in ((signal.SIGTERM, GRACE), (signal.SIGKILL, GRACE)):
            try:
                os.killpg(group, number)
                os.killpg(group, signal.SIGCONT)
            except ProcessLookupError:
                break
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                continue
        self.process = None
        os.close(self.requests)
        os.close(self.replies)
        if on_cuda(self.spec):
            _released(group)


def _released(pid: int) -> None:
    """Wait until the GPU has forgotten a process, which it can do after the process has ended."""
    end = time.monotonic() + RELEASE
    while time.monotonic() < end:
        try:
            if pid not in nvml.processes():
                return
        except nvml.Unavailable:
            return  # nobody can say
        time.sleep(POLL)
