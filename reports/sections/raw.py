"""Raw data: the file of rows that all numbers come from."""

from __future__ import annotations

from reports.story import Content, Section, Story
from reports.tables import methods


def _tell(story: Story) -> Content:
    return {"provenance": methods.provenance(story.run), "superseded": story.summary[1]}


SECTION = Section(
    order=1200,
    anchor="raw",
    title="Raw data",
    about="rows, commits, commands: where the numbers come from",
    printed=True,
    tell=_tell,
    html="""\
<p>All numbers of this page come from one file of rows; each row has its samples, status and provenance. The tables are beside this page as CSV in SI units at full precision, the figures as SVG and PDF.</p>
<dl class="facts">
{% for name, value in provenance %}
<dt>{{ name }}</dt><dd><code>{{ value }}</code></dd>
{% endfor %}
{% if superseded %}
<dt>measured again</dt><dd>{{ superseded }} cases were measured again after their code changed; the last one counts.</dd>
{% endif %}
</dl>
""",
)
