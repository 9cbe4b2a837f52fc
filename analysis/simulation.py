r"""The instrument calibrated: intervals and verdicts on synthetic times whose truth is known.

`python -m analysis.simulation` prints the tables of docs/statistics.md. A model gives the logs of
times of two implementations that do not differ, measured in turn: the ratio of their true times
is 1, and so is each of these times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf
from typing import Any

import numpy as np
from scipy import signal

from analysis.statistics import (
    DRAWS,
    Array,
    Interval,
    hierarchical_interval,
    median_interval,
    paired_ratio,
    series_interval,
)
from analysis.verdict import WANDERS, verdicts

Model = Callable[[np.random.Generator, tuple[int, ...]], Array]
Method = Callable[[Any], Interval]
SLOWER = 1.1


def lognormal(sigma: float) -> Model:
    """Return the model of independent samples that scatter by `sigma`.

    >>> lognormal(0.01)(np.random.default_rng(0), (5, 31)).shape
    (2, 5, 31)
    """
    return lambda rng, shape: sigma * rng.standard_normal((2, *shape))


def bimodal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return logs of times [2, ..., rounds, samples]: a process is in one of two modes, 5 % apart.

    Single samples scatter by 1 %.
    """
    modes = rng.integers(0, 2, (2, *shape[:-1], 1)) - 0.5
    return np.log(1.05) * modes + lognormal(0.01)(rng, shape)


