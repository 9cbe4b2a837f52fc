"""Which clock is the better one on a CPU, where a call is done when it returns?

    python tools/clock_study.py                   # a quarter of an hour at most, on a quiet machine
    python tools/clock_study.py --rounds 2        # a glance

Of the same bursts, T(n) and T(2n), three estimates of the time of a call: `burst` T(n)/n, `long
burst` T(2n)/2n and `slope` (T(2n) - T(n))/n. In each of some rounds, a fresh process for each
framework, samples of each case are taken one after another; the even ones against the odd ones are
a pair that does not differ, and with the even ones made longer by a tenth, one that does. What is
off by a factor of two from the median of its process is counted, and left out of all else in the
table, which goes into docs/statistics.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from analysis.verdict import verdicts  # noqa: E402

FRAMEWORKS = ("torch", "jax")
NAMES = ("clebsch_gordan.{}_dense", "gaunt.{}_grid", "gaunt.{}_lebedev", "matrix.{}_dense")
SIZES = ((1, 100), (2, 1000), (3, 1000))
PAIRS = 11
PLANTED = 1.1


def bursts(framework: str) -> dict[str, list[list[float]]]:
    """Return, for each case of a framework, the seconds of T(n), T(2n) and n of each sample."""
    from bench.drive.alone import clock, opened
    from bench.record.case import Case
    from impls.families.product import problem
    from impls.implementation import MODES, Target
    from impls.registry import load

    registry, found = load(), {}
    mode = MODES[framework][0]
    for name in (name.format(framework) for name in NAMES):
        for lmax, batch in SIZES:
            asked = problem("mimo", lmax, "o3", batch=batch)
            timed = clock(opened(Case(asked, name, "fwd", mode, Target()), registry))
            samples = []
            for _ in range(2 * PAIRS):
                timed.begin()  # other places, and a burst that is not timed
                once, twice = timed.burst(timed.number), timed.burst(2 * timed.number)
                samples.append([once, twice, float(timed.number)])
            found[f"{name}, L = {lmax}, batch {batch}"] = samples
    return found


def estimates(samples: Sequence[Sequence[float]]) -> dict[str, np.ndarray]:
    """Return the seconds of a call by each estimate, for each sample."""
    once, twice, n = np.array(samples).T
    return {"burst": once / n, "long burst": twice / (2 * n), "slope": (twice - once) / n}


def table(rounds: Sequence[dict[str, list[list[float]]]]) -> str:
    """Return what the estimates are worth, as Markdown."""
    lines = [
        "| estimate | scatter within a process | of rounds | no time, or off by 2 | "
        "equal pairs: faster, slower | same | 10 % found |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in ("burst", "long burst", "slope"):
        within, between, lost, taken = [], [], 0, 0
        equal, planted = [], []
        for case in rounds[0]:
            a, b = [], []
            for one in rounds:
                x = estimates(one[case])[name]
                sound = (x > np.median(x) / 2) & (x < 2 * np.median(x))
                lost, taken = lost + int(np.count_nonzero(~sound)), taken + len(x)
                both = sound[::2] & sound[1::2]
                if not np.any(both):
                    continue
                a.append(list(x[::2][both]))
                b.append(list(x[1::2][both]))
                q = np.quantile(np.log(x[sound]), [0.25, 0.75])
                within.append((q[1] - q[0]) / 1.349)
            d = [np.median(np.log(p) - np.log(q)) for p, q in zip(a, b, strict=True)]
            between.append(np.std(d, ddof=1))
            equal.append(verdicts([(a, b)])[0].kind)
            planted.append(verdicts([([[PLANTED * t for t in p] for p in a], b)])[0].kind)
        n = len(equal)
        lines.append(
            f"| {name} | {np.median(within):.1%} | {np.median(between):.1%} | {lost} of {taken} | "
            f"{equal.count('faster')}, {equal.count('slower')} of {n} | {equal.count('same')} | "
            f"{planted.count('slower')} of {n} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7, help="fresh processes (7)")
    parser.add_argument("--framework", choices=FRAMEWORKS, help="internal: one process of a round")
    arguments = parser.parse_args()
    if arguments.framework:
        print(json.dumps(bursts(arguments.framework)))
        return
    rounds = []
    for number in range(arguments.rounds):
        found: dict[str, list[list[float]]] = {}
        for framework in FRAMEWORKS:
            command = [sys.executable, __file__, "--framework", framework]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found |= json.loads(done.stdout.splitlines()[-1])
        rounds.append(found)
        print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
    print(table(rounds))


if __name__ == "__main__":
    main()
