"""Coverage and failures: every case that was meant, and why it has no time."""

from __future__ import annotations

from reports.data.words import STATUSES
from reports.story import Content, Section, Story
from reports.tables import coverage

LISTED = 20
"""Cases that are listed under a reason."""


def _tell(story: Story) -> Content:
    return {
        "coverage": coverage.table(story.cases),
        "reasons": coverage.reasons(story.cases),
        "statuses": STATUSES,
        "most": LISTED,
    }


SECTION = Section(
    order=1100,
    anchor="cases",
    title="Coverage and failures",
    about="every case that was meant, and why it has no time",
    tell=_tell,
    html="""\
{{ table(coverage, csv) }}
{{ h3("Reasons") }}
{% for reason in reasons %}
<details class="reason">
<summary><span class="badge">{{ statuses[reason.status] }}</span> {{ reason.number }}{{ ": " ~ reason.reason if reason.reason }}</summary>
<p>{{ reason.implementations | join(", ") }}</p>
<ul class="ids">
{% for case in reason.cases[:most] %}
<li><code>{{ case }}</code></li>
{% endfor %}
{% if reason.cases | length > most %}
<li>and {{ reason.cases | length - most }} more, in the <a href="{{ csv["coverage"] }}">CSV file</a></li>
{% endif %}
</ul>
</details>
{% else %}
<p>Every case was measured and has a time.</p>
{% endfor %}
""",
)
