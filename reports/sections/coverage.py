"""Coverage and failures: every case that was meant, and why it has no time."""

from __future__ import annotations

from reports.story import Content, Section, Story
from reports.tables import coverage


def _tell(story: Story) -> Content:
    return {
        "coverage": coverage.matrix(story.cases),
        "reasons": coverage.reasons(story.cases),
    }


SECTION = Section(
    order=1100,
    anchor="cases",
    title="Coverage and failures",
    tell=_tell,
    html="""\
{{ table(coverage, csv, "matrix") }}
<h3>Reasons</h3>
{% for reason in reasons %}
<details class="reason">
<summary><span class="badge">{{ reason.status }}</span> {{ reason.number }}: {{ reason.reason }}</summary>
<p>{{ reason.implementations | join(", ") }}</p>
<ul class="ids">
{% for case in reason.cases %}
<li><code>{{ case }}</code></li>
{% endfor %}
</ul>
</details>
{% else %}
<p>Every case was measured and has a time.</p>
{% endfor %}
""",
)
