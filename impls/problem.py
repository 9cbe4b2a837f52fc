"""A Problem: what is asked, as pure data. It names no operation and no framework."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

Scalar = str | int | float | bool
Size = Scalar | tuple[Scalar, ...]

BYTES = {"float64": 8, "float32": 4, "bfloat16": 2}
"""The data types, with the bytes of one number."""
DTYPES = tuple(BYTES)


@dataclass(frozen=True)
class Refusal:
    """Why something is not done, and what the user can do about it."""

    reason: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.reason} ({self.remedy})" if self.remedy else self.reason


@dataclass(frozen=True)
class Problem:
    """A question: a family of inputs, its sizes, the data type, the data generator and a seed.

    `sizes` is checked by the family. `data` names one of the family's generators. Two equal
    problems draw equal arrays in every framework. `knobs` are values of an operation's knobs: they
    belong to the answer, so that a question has none, and an operation sees it `at` some.

    Raises:
        ValueError: for an unknown dtype, a negative seed or a size that is not a plain scalar.
    """

    family: str
    sizes: Mapping[str, Size]
    dtype: str = "float32"
    data: str = "normal"
    seed: int = 0
    knobs: Mapping[str, Scalar] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Freeze the sizes and check what every family shares."""
        if self.dtype not in DTYPES:
            raise ValueError(f"unknown dtype {self.dtype!r}: choose one of {', '.join(DTYPES)}")
        if not isinstance(self.seed, int) or self.seed < 0:
            raise ValueError(f"seed must be an integer >= 0, not {self.seed!r}")
        sizes = {name: tuple(v) if isinstance(v, list) else v for name, v in self.sizes.items()}
        for name, value in sizes.items():
            for item in value if isinstance(value, tuple) else (value,):
                if not isinstance(item, str | int | float | bool):
                    raise ValueError(f"size {name}={value!r} must be a string, number or boolean")
        object.__setattr__(self, "sizes", MappingProxyType(dict(sorted(sizes.items()))))
        object.__setattr__(self, "knobs", MappingProxyType(dict(sorted(self.knobs.items()))))

    def __hash__(self) -> int:
        """Hash by content, like equality; worked out when it is first asked for."""
        if "_hash" not in self.__dict__:
            content = json.dumps(self.to_json(), sort_keys=True)
            object.__setattr__(self, "_hash", hash(content))
        return int(self.__dict__["_hash"])

    def __reduce__(self) -> Any:
        """Pickle as plain data (a mapping proxy has no pickle of its own)."""
        plain = dict(self.sizes), self.dtype, self.data, self.seed, dict(self.knobs)
        return Problem, (self.family, *plain)

    def with_sizes(self, **sizes: Size) -> Problem:
        """Return the same problem with some sizes replaced."""
        return replace(self, sizes={**self.sizes, **sizes})

    def at(self, **knobs: Scalar) -> Problem:
        """Return the same problem as an operation sees it, with values of its knobs."""
        return replace(self, knobs={**self.knobs, **knobs})

    @property
    def question(self) -> Problem:
        """Return the problem without knobs."""
        return replace(self, knobs={}) if self.knobs else self

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data; `Problem.from_json` is its inverse."""
        sizes = {k: list(v) if isinstance(v, tuple) else v for k, v in self.sizes.items()}
        plain = {
            "family": self.family,
            "sizes": sizes,
            "dtype": self.dtype,
            "data": self.data,
            "seed": self.seed,
        }
        return plain | ({"knobs": dict(self.knobs)} if self.knobs else {})

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Problem:
        """Rebuild a problem from `to_json`'s output."""
        plain = data["family"], data["sizes"], data["dtype"], data["data"], data["seed"]
        return cls(*plain, data.get("knobs", {}))