def drifting(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return logs of times that share the level (5 %) and the drift (10 %) of each round.

    Single samples scatter by 1 %.
    """
    level, slope = (s * rng.standard_normal((*shape[:-1], 1)) for s in (0.05, 0.1))
    return level + slope * np.linspace(-0.5, 0.5, shape[-1]) + lognormal(0.01)(rng, shape)


def autocorrelated(rho: float, white: float = 0.0, by: float = 0.01) -> Model:
    """Return the model of a wandering `by` 1 % (first-order autoregressive) under `white` noise."""
    before = max(200, int(5 / (1 - rho)))

    def model(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        steps = rng.standard_normal((2, *shape[:-1], shape[-1] + before))
        wandering = signal.lfilter([np.sqrt(1 - rho * rho)], [1, -rho], steps)[..., before:]
        return np.asarray(by * wandering) + lognormal(white)(rng, shape)

    return model


def drifting_apart(slope: float) -> Model:
    """Return the model of processes that drift by `slope` each, single samples scatter by 1 %."""

    def model(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        slopes = slope * rng.standard_normal((2, *shape[:-1], 1))
        return slopes * np.linspace(-0.5, 0.5, shape[-1]) + lognormal(0.01)(rng, shape)

    return model


MODELS: Mapping[str, Model] = {
    "lognormal 1 %": lognormal(0.01),
    "lognormal 5 %": lognormal(0.05),
    "bimodal processes, 5 % apart": bimodal,
    "drifting, shared": drifting,
    "autocorrelated 0.9": autocorrelated(0.9),
}


WANDERING: Mapping[str, Model] = {
    "autocorrelated 0.9, by 5 %": autocorrelated(0.9, by=0.05),
    "autocorrelated 0.9, by 20 %": autocorrelated(0.9, by=0.2),
    "autocorrelated 0.99, by 5 %": autocorrelated(0.99, by=0.05),
    "autocorrelated 0.99, by 5 %, white": autocorrelated(0.99, white=0.01, by=0.05),
    "autocorrelated 0.99, by 20 %": autocorrelated(0.99, by=0.2),
    "drifting apart by 30 %": drifting_apart(0.3),
}
"""Processes that wander much within a single round."""


def hierarchical_bootstrap(
    groups: Sequence[Array], level: float = 0.95, rng: np.random.Generator | int = 0
) -> Interval:
    r"""Return the percentile bootstrap of processes and of samples within them: for comparison.

    The statistic is that of `hierarchical_interval`. A resample of n sorted samples has its median
    (n odd; else the upper one) at rank floor(n U) + 1, where U is Beta(m, n - m + 1) and
    m = floor(n/2) + 1: so no sample is drawn [@davison1997].
    """
    generator = np.random.default_rng(rng)
    logs = [np.sort(np.log(group)) for group in groups]
    sizes = np.array([len(part) for part in logs])
    chosen = generator.integers(0, len(logs), (DRAWS, len(logs)))
    n = sizes[chosen]
    ranks = (n * generator.beta(n // 2 + 1, n - n // 2)).astype(int)
    starts = np.concatenate(([0], np.cumsum(sizes[:-1])))
    means = np.mean(np.concatenate(logs)[starts[chosen] + ranks], axis=1)
    lo, hi = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    value = hierarchical_interval(groups, level).value
    return Interval(value, float(np.exp(lo)), float(np.exp(hi)))


def pooled(groups: Sequence[Array], level: float = 0.95) -> Interval:
    """Return the median interval of all samples as if they were independent: for comparison."""
    return median_interval(np.concatenate(list(groups)), level)


def coverage(times: Array, method: Method) -> float:
    """Return how often the interval of `method` holds the truth 1, over times [trials, ...].

    >>> coverage(np.ones((4, 11)), median_interval)
    1.0
    """
    found = [method(trial) for trial in times]
    return float(np.mean([lo <= 1.0 <= hi for _, lo, hi in found]))


def rates(a: Array, b: Array) -> dict[str, float]:
    """Return how often a pair of times [trials, rounds, samples] gets each verdict, on its own."""
    kinds = [verdicts([(list(x), list(y))])[0].kind for x, y in zip(a, b, strict=True)]
    return {kind: kinds.count(kind) / len(kinds) for kind in ("faster", "slower", "same")}


def coverage_table(trials: int) -> str:
    """Return coverage over processes: of what is published, and of what is not."""
    methods: Mapping[str, Method] = {
        "Student, processes": hierarchical_interval,
        "hierarchical bootstrap": hierarchical_bootstrap,
        "all samples pooled": pooled,
    }
    sizes = (2, 3, 5, 7, 10)

    def cell(model: Model, method: Method, rounds: int) -> str:
        few = trials // 4 if method is hierarchical_bootstrap else trials
        return _percent(coverage(_drawn(model, few, rounds, 31)[0], method))

    rows = [
        (name, title, *(cell(model, method, rounds) for rounds in sizes))
        for name, model in MODELS.items()
        for title, method in methods.items()
    ]
    return _markdown(("times", "interval", *(f"R = {rounds}" for rounds in sizes)), rows)


def series_table(trials: int) -> str:
    """Return coverage within one process, of n samples."""
    models = {
        "independent": lognormal(0.01),
        "autocorrelated 0.5": autocorrelated(0.5),
        "autocorrelated 0.9": autocorrelated(0.9),
        "autocorrelated 0.9, white": autocorrelated(0.9, 0.01),
    }
    methods: Mapping[str, Method] = {
        "series": series_interval,
        "as if independent": median_interval,
    }
    sizes = (11, 31, 101, 301)
    rows = [
        (name, title, *(_percent(coverage(_drawn(model, trials, n)[0], method)) for n in sizes))
        for name, model in models.items()
        for title, method in methods.items()
    ]
    return _markdown(("one process", "interval", *(f"n = {n}" for n in sizes)), rows)


def ratio_table(trials: int) -> str:
    """Return coverage of paired ratios."""
    sizes = (1, 2, 3, 5, 7, 10)

    def cell(model: Model, rounds: int) -> str:
        pairs = np.swapaxes(_drawn(model, trials, rounds, 31), 0, 1)
        return _percent(coverage(pairs, lambda pair: paired_ratio(*pair)))

    rows = [(name, *(cell(model, n) for n in sizes)) for name, model in MODELS.items()]
    return _markdown(("ratios", *(f"R = {rounds}" for rounds in sizes)), rows)


def verdict_table(trials: int) -> str:
    """Return how often equal pairs are called faster / slower, and a slow-down is found."""
    designs = [(1, 31), (3, 31), (4, 31), (5, 11), (5, 31), (7, 11), (7, 31), (10, 31)]

    def cell(model: Model, rounds: int, samples: int) -> str:
        a, b = _drawn(model, trials, rounds, samples)
        equal, planted = rates(a, b), rates(SLOWER * a, b)
        parts = (equal["faster"], equal["slower"], planted["slower"])
        return " / ".join(_percent(part) for part in parts)

    rows = [(name, *(cell(model, *design) for design in designs)) for name, model in MODELS.items()]
    return _markdown(("verdicts", *(f"{r} × {n}" for r, n in designs)), rows)


def looks_table(trials: int) -> str:
    """Return how often a pair that does not differ is called different by any look.

    It is looked at after each round from the second; its rounds scatter by so much, the standard
    deviation of the log ratio of a round.
    """
    ends = (4, 7, 10, 15)

    def row(scatter: float) -> tuple[str, ...]:
        rng = np.random.default_rng(round(1000 * scatter))
        ratios = np.exp(scatter * rng.standard_normal((trials, ends[-1])))
        called = np.zeros((trials, ends[-1] + 1), bool)
        for rounds in range(2, ends[-1] + 1):
            pairs = [[[t] for t in pair[:rounds]] for pair in ratios]
            kinds = [verdicts([(pair, [[1.0]] * rounds)])[0].kind for pair in pairs]
            called[:, rounds] = [kind in ("faster", "slower") for kind in kinds]
        ever = np.logical_or.accumulate(called, axis=1).mean(axis=0)
        return f"{100 * scatter:g} %", *(_percent(ever[end]) for end in ends)

    rows = [row(scatter) for scatter in (0.01, 0.025, 0.05, 0.1, 0.3)]
    return _markdown(("rounds scatter by", *(f"{end} rounds" for end in ends)), rows)


def wandering_table(trials: int) -> str:
    """Return how often a single round that wanders is called different, or 10 times slower.

    Of pairs that do not differ: without the range, with it; of pairs with a factor of 10 likewise.
    """
    sizes = ((11, 1), (31, 1), (11, 30), (31, 30))

    def cell(model: Model, samples: int, among: int) -> str:
        a, b = _drawn(model, trials, 1, samples)
        found = []
        for factor in (1, 10):
            pairs = [([list(x)], [list(y)]) for x, y in zip(factor * a[:, 0], b[:, 0], strict=True)]
            for wanders in (inf, WANDERS):
                kinds = [verdicts([pair], among=among, wanders=wanders)[0].kind for pair in pairs]
                told = [kind in ("faster", "slower") for kind in kinds]
                found.append(_percent(float(np.mean(told))))
        return "{}, {} / {}, {}".format(*found)

    rows = [(name, *(cell(model, *size) for size in sizes)) for name, model in WANDERING.items()]
    heads = (f"1 × {n}" + (f", one of {among}" if among > 1 else "") for n, among in sizes)
    return _markdown(("one round", *heads), rows)


def _drawn(model: Model, *shape: int) -> Array:
    return np.exp(model(np.random.default_rng(shape), shape))


def _percent(rate: float) -> str:
    return f"{100 * rate:.1f}"


def _markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


TABLES = (coverage_table, series_table, ratio_table, verdict_table, looks_table, wandering_table)


def main(trials: int = 2000) -> None:
    """Print the tables, as Markdown."""
    for table in TABLES:
        print(table(trials), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
