"""Drawings inside the page: its colours, its fonts, no style that a strict policy would refuse."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from reports.figures.plot import INK, PAPER, RULE
from reports.figures.style import GREY, PALETTE

LEAST_TEXT = 11.0
"""Height [px] of the smallest text of a drawing on the page, whatever the window."""
VARIABLES = {
    INK: "var(--ink)",
    RULE: "var(--rule)",
    PAPER: "var(--paper)",
    GREY: "var(--muted)",
} | {light: f"var(--series-{i})" for i, (light, _) in enumerate(PALETTE)}
COLOURS = re.compile("|".join(VARIABLES), re.IGNORECASE)
TAG = re.compile(r"<[^>]*>")
EMPTY_GROUP = re.compile(r"<g>\s*</g>")
ONLY_CHILD = re.compile(r"<g>(<(?:use|path)\b[^>]*/>|<text\b[^>]*>[^<]*</text>)</g>")
"""A group of one element that says nothing of it: matplotlib makes three for each tick."""
UNTURNED = re.compile(r' transform="rotate\(-?0 [^"]*\)"')


def inline(panels: Sequence[str], name: str, alt: str) -> str:
    """Return the panels of a drawing for the page, in a row as far as the window is wide.

    To a reader who does not see them they are one picture, told by `alt`. Ids become unique,
    colours follow the theme of the page, and styles are attributes: a policy that knows the style
    sheets of a page by their hashes allows no other.
    """
    shown = (_panel(svg, f"{name}-{i}--") for i, svg in enumerate(panels))
    return f'<div class="panels" role="img" aria-label="{_escape(alt)}">{"".join(shown)}</div>'


def _panel(svg: str, prefix: str) -> str:
    body = svg[svg.index("<svg") :]
    body = re.sub(r"\s*<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"\s*<defs>\s*<style.*?</style>\s*</defs>", "", body, count=1, flags=re.DOTALL)
    head, rest = body.split(">", 1)
    start = (
        '<svg xmlns="http://www.w3.org/2000/svg" '
        f'{_size(head, rest)}stroke-linejoin="round" aria-hidden="true" class="figure">'
    )
    return start + _adapted(rest, prefix)


def _size(head: str, body: str) -> str:
    """Return the attributes of the size at which the smallest text has LEAST_TEXT."""
    box = re.search(r'viewBox="\S+ \S+ (\S+) (\S+)"', head)
    if box is None:
        return ""
    texts = [float(size) for size in re.findall(r"font-size: ([\d.]+)px", body)]
    scale = LEAST_TEXT / min(texts, default=LEAST_TEXT)
    width, height = (math.ceil(float(side) * scale) for side in box.groups())
    return f'{box.group(0)} width="{width}" height="{height}" '


def _adapted(body: str, prefix: str) -> str:
    """Change tags only: text is left as it is."""
    kept = set(re.findall(r'(?:xlink:href="#|url\(#)([^")]+)', body))

    def tag(match: re.Match[str]) -> str:
        text = re.sub(r'(xlink:href="#|url\(#)', rf"\g<1>{prefix}", match.group(0))
        text = re.sub(
            r' id="([^"]*)"', lambda m: f' id="{prefix}{m[1]}"' if m[1] in kept else "", text
        )
        text = re.sub(r' style="([^"]*)"', lambda m: _attributes(m[1]), text)
        text = text.replace("xlink:href=", "href=")
        text = re.sub(r"(\d\.\d\d)\d+", r"\1", UNTURNED.sub("", text)).replace("\n", "")
        return COLOURS.sub(lambda m: VARIABLES[m.group(0).lower()], text)

    body = EMPTY_GROUP.sub("", re.sub(r">\s*\n\s*<", "><", TAG.sub(tag, body)))
    while (less := ONLY_CHILD.sub(r"\1", body)) != body:
        body = less
    return body


def _attributes(style: str) -> str:
    pairs = (part.partition(":") for part in style.split(";"))
    found = ((name.strip(), value.strip().replace("'", "")) for name, _, value in pairs)
    return "".join(f' {name}="{value}"' for name, value in found if value and name != "font-family")


def _escape(text: str) -> str:
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(character, entity)
    return text
