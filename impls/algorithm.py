"""An Algorithm: an answer as code, written once over a Backend; one Implementation a framework."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from impls.backends import Backend, load
from impls.growth import Growth
from impls.implementation import FRAMEWORKS, Built, Framework, Implementation, Target, supports_all
from impls.problem import Problem, Refusal, Scalar

Options = Mapping[str, Scalar]
"""Values of an algorithm's options by name; an option that is left out has its first value."""


def refuses_nothing(framework: Framework, problem: Problem, target: Target) -> Refusal | None:
    """Return None: no framework lacks anything."""
    return None


@dataclass(frozen=True)
class Algorithm:
    """How an operation is computed, in every framework that it names.

    It is registered as the implementations `<framework>_<name>`. `build(problem, b, options)`
    prepares tables with the backend `b` and returns what is called. `title` is what people read.
    `refuses(framework, problem, target)` says what one framework lacks, before what `supports`
    says for all.
    `requires` lists importable packages, `growth` the exponents of its arithmetic where they are
    not those of its operation. `options` maps an option that changes only speed to the values worth
    trying, the first being the default. `baseline` marks its implementation in torch as the one
    that ratios are taken against.

    Raises:
        ValueError: for no framework, an unknown one, or an option without values.
    """

    operation: str
    name: str
    title: str
    build: Callable[[Problem, Backend, Options], Built]
    frameworks: tuple[Framework, ...] = FRAMEWORKS
    supports: Callable[[Problem, Target], Refusal | None] = supports_all
    refuses: Callable[[Framework, Problem, Target], Refusal | None] = refuses_nothing
    options: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict)
    requires: tuple[str, ...] = ()
    papers: tuple[str, ...] = ()
    growth: Growth = field(default_factory=Growth)
    licence: str = "MIT"
    baseline: bool = False

    def __post_init__(self) -> None:
        """Check what would fail only when a case is built."""
        unknown = [f for f in self.frameworks if f not in FRAMEWORKS]
        if unknown or not self.frameworks:
            raise ValueError(
                f"algorithm {self.operation}.{self.name}: frameworks={self.frameworks!r}; "
                f"choose from {', '.join(FRAMEWORKS)}"
            )
        for name, values in self.options.items():
            if not values:
                raise ValueError(
                    f"algorithm {self.operation}.{self.name}: option {name!r} has no value"
                )

    def implementations(self) -> Iterator[Implementation]:
        """Yield the implementation in each framework."""
        for framework in self.frameworks:
            yield Implementation(
                operation=self.operation,
                name=f"{framework}_{self.name}",
                title=self.title,
                framework=framework,
                build=partial(_build, self, framework),
                supports=partial(_supports, self, framework),
                options=self.options,
                requires=self.requires,
                papers=self.papers,
                licence=self.licence,
                baseline=self.baseline and framework == "torch",
                growth=self.growth,
            )


def _build(
    algorithm: Algorithm, framework: Framework, problem: Problem, target: Target, options: Options
) -> Built:
    """Build with the options that are given and the first value of the others."""
    for name, value in options.items():
        if name not in algorithm.options:
            raise ValueError(
                f"{algorithm.operation}.{framework}_{algorithm.name} has no option {name!r}: "
                f"it has {', '.join(algorithm.options) or 'none'}"
            )
        if value not in algorithm.options[name]:
            known = ", ".join(str(v) for v in algorithm.options[name])
            raise ValueError(f"unknown {name} {value!r}: choose one of {known}")
    chosen = {name: values[0] for name, values in algorithm.options.items()} | dict(options)
    return algorithm.build(problem, load(framework, problem, target), chosen)


def _supports(
    algorithm: Algorithm, framework: Framework, problem: Problem, target: Target
) -> Refusal | None:
    """Refuse what NumPy lacks, then what the algorithm lacks in a framework and in all."""
    remedy = "use an implementation in torch or jax"
    if framework == "numpy" and problem.dtype == "bfloat16":
        return Refusal("NumPy has no bfloat16", remedy)
    if framework == "numpy" and target.device != "cpu":
        return Refusal(f"NumPy does not run on {target.device}", remedy)
    return algorithm.refuses(framework, problem, target) or algorithm.supports(problem, target)
