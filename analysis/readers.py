"""What rows of a store say of a question to the analysis: one record for each line of its answer.

A reader takes the rows of one case, as mappings with `probe`, `value` and `detail`, and yields
records. A record disagrees when `passed` is False or what is measured differs from `expected`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Rows = Sequence[Mapping[str, Any]]
Record = dict[str, Any]


def expressivity(rows: Rows) -> Iterator[Record]:
    """Yield what is reached, its span and the full space."""
    found = _by_probe(rows)
    if "expressivity.dim" in found and "expressivity.span" in found:
        dim, span = found["expressivity.dim"], found["expressivity.span"]
        yield {
            "dim": int(dim["value"]),
            "span": int(span["value"]),
            "full": dim["detail"]["full"],
            "expected_dim": dim["detail"]["expected"],
            "expected_span": span["detail"]["expected"],
            "gap": dim["detail"]["gap"],
            "verdict": dim["detail"]["verdict"],
            "passed": dim["detail"]["passed"] and span["detail"]["passed"],
        }


def outputs(rows: Rows) -> Iterator[Record]:
    """Yield the same for the whole output, each parity and each irrep alone."""
    found = _by_probe(rows)
    if "expressivity.dim" in found:
        detail = found["expressivity.dim"]["detail"]
        for part in detail["outputs"]:
            yield {**part, "passed": detail["passed"]}


def channels(rows: Rows, most: int) -> Iterator[Record]:
    """Yield the dimension of 1, 2, ..., `most` parallel channels.

    `selected` is what the selection rules alone give, `saturation` the channels that reach the
    linear span, and `complete` those that reach all equivariant maps: none where the span is less.
    """
    found = _by_probe(rows)
    if "expressivity.channels" not in found:
        return
    row = found["expressivity.channels"]
    detail = row["detail"]
    for number in range(1, most + 1):
        dims, expected, selected = (
            detail[name][min(number, len(detail[name])) - 1]
            for name in ("dimensions", "expected_dimensions", "selected")
        )
        yield {
            "channels": number,
            "dim": dims,
            "expected_dim": expected,
            "selected": selected,
            "span": detail["span"],
            "full": detail["full"],
            "saturation": None if row["value"] is None else int(row["value"]),
            "complete": detail["complete"],
            "gap": detail["gap"],
            "verdict": detail["verdict"],
            "passed": detail["passed"],
        }


def interactability(rows: Rows) -> Iterator[Record]:
    """Yield each triple that the group allows."""
    names = ("antisymmetric", "accidental_zero", "dynamic_range", "antisymmetric_share")
    for row in rows:
        if row["probe"] == "interactability":
            detail = row["detail"]
            yield {
                **{name: detail[name] for name in ("l1", "l2", "l3")},
                "coefficient": row["value"],
                "interactable": detail["interactable"],
                "expected": detail["expected"],
                **{name: detail[name] for name in names},
            }


def homs(rows: Rows) -> Iterator[Record]:
    """Yield the dimension that weights span, and that of all equivariant maps."""
    found = _by_probe(rows)
    if "homs.spanned" in found and found["homs.spanned"]["value"] is not None:
        row = found["homs.spanned"]
        names = ("full", "draws", "defect", "gap", "verdict", "passed")
        yield {
            "spanned": int(row["value"]),
            **{name: row["detail"].get(name) for name in names},
        }


def convolution(rows: Rows) -> Iterator[Record]:
    """Yield what the maps along one edge reach, of how many, and what kind of weights does it."""
    found = _by_probe(rows)
    if "convolution.rank" in found and found["convolution.rank"]["value"] is not None:
        row = found["convolution.rank"]
        names = ("followed", "full", "stabiliser", "weights", "kind", "mixes", "defect", "gap",
                 "verdict", "passed")  # fmt: skip
        yield {"rank": int(row["value"]), **{name: row["detail"][name] for name in names}}


def equivariance(rows: Rows) -> Iterator[Record]:
    """Yield the guards, then the error over each subgroup and along each generator."""
    for row in _of(rows, "symmetry."):
        detail, guard = row["detail"], row["probe"].startswith("symmetry.guard.")
        kind = "guard" if guard else "generator" if "generator" in detail else "elements"
        yield {
            "kind": kind,
            "subgroup": detail.get("subgroup", ""),
            "name": row["probe"].rpartition(".")[2] if guard else detail.get("generator", ""),
            **{name: detail.get(name, row["value"]) for name in ("mean", "p95", "max")},
            **{name: detail.get(name) for name in ("claimed", "passed")},
            **_reason(row),
        }


def accuracy(rows: Rows) -> Iterator[Record]:
    """Yield the error and the digits lost at each magnitude of the inputs."""
    names = ("digits_lost", "worst", "worst_error", "passed")
    for row in _of(rows, "accuracy."):
        detail = row["detail"]
        yield {
            "magnitude": detail["magnitude"],
            "error": row["value"],
            **{name: detail[name] for name in names},
            **_reason(row),
        }


def discrimination(rows: Rows) -> Iterator[Record]:
    """Yield each pair of environments: its control and distance, and what is derived."""
    for row in _of(rows, "discrimination."):
        detail = row["detail"]
        yield {
            **{name: detail[name] for name in ("pair", "order", "control")},
            "distance": row["value"],
            "distinguishes": detail["distinguishes"],
            "derived": detail["expected"],
            "passed": detail["passed"],
            **_reason(row),
        }


def nero(rows: Rows) -> Iterator[Record]:
    """Yield each element of each orbit: its coordinates and its error."""
    for row in _of(rows, "nero."):
        detail = row["detail"]
        for number, error in enumerate(detail["errors"]):
            yield {
                **{name: detail[name] for name in ("subgroup", "reference")},
                **{name: values[number] for name, values in detail["coordinates"].items()},
                "error": error,
            }


def universality(rows: Rows) -> Iterator[Record]:
    """Yield the fit of each degree and irrep."""
    names = ("rank", "full", "universal", "seconds", "passed")
    for row in _of(rows, "universality."):
        detail = row["detail"]
        yield {
            **{name: detail[name] for name in ("irrep", "degree")},
            "error": row["value"],
            **{name: detail[name] for name in names},
            **_reason(row),
        }


def knobs(rows: Rows) -> Iterator[Record]:
    """Yield the error at each value of the knob of each claim, and the verdict on the claim."""
    for row in _of(rows, "by_knob."):
        detail = row["detail"]
        for value, error in zip(detail["values"], detail["errors"], strict=True):
            yield {
                **{name: detail[name] for name in ("subgroup", "knob")},
                "value": value,
                "error": error,
                "passed": detail.get("passed"),
                **_reason(row),
            }


def _of(rows: Rows, prefix: str) -> Iterator[Mapping[str, Any]]:
    return (row for row in rows if row["probe"].startswith(prefix))


def _reason(row: Mapping[str, Any]) -> Record:
    return {"reason": row["detail"]["problem"]} if "problem" in row["detail"] else {}


def _by_probe(rows: Rows) -> dict[str, Mapping[str, Any]]:
    return {row["probe"]: row for row in rows}
