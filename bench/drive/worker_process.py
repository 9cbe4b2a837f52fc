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

from bench.drive import descendants
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
EVERY = 2.0
"""Seconds between two looks at what a worker's children hold, and at its log."""
LOG_LIMIT = 2**26
"""A log that grows beyond this is cut [B]."""
REPLY_LIMIT = 2**26
"""A reply that is longer is none [B]."""


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
    knobs: tuple[tuple[str, Any], ...]
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
    files, installed = needed(case.implementation, registry, files, probes)
    return Spec(
        case.implementation,
        case.mode,
        options=tuple(sorted(case.options.items())),
        knobs=tuple(sorted(case.knobs.items())),
        framework=registry.implementation(case.implementation).framework,
        target=tuple(sorted(asdict(case.target).items())),
        x64=case.problem.dtype == "float64",
        files=files,
        installed=installed,
    )


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
    buffer: bytearray = field(default_factory=bytearray)
    asked: str = ""
    name: str = ""
    held: int = 0
    looked: float = 0.0
    oom_kills: int = 0
    facts: dict[str, Any] = field(default_factory=dict)

    def spawn(self) -> None:
        """Start the process without waiting for it."""
        self.asked = self.name = secrets.token_hex(8)
        self.held, self.oom_kills = 0, descendants.oom_kills()
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
                env={**os.environ, **variables, descendants.MARK: self.name},
                cwd=self.root,
            )
        os.close(theirs_in)
        os.close(theirs_out)
        self.buffer = bytearray()

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
        seen = 0
        while self.buffer.find(b"\n", seen) < 0:
            seen = len(self.buffer)
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
                if len(self.buffer) > REPLY_LIMIT:
                    self.kill()
                    raise Fault("crash", f"the worker sent garbage: {len(self.buffer)} bytes")
            elif not self.alive:
                raise self._death()  # a child of it may still hold the pipe
            self._look()
        line, _, self.buffer = self.buffer.partition(b"\n")
        return bytes(line)

    def _look(self) -> None:
        """Look at what the worker holds and, now and then, at its children and its log.

        Raises:
            Fault: when it holds too much memory, or all of them do; it is gone then.
        """
        if self.process is None:
            return
        self.held = descendants.resident_of(self.process.pid)
        if time.monotonic() - self.looked > EVERY:
            self.looked = time.monotonic()
            self.held = max(self.held, descendants.resident(self.name))
            self._cut_log()
        if self.held > MEMORY_SHARE * total_memory():
            self.kill()
            raise Fault("oom", f"the worker held {self.held / 2**30:.1f} GiB of host memory")

    def _cut_log(self) -> None:
        """Keep the beginning of a log that grew without end; what is written appends to it."""
        if self.log.stat().st_size <= LOG_LIMIT:
            return
        with self.log.open("r+b") as log:
            log.truncate(LOG_LIMIT // 2)
            log.seek(0, os.SEEK_END)
            log.write(f"\n[cut here: the log was longer than {LOG_LIMIT} bytes]\n".encode())

    def _death(self) -> Fault:
        assert self.process is not None
        try:
            code = self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self.kill()
            return Fault("crash", "the worker closed its pipe without ending")
        self.kill()
        if code == -signal.SIGKILL and self._ran_out():
            return Fault("oom", "killed by the kernel for want of memory (SIGKILL)")
        if code < 0:
            return Fault("crash", f"killed by {signal.Signals(-code).name}; see {self.log.name}")
        return Fault("crash", f"exited with code {code}; see {self.log.name}")

    def _ran_out(self) -> bool:
        """Return whether the kernel killed something for want of memory since this started."""
        return descendants.oom_kills() > self.oom_kills

    def _signal(self, number: int) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, number)

    @property
    def alive(self) -> bool:
        """Return whether the process runs (or is stopped)."""
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """End the whole process group, and what left it: ask, wait, kill."""
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
        descendants.end(self.name)
        self._cut_log()
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
