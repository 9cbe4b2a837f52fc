"""Glossary: what the words of the page mean."""

from __future__ import annotations

from reports.data.glossary import terms
from reports.data.words import STATUSES
from reports.story import Content, Section, Story


def _tell(story: Story) -> Content:
    used = {r.status for r in story.results}
    return {
        "terms": terms(),
        "statuses": [(name, words) for name, words in STATUSES.items() if name in used],
    }


SECTION = Section(
    order=1130,
    anchor="glossary",
    title="Glossary",
    about="what the words of this page mean",
    tell=_tell,
    html="""\
<dl class="facts">
{% for term in terms %}
<dt id="term-{{ term.name | lower | replace(" ", "-") | replace("'", "") }}">{{ term.name }}</dt><dd>{{ term.means }}</dd>
{% endfor %}
{% for name, meaning in statuses %}
<dt>status <code>{{ name }}</code></dt><dd>{{ meaning }}</dd>
{% endfor %}
</dl>
<p>What each quantity is, and by which clock or source, stands under <a href="#probes">Methods</a>.</p>
""",
)
