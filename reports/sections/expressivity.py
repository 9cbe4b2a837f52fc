"""Expressivity: measured on the running implementation, and derived."""

from __future__ import annotations

from reports.data import expressivity
from reports.story import Content, Section, Story


def _tell(story: Story) -> Content:
    return {"expressivity": expressivity.table(story.can, story.known, story.words)}


SECTION = Section(
    order=900,
    anchor="can",
    title="Expressivity",
    about="measured on the running code, and derived",
    tell=_tell,
    html="""\
{% if expressivity %}
<p>Measured on the running implementation, and derived from the coefficients of the operation; both must agree. The spectral gap is the ratio of the singular values on both sides of the rank: large means that the rank is not in doubt.</p>
{{ table(expressivity, csv, "numbers") }}
{% else %}
<p>No expressivity was measured in this run.</p>
{% endif %}
""",
)
