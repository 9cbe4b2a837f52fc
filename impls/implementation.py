"""An Implementation: an answer as code, in one framework, in one file."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from impls.former import GROWTH, NO_PROFILES, accepting
from impls.growth import Growth
from impls.problem import Problem, Refusal, Scalar

Tensors = Mapping[str, Any]
"""Named arrays of one framework."""

Framework = Literal["numpy", "torch", "jax"]
FRAMEWORKS: tuple[Framework, ...] = get_args(Framework)

MODES = {"numpy": ("eager",), "torch": ("eager", "compile", "cudagraph"), "jax": ("jit",)}
"""The ways each framework can run a call; the first is the default."""


@dataclass(frozen=True)
class Target:
    """Where and how exactly a case runs."""

    device: str = "cpu"
    precision: Literal["ieee", "tf32", "bf16"] = "ieee"
    threads: int = 1


@dataclass(frozen=True)
class Built:
    """A built implementation.

    `call(inputs, weights) -> outputs` is pure and traceable, works in the native layout, and
    alone is timed. `pack(inputs, weights)` and `unpack(outputs)` carry the canonical layout to the
    native one and back, by permutation and scale only; they are traceable too.

    `kernel` says in words what is meant to run. `runs` are patterns (`fnmatch`) of names of which
    each must match something that a call really runs: an operator of PyTorch ("equibench::map_*"),
    an instruction or the target of a custom call of XLA. A case without it is wrong.
    """

    call: Callable[[Tensors, Tensors], Tensors]
    pack: Callable[[Tensors, Tensors], tuple[Tensors, Tensors]] | None = None
    unpack: Callable[[Tensors], Tensors] | None = None
    layout: str = "mul_ir"
    kernel: str = ""
    runs: tuple[str, ...] = ()


def supports_all(problem: Problem, target: Target) -> Refusal | None:
    """Return None: every problem that the operation supports is supported."""
    return None


@accepting(profiles=NO_PROFILES, growth=GROWTH)
@dataclass(frozen=True)
class Implementation:
    """An operation in one framework. `build` imports the framework; importing the file does not.

    `requires` lists importable packages, and `remedy` says what installs them where that is not pip
    by the same names. `options` maps an option that changes only speed to the
    values worth trying, the first being the default. `baseline` marks the implementation that
    ratios are taken against, where a problem has one. `growth` gives the exponents of its
    arithmetic where they are not those of its operation. `title` is what people read. What is
    written for several frameworks is an `impls.algorithm.Algorithm`.
    """

    operation: str
    name: str
    framework: Framework
    build: Callable[[Problem, Target, Mapping[str, Scalar]], Built]
    supports: Callable[[Problem, Target], Refusal | None] = supports_all
    options: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict)
    requires: tuple[str, ...] = ()
    remedy: str = ""
    papers: tuple[str, ...] = ()
    licence: str = "MIT"
    baseline: bool = False
    growth: Growth = field(default_factory=Growth)
    title: str = ""

    @property
    def full_name(self) -> str:
        """Return `operation.name`, unique in the registry."""
        return f"{self.operation}.{self.name}"

    def missing(self) -> Refusal | None:
        """Return why this cannot run here (a package that is not installed), else None."""
        framework = () if self.framework == "numpy" else (self.framework,)
        absent = [p for p in (*framework, *self.requires) if not _found(p)]
        if not absent:
            return None
        packages = dict.fromkeys(name.partition(".")[0] for name in absent)
        remedy = self.remedy or f"pip install {' '.join(packages)}"
        return Refusal(f"not installed: {', '.join(absent)}", remedy)


def _found(module: str) -> bool:
    """Tell whether a module can be found; its parents are looked for first."""
    parent = module.rpartition(".")[0]
    return (not parent or _found(parent)) and importlib.util.find_spec(module) is not None
