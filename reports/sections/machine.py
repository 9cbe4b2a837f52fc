"""Machine and environment, and what is known of its versions."""

from __future__ import annotations

from reports.story import Content, Section, Story
from reports.tables import methods, regressions


def _tell(story: Story) -> Content:
    return {
        "facts": [
            *methods.facts_tables("machine", story.run.machines),
            *methods.facts_tables("environment", story.run.environments),
        ],
        "regressions": regressions.table(story.slow) if story.slow else None,
    }


SECTION = Section(
    order=1120,
    anchor="machine",
    title="Machine and environment",
    about="the processor, the versions, and what is known to be slow in them",
    printed=True,
    tell=_tell,
    html="""\
<div class="beside">
{% for t in facts %}
<div>{{ table(t, csv, "facts") }}</div>
{% else %}
<p>No facts about machines or environments were kept with this run.</p>
{% endfor %}
</div>
{% if regressions %}
{{ h3("Known regressions of compilers") }}
<p>The versions of this run are known to compile some of what is measured into slow code. A time that one of these explains is the compiler's, not the algorithm's.</p>
{{ table(regressions, csv, "cards prose") }}
{% endif %}
""",
)
