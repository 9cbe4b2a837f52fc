"""The methods of a run in words, generated from its rows; nothing here is claimed by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from analysis.verdict import ROUNDS, SURE
from reports.data import roofline
from reports.data.blocks import Block
from reports.data.clocks import COLD, HOST, KERNELS, LAUNCH_BOUND
from reports.data.results import LEVEL, Result
from reports.data.run import Facts, Run
from reports.data.sets import ReportSet
from reports.data.table import Cell, Column, Table
from reports.data.text import NONE, count, listing, natural, power, quantity

CITED = ("conover1999", "schuirmann1987", "dunn1961")


def distinct(run: Run, name: str) -> list[str]:
    """Return the values that the rows of a run have in a column."""
    values = {str(row[name]) for row in run.rows if row.get(name) is not None}
    return sorted(values, key=natural)


def commits(run: Run) -> str:
    """Return the commits of the rows, shortened, and whether they had uncommitted changes."""
    dirty = {str(row.get("commit")) for row in run.rows if row.get("dirty")}
    return listing(
        f"{c[:12]}{' with uncommitted changes' if c in dirty else ''}"
        for c in distinct(run, "commit")
    )


def paragraphs(run: Run, results: Sequence[Result], blocks: Sequence[Block]) -> list[str]:
    """Return the methods, one paragraph for each subject."""
    found = (
        _what(run),
        _timing(results),
        _clocks(results),
        _ratios(blocks),
        _gate(results),
        _calibration(run),
    )
    return [p for p in found if p]


def _what(run: Run) -> str:
    profile = f" (profile {run.plan['profile']})" if run.plan.get("profile") else ""
    used = listing(versions(run.environments))
    text = f"Measured by equibench at commit {commits(run) or 'unknown'}{profile}"
    text += f", timing protocol {listing(distinct(run, 'protocol')) or 'unknown'}"
    text += f", with {used}." if used else "."
    frameworks = [f"{f} in mode {m}" for f, m in _pairs(run.rows, "framework", "mode")]
    if frameworks:
        text += f" Frameworks run as {listing(frameworks)}."
    return text


def _pairs(rows: Iterable[Mapping[str, Any]], a: str, b: str) -> list[tuple[str, str]]:
    return sorted({(str(row.get(a)), str(row.get(b))) for row in rows})


def versions(environments: Facts) -> list[str]:
    """Return the packages and their versions: `torch 2.13.0`."""
    found: dict[str, set[str]] = {}
    for facts in environments.values():
        packages = facts.get("packages")
        listed = {"Python": facts.get("python")}
        listed |= packages if isinstance(packages, Mapping) else {}
        for name, version in listed.items():
            if version and version != "not installed":
                found.setdefault(str(name), set()).add(str(version))
    return [f"{name} {' and '.join(sorted(versions))}" for name, versions in found.items()]


def _timing(results: Sequence[Result]) -> str:
    timed = [r for r in results if r.published]
    if not timed:
        return "No time of this run may be shown."
    samples = sorted({r.measures[r.clock.probe].n for r in timed})
    rounds = sorted({len(r.rounds) for r in timed})
    return (
        "A time is the median of the samples of a round, a fresh process, and over rounds the "
        f"geometric mean of these ({_range(samples, 'sample')} in {_range(rounds, 'round')}). Its "
        f"interval at {100 * LEVEL:g} % is Student's over the medians of "
        "rounds; with a single round it is the exact order-statistic interval, widened for "
        "samples that remember each other, and covers this process only. No sample is left out; "
        "of a time whose interval stayed wider than was asked for the precision reached is said. "
        "The clock is named "
        "with every time; a time of first call, build or pack is one reading a round. All "
        "implementations of one problem run in the same round on the same machine, on the same "
        f"inputs, and take turns.{_labelled(timed)}"
    )


def _clocks(results: Sequence[Result]) -> str:
    """Return which clock judges on a GPU; nothing for a run without one."""
    if not any(r.published and r.columns.get("device") == "cuda" for r in results):
        return ""
    return (
        f"On a GPU a time is judged on the device. Time on the device ({KERNELS.probe}) is the "
        "part of a call in which its kernels run, by the activity records of the driver (CUPTI), "
        "one clock for all frameworks; gaps in which the device waits for the host are not in it. "
        f"Time on the host ({HOST.probe}) is the wall time of a call with its launches, and stands "
        "beside it. A problem in which a published result lacks the first is judged by the second "
        "throughout, and says so: no ratio, rank or figure mixes two clocks. A case is "
        f"launch-bound (¶) where {HOST.probe} is more than {LAUNCH_BOUND:g} times {KERNELS.probe}: "
        "there the host cannot feed the device, and CUDA graphs or larger batches remove the "
        "difference. On the device samples are taken case by case, not in turn, and paired by "
        "their order."
    )


def _labelled(timed: Sequence[Result]) -> str:
    """Return which times a tier of the profile labels, and as what."""
    labels = sorted({str(label) for r in timed if (label := r.columns.get("tier.label"))})
    return "".join(
        f" Those of {count(sum(r.columns.get('tier.label') == label for r in timed), 'case')} are "
        f"{label}: one process measured each, once."
        for label in labels
    )


def _ratios(blocks: Sequence[Block]) -> str:
    labels = sorted({b.baseline.label for b in blocks if b.baseline})
    if not labels:
        return ""
    return (
        "A speed is the time of the baseline divided by the time of the implementation: how many "
        f"times as fast it is. The baseline is {' or '.join(labels)}, in the same problem, pass "
        "and run only. Samples taken in turn are paired. Faster or slower is said where the whole "
        "interval of the speed is beyond 2 %, with the least that it leaves (≥), the same where "
        "it is all within 2 %; else it can't be told. The interval is Student's on the log ratios "
        f"of rounds, at {100 * SURE:g} % for all rows of a table together, and all that they were "
        "chosen from by their times (Bonferroni), and for "
        f"looking again after more rounds. With fewer than {ROUNDS} rounds it is 5 % wider at both "
        "ends, for what processes may differ by, and what is found is found here, not replicated. "
        "A speed beside another operation (†) compares costs of different maps, not of one map."
    )


def _gate(results: Sequence[Result]) -> str:
    limits: dict[str, dict[float, set[str]]] = {"error": {}, "equivariance": {}}
    for r in results:
        for probe, m in r.measures.items():
            if m.limit is not None and probe.startswith(("error.", "equiv.")):
                kind = "error" if probe.startswith("error.") else "equivariance"
                where = f"{r.columns.get('dtype')} ({r.columns.get('precision')})"
                limits[kind].setdefault(float(m.limit), set()).add(where)
    stated = "; ".join(
        f"of {kind} "
        + listing(f"{power(t)} for {listing(sorted(w))}" for t, w in sorted(f.items()))
        for kind, f in limits.items()
        if f
    )
    text = (
        "A time is shown only when the result agrees with a float64 oracle and is equivariant "
        "under every subgroup that the operation claims, in the same run"
    )
    text += f". Relative tolerances: {stated}." if stated else "."
    return text + (
        " Symmetry that an operation does not claim is measured and shown in brackets, and hides "
        "nothing."
    )


def _calibration(run: Run) -> str:
    """Return how the instrument judged itself on this machine, or that it did not."""
    known = run.calibration
    if not known:
        return (
            "The instrument was not calibrated on this machine: `python -m bench calibrate` counts "
            "how often it calls equal things different."
        )
    same, planted, clock = known["same"], known["planted"], known["clock"]
    design = known["design"]
    warm = (
        f" On a GPU the bandwidth counts for calls that find nothing in its caches ({COLD}), and "
        f"for those of more than {quantity(roofline.CACHE, 'B')}: a warm call may be faster than "
        "the memory."
    )
    errors = listing(f"{float(s):g} s by {e:+.2%}" for s, e in clock["relative_error"].items())
    wrong = same["faster"] + same["slower"]
    return (
        f"The instrument was calibrated on this machine on {str(known['when'])[:10]} "
        f"({design['rounds']} rounds of {design['samples']} samples, margin "
        f"{100 * design['margin']:g} %, level {100 * design['level']:g} %): of "
        f"{same['pairs']} pairs that do not differ it called {wrong} different ("
        f"{same['faster']} faster, {same['slower']} slower); of {planted['pairs']} with a planted "
        "slow-down of "
        f"{100 * planted['share']:g} % it found {planted['slower']}. Calls of known length are "
        f"off: {errors}; a call of nothing is given as "
        f"{1e6 * clock['seconds_of_nothing']:.2g} µs. Of the time of a forward pass, the roofline "
        "is the share that the machine could not do without: the least arithmetic that is known to "
        "suffice (of the nonzero coefficients, or what XLA counts of an implementation of the "
        "same operation, if that is less) at the rate of large matrix products measured here, or "
        "inputs, weights and outputs once at the bandwidth of a large copy, whichever takes longer "
        "(what a cache holds may take less). It is given where threads and precision are those of "
        f"the calibration.{warm if known.get('device') == 'cuda' else ''}"
    )


def _range(values: Sequence[int], noun: str) -> str:
    if len(values) == 1:
        return count(values[0], noun)
    return f"{values[0]} to {count(values[-1], noun)}"


def probes_table(results: Sequence[Result], known: ReportSet) -> Table:
    """Return what each probe on the page means."""
    found: dict[str, str] = {}
    for r in results:
        for probe, m in r.measures.items():
            found.setdefault(probe, m.unit)
    rows = [
        [Cell(p, header=True), Cell(known.title(p)), Cell(unit), Cell(known.meaning(p))]
        for p, unit in sorted(found.items())
    ]
    columns = [Column("Probe"), Column("Called"), Column("Unit"), Column("Meaning")]
    return Table("probes", "What was measured, and by which clock or source", columns, rows)


def facts_tables(kind: str, facts: Facts) -> list[Table]:
    """Return one table for each machine or environment, whatever facts it has."""
    columns = [Column("Fact"), Column("Value")]
    return [
        Table(
            f"{kind}-{fingerprint}",
            f"{kind.capitalize()} {fingerprint}",
            columns,
            [[Cell(k, header=True), Cell(v)] for k, v in _flat(found)],
        )
        for fingerprint, found in sorted(facts.items())
    ]


def _flat(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    for name, value in facts.items():
        if isinstance(value, Mapping):
            inner = "; ".join(f"{k} {v}" for k, v in _flat(value))
            lines.append((str(name), inner or "none"))
        elif isinstance(value, list):
            lines.append((str(name), ", ".join(map(str, value)) or "none"))
        else:
            lines.append((str(name), NONE if value in (None, "") else str(value)))
    return lines


def kicker(run: Run) -> str:
    """Return which run this is, in one line."""
    days = sorted({t[:10] for t in distinct(run, "t0")})
    parts = ["equibench report"]
    if days:
        parts.append(" to ".join(dict.fromkeys([days[0], days[-1]])))
    if run.plan.get("profile"):
        parts.append(f"profile {run.plan['profile']}")
    parts += [f"protocol {p}" for p in distinct(run, "protocol")]
    return " · ".join(parts)


def banner(run: Run, results: Sequence[Result]) -> tuple[str, str]:
    """Return (kind of machine, sentence): nobody should mistake a CPU run for a GPU run."""
    devices = {str(r.columns.get("device")) for r in results if r.status != "skip"}
    cpus = sorted({str(f["cpu"]) for f in run.machines.values() if f.get("cpu")})
    gpus = sorted({str(g) for f in run.machines.values() for g in f.get("gpus") or []})
    on_cpu = listing(cpus) or "a processor that was not recorded"
    if not devices:
        return "No measurement", "Nothing was measured in this run."
    if devices == {"cpu"}:
        return "CPU only", f"All times are of {on_cpu}. They say nothing about GPUs."
    where = listing(gpus) or "a GPU that was not recorded"
    if "cpu" in devices:
        return "GPU and CPU", f"Times are of {where} and of {on_cpu}, never in one table."
    return "GPU", f"All times are of {where}."


def provenance(run: Run) -> list[tuple[str, str]]:
    """Return where the numbers come from, as (what, value)."""
    commands = run.plan.get("commands") or [run.plan]
    entered = [str(c["command"]) for c in commands if isinstance(c, Mapping) and c.get("command")]
    times = distinct(run, "t0")
    return [
        ("rows.jsonl, SHA-256", run.sha256),
        ("rows", str(run.lines)),
        ("command", "; ".join(dict.fromkeys(entered)) or NONE),
        ("commit", listing(distinct(run, "commit")) or NONE),
        ("uncommitted changes", listing(distinct(run, "dirty")) or NONE),
        ("runs", listing(distinct(run, "run")) or NONE),
        ("seeds of the problems", listing(distinct(run, "seed")) or NONE),
        ("protocol", listing(distinct(run, "protocol")) or NONE),
        ("started", " to ".join(dict.fromkeys([times[0], times[-1]])) if times else NONE),
    ]
