"""Which kind of worker a case has, and a process of it, not started.

One kind for each implementation, mode, options, knobs, device, precision, threads and x64, so that
cases of one block, which are open at the same time, have different ones; on CUDA another that
records what the GPU does.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from bench.drive.worker_process import Spec, WorkerProcess, on_cuda, spec_of
from bench.record.case import Case
from impls.registry import Registry


@dataclass(frozen=True)
class Launcher:
    """What the workers of a run have in common.

    `shared` is one kind for each framework, not one an implementation. Cases are measured by
    `probes`, among others; what a GPU compiles is kept in the folder `scratch`.
    """

    registry: Registry
    files: tuple[str | Path, ...]
    logs: Path
    scratch: Path
    shared: bool = False
    probes: Collection[str] = ()
    cores: tuple[int, ...] = ()

    def spec(self, case: Case, traces: bool = False) -> Spec:
        """Return the kind of worker that a case has, or the one that records it."""
        spec = replace(self._own(case), traces=traces)
        if self.shared:
            framework = f"any-{spec.framework}"
            return replace(spec, implementation=framework, mode="", options=(), knobs=())
        return spec

    def _own(self, case: Case) -> Spec:
        return spec_of(case, self.registry, self.files, frozenset(self.probes))

    def worker(self, spec: Spec) -> WorkerProcess:
        """Return a worker of a kind."""
        suffix = ("-x64" if spec.x64 else "") + ("-traces" if spec.traces else "")
        log = self.logs / f"{spec.implementation}{suffix}.log"
        scratch = self.scratch if on_cuda(spec) else None
        return WorkerProcess(spec, log, scratch=scratch, cores=self.cores)

    def fresh(self, case: Case) -> WorkerProcess:
        """Return a worker for a case alone, also where kinds are shared."""
        spec = self._own(case)
        return WorkerProcess(spec, self.logs / f"{spec.implementation}-fresh.log", cores=self.cores)
