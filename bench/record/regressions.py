"""Known regressions of compilers: releases that make a program slow that others make fast.

The gate passes such a program and its time is true, of that release. Which releases are meant, what
they slow, and the flag that mends it is data here, for the worker and for the page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Regression:
    """What some releases of a package make slow on a device.

    `first` and `last` are releases, both inclusive; `last` is None while no release is known to be
    free of it. `slows` says what and by how much, `sources` where that is written. `flags` are
    what mends it: text to append, after a space, to environment variables before the framework
    starts. They may be unknown to other releases, which then refuse to start: only for these.
    """

    package: str
    first: str
    last: str | None
    device: str
    slows: str
    sources: tuple[str, ...]
    flags: Mapping[str, str] = field(default_factory=dict)

    def holds(self, version: str) -> bool:
        """Return whether a version of the package has it; False where it is not installed."""
        release = _release(version)
        if not release:
            return False
        return _release(self.first) <= release and (
            self.last is None or release <= _release(self.last)
        )


REGRESSIONS = (
    Regression(
        package="jaxlib",
        first="0.10.2",
        last="0.11.0",
        device="cuda",
        slows="float32 scatter-add (segment_sum, gradients of gathers): a compare-and-swap loop in "
        "the place of one atomic addition, 1.7 times slower, and hundreds of times where many "
        "rows are added into few",
        sources=(
            "https://github.com/jax-ml/jax/issues/38806",
            "https://github.com/openxla/xla/issues/46225",
            "https://github.com/jax-ml/jax/issues/39959",
        ),
        flags={"XLA_FLAGS": "--xla_backend_extra_options=-nvptx-allow-ftz-atomics"},
    ),
    Regression(
        package="jaxlib",
        first="0.9.2",
        last=None,
        device="cuda",
        slows="segment_sum under vmap: a strided layout of the result, 5 times slower",
        sources=(
            "https://github.com/jax-ml/jax/issues/39959",
            "https://github.com/openxla/xla/issues/47203",
        ),
    ),
    Regression(
        package="jax",
        first="0.10.0",
        last="0.11.1",
        device="cuda",
        slows="irfft2: two transforms and two transposes in the place of one, 1.7 times slower",
        sources=(
            "https://github.com/jax-ml/jax/issues/40143",
            "https://github.com/jax-ml/jax/pull/40144",
        ),
    ),
)


def known(packages: Mapping[str, str], device: str) -> tuple[Regression, ...]:
    """Return the regressions of these packages, {name: version}, on a device: cpu or cuda."""
    return tuple(
        regression
        for regression in REGRESSIONS
        if regression.device == device and regression.holds(packages.get(regression.package, ""))
    )


def flags(packages: Mapping[str, str], device: str) -> dict[str, str]:
    """Return what mends the known regressions: {variable: text to append after a space}."""
    found: dict[str, str] = {}
    for regression in known(packages, device):
        for variable, text in regression.flags.items():
            found[variable] = f"{found.get(variable, '')} {text}".strip()
    return found


def _release(version: str) -> tuple[int, ...]:
    """Return the numbers a version begins with, without zeros at the end; () where there is none.

    A candidate or a nightly build of a release counts as that release.
    """
    numbers = re.match(r"\d+(\.\d+)*", version)
    if numbers is None:
        return ()
    release = [int(part) for part in numbers.group().split(".")]
    while len(release) > 1 and release[-1] == 0:
        release.pop()
    return tuple(release)
