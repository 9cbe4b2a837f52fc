"""How it is measured: cases, clocks, probes, workers, rows.

From Python: `measure` a question, `check` an implementation, `load` what a run has written. Each
returns a pandas frame. `python -m bench` does the same from a shell, and more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check", "load", "measure"]


def load(directory: str | Path) -> pd.DataFrame:
    """Return the rows of a run directory, the latest of each case: a row for each quantity.

    Times are rows with `probe` "time.host" [s], each with `value`, `lo` and `hi`; `status` says
    whether a row is ok, and the row with probe "case" how its case ended.

    Raises:
        ValueError: when the directory holds no rows, or rows that cannot be read.
    """
    from bench.record import rows

    return rows.frame(rows.load(Path(directory)))


def measure(
    family: str,
    *,
    operations: Iterable[str] = (),
    implementations: Iterable[str] = (),
    knobs: Mapping[str, Any] | None = None,
    passes: Iterable[str] = (),
    rounds: int | None = None,
    device: str | None = None,
    out: str | Path | None = None,
    files: Iterable[str | Path] = (),
    **options: Any,
) -> pd.DataFrame:
    """Measure a question and return its rows, as `load` does.

    The question is a family with its options, a value or a list of values each: `measure("product",
    irreps_in1="0e+1o+2e", channels=[16, 64])`. `operations` and `implementations` are globs of who
    answers, all that do by default. `files` hold declarations of one's own. With `out`, a
    directory, the rows stay there, and what is finished in it is not measured again.

    Raises:
        ValueError: for an unknown family, option, operation, implementation or knob, a value that
            the family refuses, or when nothing answers.
    """
    from contextlib import ExitStack
    from tempfile import TemporaryDirectory

    from bench.ask.narrowing import narrowed
    from bench.ask.plan import plan
    from bench.ask.reading import asked
    from bench.drive.run import execute
    from bench.record.gpu import device_of
    from impls.implementation import Target
    from impls.registry import load as load_registry

    named = [str(file) for file in files]
    registry = load_registry(named)
    profile = narrowed(
        asked(registry, family, {name: _values(value) for name, value in options.items()}),
        registry,
        operations=list(operations),
        implementations=list(implementations),
        knobs={name: _values(value) for name, value in (knobs or {}).items()},
        passes=list(passes),
        rounds=rounds,
    )
    meant = plan(profile, Target(device=device_of(device)), registry)
    with ExitStack() as stack:
        scratch = out or stack.enter_context(TemporaryDirectory(prefix="equibench-measure-"))
        execute(meant, registry, Path(scratch), files=named, command="bench.measuring")
        return load(scratch)


def check(name: str | Path, *, device: str = "cpu", nonce: int | None = None) -> pd.DataFrame:
    """Check an implementation, all of an operation, or those of a file; return a row for each case.

    `passed` says whether it agreed with the float64 oracle, in value and gradients, and had the
    symmetry that its operation claims; the other columns are the errors. What judges a case is
    drawn from a number, which a case that failed has as its `nonce`: with it the same is drawn.

    Raises:
        ValueError: when nothing has that name, the file declares no implementation, the GPU is
            asked for and no framework sees one, or the nonce is below 0.
    """
    import pandas as pd

    from bench.ask.reading import load as load_profile
    from bench.commands import check as command
    from bench.drive.run import Events
    from bench.record.gpu import device_of
    from impls.implementation import Target
    from impls.registry import load as load_registry

    if nonce is not None and nonce < 0:
        raise ValueError(f"nonce must be a number from 0 on, as a row has it, not {nonce}")
    file = str(name) if str(name).endswith(".py") else None
    files = [file] if file else []
    registry = load_registry(files)
    meant = command.named(str(name), registry, file)
    target = Target(device=device_of(device))
    found = command.check(meant, registry, target, files, Events(), load_profile("check"), nonce)
    return pd.DataFrame.from_records(found)


def _values(value: Any) -> tuple[Any, ...]:
    """Return a value, or each of a list, as a sweep."""
    return tuple(value) if isinstance(value, list | tuple) else (value,)
