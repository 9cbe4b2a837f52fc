"""Figures: the line charts of the report sets."""

from __future__ import annotations

from reports.story import Content, Section, Story


def _tell(story: Story) -> Content:
    return {"figures": [drawn for drawn in story.charts if not drawn.figure.ratio]}


SECTION = Section(
    order=600,
    anchor="figures",
    title="Figures",
    about="time against size",
    tell=_tell,
    html="""\
<p>An implementation looks the same in all figures: colour is its operation, the line its framework (solid PyTorch, dashed JAX, dotted NumPy), the marker its own.</p>
{% for d in figures if d.svg %}
{{ h3(d.figure.title) }}
{{ figure(d, csv, false) }}
{% else %}
<p>No figure of the report sets selects a published result of this run.</p>
{% endfor %}
{{ undrawn(figures | rejectattr("svg") | list, csv) }}
""",
)
