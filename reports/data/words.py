"""What people read instead of internal names: the titles that stand where things are declared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analysis.catalogue import symbol
from impls.registry import Registry
from reports.data.results import Result
from reports.data.text import number

FRAMEWORKS = {"torch": "PyTorch", "jax": "JAX", "numpy": "NumPy"}
MODES = {"eager": "eager", "compile": "compiled", "cudagraph": "CUDA graph", "jit": "jit"}
PASSES = {"fwd": "forward", "grad": "with gradients", "grad2": "with second gradients"}
STATUSES = {
    "ok": "right, and timed as precisely as asked",
    "noisy": "right, and timed; interval wider than asked",
    "withheld": "finished, but not checked",
    "skip": "refused, or not installed",
    "wrong": "wrong",
    "oom": "out of memory",
    "timeout": "took too long",
    "crash": "crashed",
    "error": "raised an error",
    "dominated": "not tried: failed at a smaller size",
    "not run": "not run",
    "timed": "timed",
}


@dataclass(frozen=True)
class Words:
    """Display names by what is registered; of what is not, its own name."""

    registry: Registry

    def operation(self, name: Any) -> str:
        """Return the title of an operation."""
        known = self.registry.operations.get(str(name))
        return (known.title if known else "") or str(name)

    def implementation(self, r: Result) -> str:
        """Return framework, title, turned knobs, options and, where several were run, the mode."""
        name = str(r.columns.get("implementation"))
        known = self.registry.implementations.get(name)
        short = name.removeprefix(f"{r.columns.get('operation')}.")
        if known and known.title:
            short = ", ".join([FRAMEWORKS[known.framework], known.title])
        options = [f"{k[7:]} {v}" for k, v in sorted(r.columns.items()) if k.startswith("option.")]
        mode = str(r.columns.get("mode"))
        modes = [MODES.get(mode, mode)] if r.label.endswith(f" ({mode})") else []
        knobs = [r.turned.replace(",", ", ").replace("=", " ")] if r.turned else []
        return ", ".join([short, *knobs, *options, *modes])

    def both(self, r: Result) -> str:
        """Return operation and implementation: `Gaunt product (PyTorch, points of ...)`."""
        return f"{self.operation(r.columns.get('operation'))} ({self.implementation(r)})"

    def pass_(self, name: Any) -> str:
        """Return a pass in words."""
        return PASSES.get(str(name), str(name))

    def size(self, name: str, value: float) -> str:
        """Return a size: `L = 3`, `batch 100 000`."""
        short = symbol(name)
        return f"{short} = {number(value)}" if short != name else f"{name} {number(value)}"

    def facet(self, family: Any, name: str) -> str:
        """Return what a facet of a family is called: `degree L`."""
        known = self.registry.families.get(str(family))
        return known.labels.get(name, name) if known else name

    def problem(self, r: Result, leave_out: Sequence[str] = ()) -> str:
        """Return the question of a result: family, facets in words, sizes; single channels not."""
        family = self.registry.families.get(str(r.columns.get("family")))
        labels = family.labels if family else {}
        said = []
        for name, value in r.facets.items():
            if name in leave_out or (name == "channels" and value == 1):
                continue
            if isinstance(value, str):
                said.append(labels[value].partition(":")[0] if value in labels else value)
            elif name in r.sizes:
                said.append(self.size(name, r.sizes[name]))
        kind = self.kind(r.columns.get("family"))
        return f"{kind}: {'; '.join(said)}" if said else kind

    def kind(self, family: Any) -> str:
        """Return what the problems of a family are of."""
        known = self.registry.families.get(str(family))
        return (known.title if known else "") or str(family)
