"""Text as LaTeX sets it."""

from __future__ import annotations

SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "_": r"\_", "%": r"\%", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "µ": r"\textmu{}", "–": "--", "×": r"$\times$",
    "≥": r"$\geq$", "\N{NARROW NO-BREAK SPACE}": r"\,", "\N{NO-BREAK SPACE}": "~",
}  # fmt: skip


def escaped(text: str) -> str:
    """Return text that LaTeX sets as it is: nothing in it is a command."""
    return "".join(SPECIAL.get(letter, letter) for letter in text)
