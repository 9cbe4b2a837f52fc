"""A Case: one thing to measure. Problem x knobs x implementation x pass x mode x target."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from impls.family import Family
from impls.implementation import Implementation, Target
from impls.operation import PASSES as PASSES
from impls.operation import Operation, Pass
from impls.problem import Problem, Refusal, Scalar
from impls.registry import Registry
from impls.streams import DRAWS


@dataclass(frozen=True)
class Case:
    """One thing to measure; `id` is for people, `bench.record.fingerprint.key` for machines.

    `knobs` are values of the operation's knobs other than their defaults.
    """

    problem: Problem
    implementation: str
    pass_: Pass
    mode: str
    target: Target
    options: Mapping[str, Scalar] = field(default_factory=dict)
    knobs: Mapping[str, Scalar] = field(default_factory=dict)

    @property
    def seen(self) -> Problem:
        """Return the problem as the operation sees it, at the values of the knobs."""
        return self.problem.at(**self.knobs) if self.knobs else self.problem

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data; `Case.from_json` is its inverse."""
        knobs = {"knobs": dict(self.knobs)} if self.knobs else {}
        return {
            "problem": self.problem.to_json(),
            "implementation": self.implementation,
            "pass": self.pass_,
            "mode": self.mode,
            "target": dict(vars(self.target)),
            "options": dict(self.options),
            **knobs,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Case:
        """Rebuild a case from `to_json`'s output."""
        return cls(
            Problem.from_json(data["problem"]),
            data["implementation"],
            data["pass"],
            data["mode"],
            Target(**data["target"]),
            data["options"],
            data.get("knobs", {}),
        )


def digest(data: object) -> str:
    """Return 16 hex digits of the BLAKE2 hash of canonical JSON."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def problem_id(problem: Problem, registry: Registry) -> str:
    """Return a readable name of a problem: `product/mimo-o3-lmax3-channels1-batch1000/float32`.

    What the facets do not say (a seed, another generator) is added, so that the name is unique.
    """
    facets = registry.family(problem.family).facets(problem)
    parts = [str(v) if isinstance(v, str) else f"{name}{v}" for name, v in facets.items()]
    if problem.seed:
        parts.append(f"seed{problem.seed}")
    return f"{problem.family}/{'-'.join(parts).replace(' ', '')}/{problem.dtype}"


def case_id(case: Case, registry: Registry) -> str:
    """Return a readable name of a case: problem::implementation{knob=value}/pass/mode@device."""
    target = case.target
    where = f"{target.device}-{target.precision}-t{target.threads}"
    options = "".join(f"[{k}={v}]" for k, v in sorted(case.options.items()))
    knobs = ",".join(f"{k}={v}" for k, v in sorted(case.knobs.items()))
    options = f"{{{knobs}}}{options}" if knobs else options
    return (
        f"{problem_id(case.problem, registry)}::{case.implementation}{options}"
        f"/{case.pass_}/{case.mode}@{where}"
    )


def describe(case: Case, registry: Registry) -> dict[str, Scalar]:
    """Return the flat columns by which rows of this case are found again."""
    implementation = registry.implementation(case.implementation)
    family = registry.family(case.problem.family)
    columns: dict[str, Any] = {
        "case": case_id(case, registry),
        "problem": problem_id(case.problem, registry),
        "family": family.name,
        "operation": implementation.operation,
        "implementation": case.implementation,
        "framework": implementation.framework,
        "dtype": case.problem.dtype,
        "data": case.problem.data,
        "seed": case.problem.seed,
        "draws": DRAWS,
        "pass": case.pass_,
        "mode": case.mode,
        "device": case.target.device,
        "precision": case.target.precision,
        "threads": case.target.threads,
    }
    operation = registry.operation(implementation.operation)
    columns |= {f"knob.{k}": v for k, v in operation.knobs_of(case.seen).items()}
    columns |= {f"option.{k}": v for k, v in case.options.items()}
    columns |= {f"size.{k}": v for k, v in case.problem.sizes.items()}
    return columns | {f"facet.{k}": v for k, v in family.facets(case.problem).items()}


def refusal(case: Case, registry: Registry) -> Refusal | None:
    """Return why a case is not run, else None; many cases are asked by one `Refusals`."""
    return Refusals(registry)(case)


class Refusals:
    """Why cases are not run: by family, operation, package, pass or implementation.

    The cases of a plan share most of what is asked (a problem has many implementations, and each
    of these several passes, modes and options), and an answer can take a tenth of a second: each
    question is put once.
    """

    def __init__(self, registry: Registry) -> None:
        """Begin with nothing asked."""
        self.registry = registry
        self.answers: dict[Hashable, Refusal | None] = {}

    def __call__(self, case: Case) -> Refusal | None:
        """Return why a case is not run, else None.

        An implementation whose `supports` raises is not refused: it is asked again where it is
        built, and what it raises is its result.
        """
        implementation = self.registry.implementation(case.implementation)
        operation = self.registry.operation(implementation.operation)
        family = self.registry.family(case.problem.family)
        asked, seen, pass_ = case.problem, case.seen, case.pass_
        mine = implementation.full_name, seen, case.target
        return (
            self._once(("family", asked), lambda: family.check(asked))
            or _unknown_knobs(case, operation)
            or self._once(("operation", operation.name, seen), lambda: operation.supports(seen))
            or self._once(("package", implementation.full_name), implementation.missing)
            or _unmeasurable(case, operation)
            or _imprecise(case, implementation)
            or self._once(
                ("pass", operation.name, pass_, asked),
                lambda: _unmoved(pass_, operation, family, asked),
            )
            or self._once(("implementation", *mine), lambda: _supported(implementation, case))
        )

    def _once(self, question: Hashable, ask: Callable[[], Refusal | None]) -> Refusal | None:
        if question not in self.answers:
            self.answers[question] = ask()
        return self.answers[question]


def _supported(implementation: Implementation, case: Case) -> Refusal | None:
    try:
        return implementation.supports(case.seen, case.target)
    except Exception:
        return None


def _unknown_knobs(case: Case, operation: Operation) -> Refusal | None:
    """Refuse a knob that the operation does not have, by name."""
    known = [knob.name for knob in operation.knobs]
    for name in case.knobs:
        if name not in known:
            return Refusal(
                f"{operation.name} has no knob {name!r}", f"it has {', '.join(known) or 'none'}"
            )
    return None


def _unmeasurable(case: Case, operation: Operation) -> Refusal | None:
    """Return why this pass cannot be run in this mode on this device, else None."""
    if (reason := operation.why_not(case.pass_)) is not None:
        return Refusal(f"{operation.name} refuses {case.pass_}: {reason}", "use another pass")
    if case.mode == "cudagraph" and case.target.device != "cuda":
        return Refusal("CUDA graphs need a GPU", "use the modes eager or compile on the CPU")
    if case.mode == "compile" and case.pass_ == "grad2":
        return Refusal(
            "code compiled by inductor has no second gradient", "use the mode eager or cudagraph"
        )
    return None


def _imprecise(case: Case, implementation: Implementation) -> Refusal | None:
    """Return why products of float32 matrices are not computed as is asked for, else None."""
    asked, device = case.target.precision, case.target.device
    if asked == "ieee":
        return None
    if device != "cuda":
        return Refusal(f"a processor has no products in {asked}", "leave --precision out")
    if asked == "bf16" and implementation.framework == "torch":
        return Refusal(
            "PyTorch computes no products of float32 matrices in bf16 on a GPU",
            "use --precision tf32",
        )
    return None


def _unmoved(pass_: Pass, operation: Operation, family: Family, asked: Problem) -> Refusal | None:
    """Return why an operation has no second gradient of a problem, else None."""
    if pass_ == "grad2":
        spaces = operation.taken(family.inputs(asked))
        if not any(space.kind == "real" and space.grad for space in spaces.values()):
            return Refusal("no input of this operation is differentiable", "use fwd or grad")
    return None
