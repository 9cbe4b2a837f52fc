"""A case in this process, which measures nothing else: for asv and pytest-benchmark."""

from __future__ import annotations

import functools
import os

from bench.drive.worker_process import environment, spec_of
from bench.measuring.built_case import BuiltCase, build
from bench.measuring.clocks import HostClock
from bench.measuring.frameworks import load as load_framework
from bench.measuring.placement import host_clock
from bench.measuring.probes import gate
from bench.record.case import Case, refusal
from bench.record.rows import Reading
from impls.implementation import Framework, Target
from impls.registry import Registry


def opened(case: Case, registry: Registry) -> BuiltCase:
    """Start the framework of a case as a worker does, once a process, and build the case.

    Raises:
        NotImplementedError: when the case is refused, as without its package.
    """
    refused = refusal(case, registry)
    if refused:
        raise NotImplementedError(str(refused))
    spec = spec_of(case, registry)
    os.environ.update(environment(spec))
    _start(spec.framework, case.target, spec.x64)
    return build(case, registry)


@functools.cache
def _start(framework: Framework, target: Target, x64: bool) -> None:
    """Start a framework; PyTorch refuses to be started twice."""
    load_framework(framework).start(target, x64)


def errors(built: BuiltCase) -> list[Reading]:
    """Return the errors that gate the pass."""
    return list(gate.error(built))


def clock(built: BuiltCase) -> HostClock:
    """Return the clock of what is right, warmed up.

    Raises:
        RuntimeError: when the result does not agree with the oracle.
    """
    for reading in errors(built):
        if not reading.passed:
            raise RuntimeError(f"no time is given, since {reading.probe} failed: {reading}")
    found = host_clock(built)
    found.prepare()
    return found
