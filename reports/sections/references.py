"""References of what is on the page."""

from __future__ import annotations

from reports.story import Content, Section, Story


def _tell(story: Story) -> Content:
    return {"references": story.cited}


SECTION = Section(
    order=1400,
    anchor="references",
    title="References",
    about="the papers of what is on this page",
    tell=_tell,
    html="""\
<ul class="references">
{% for r in references %}
<li id="{{ anchor(r.key) }}">{{ r.authors }}. {{ r.fields.title }}.{% if r.venue %} {{ r.venue }},{% endif %} {{ r.fields.year }}.{% if r.url %} <a href="{{ r.url }}">{{ r.url | replace("https://", "") }}</a>{% endif %}</li>
{% endfor %}
</ul>
""",
)
