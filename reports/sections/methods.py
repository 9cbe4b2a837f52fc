"""Methods: how it was measured, and by which clock or source."""

from __future__ import annotations

from reports.story import Content, Section, Story
from reports.tables import methods


def _tell(story: Story) -> Content:
    return {
        "paragraphs": methods.paragraphs(story.run, story.results, story.blocks),
        "statistics": [story.references[key] for key in methods.CITED],
        "probes": methods.probes_table(story.results, story.known),
    }


SECTION = Section(
    order=1110,
    anchor="methods",
    title="Methods",
    about="how it was measured and judged, by which clock",
    printed=True,
    tell=_tell,
    html="""\
{% for paragraph in paragraphs %}
<p>{{ paragraph }}</p>
{% endfor %}
<p>Statistics after {% for r in statistics %}{{ " and " if not loop.first }}<a href="#{{ anchor(r.key) }}">{{ r.short }}</a>{% endfor %}.</p>
{{ table(probes, csv, "cards prose") }}
""",
)
