"""The workers of a run: started side by side, replaced, ended when memory asks for it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from bench.drive.headroom import memories
from bench.drive.launching import Launcher
from bench.drive.worker_process import Fault, Spec, WorkerProcess
from bench.record.case import Case
from impls.registry import Registry


class Pool:
    """The workers of a run, by kind. Use as a context manager: leaving it ends them all.

    A worker that is not asked keeps its memory. Before another is started, idle ones are ended,
    the least recently used first, until what `headroom` reads has room for it. Those of the
    cases that were prepared last are in use and stay, however little is left.
    """

    def __init__(
        self,
        registry: Registry,
        files: Iterable[str | Path],
        logs: Path,
        shared: bool = False,
        probes: Collection[str] = (),
        cores: tuple[int, ...] = (),
    ) -> None:
        """Start with no workers; `shared` is one for each framework, not one an implementation.

        Their cases are measured by `probes`, among others.
        """
        self.workers: dict[Spec, WorkerProcess] = {}  # the least recently used first
        self.in_use: frozenset[Spec] = frozenset()
        self.scratch = tempfile.TemporaryDirectory(prefix="equibench-compiled-")
        scratch = Path(self.scratch.name)
        self.launcher = Launcher(registry, tuple(files), logs, scratch, shared, probes, cores)

    def __enter__(self) -> Pool:
        """Return the pool."""
        return self

    def __exit__(self, *exception: object) -> None:
        """End every worker."""
        self.stop()
        self.scratch.cleanup()

    def spec(self, case: Case, traces: bool = False) -> Spec:
        """Return the kind of worker that a case has here, or the one that records it."""
        return self.launcher.spec(case, traces)

    def stop(self) -> None:
        """End every worker; the next request starts fresh ones."""
        for worker in self.workers.values():
            worker.kill()
        self.workers.clear()
        self.in_use = frozenset()
        for folder in Path(self.scratch.name).iterdir():
            shutil.rmtree(folder)  # a new round compiles anew

    def prepare(
        self,
        cases: Iterable[Case],
        started: Callable[[], None] = lambda: None,
        traces: bool = False,
    ) -> dict[Spec, Fault]:
        """Start the workers of these cases side by side; return those that did not come up.

        With `traces`, also those that record what the GPU does.
        """
        kinds = (False, True) if traces else (False,)
        specs = list(dict.fromkeys(self.spec(case, kind) for case in cases for kind in kinds))
        self.in_use = frozenset(specs)
        return self._start(specs, started)

    def _start(self, specs: Iterable[Spec], started: Callable[[], None]) -> dict[Spec, Fault]:
        faults: dict[Spec, Fault] = {}
        fresh: list[WorkerProcess] = []
        for spec in specs:
            worker = self.workers.pop(spec, None)
            if worker is None or not worker.alive:
                if worker is not None:
                    worker.kill()
                self._make_room(spec, len(fresh))
                worker = self.launcher.worker(spec)
                worker.spawn()
                fresh.append(worker)
            self.workers[spec] = worker
        for worker in fresh:
            try:
                worker.ready()
            except Fault as fault:
                worker.kill()
                faults[worker.spec] = fault
            started()
        return faults

    def _make_room(self, spec: Spec, starting: int = 0) -> None:
        """End idle workers until one of this kind fits beside those that are still starting."""
        device = dict(spec.target)["device"]
        for idle in [other for other in self.workers if other not in self.in_use]:
            up = sum(worker.alive for worker in self.workers.values()) - starting
            if all(memory.fits(starting + 1) for memory in memories(device, up)):
                return
            self.workers.pop(idle).kill()

    def fresh(self, case: Case) -> WorkerProcess:
        """Return a new worker for a case, not started, that is not one of the pool's own."""
        worker = self.launcher.fresh(case)
        self._make_room(worker.spec)
        return worker

    def worker(self, case: Case, traces: bool = False) -> WorkerProcess:
        """Return the running worker of a case, or the one that records it; start it if need be.

        Raises:
            Fault: when it does not come up.
        """
        spec = self.spec(case, traces)
        faults = self._start([spec], lambda: None)
        if spec in faults:
            raise faults[spec]
        return self.workers[spec]
