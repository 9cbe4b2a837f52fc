"""What to conclude: the answer first, the figure and the table that it rests on."""

from __future__ import annotations

from reports.conclusions import conclude
from reports.figures import front, pgf
from reports.story import Content, Section, Story
from reports.tables import front as table


def _tell(story: Story) -> Content:
    question = story.question
    if question is None:
        nothing = dict.fromkeys(("asked", "drawing", "svg", "front"))
        return {"decided": [], "withheld": [], **nothing}
    decided, withheld = conclude(question)
    drawing = front.figure_of(question.main, story.can, story.words, "front")
    drawn = drawing and story.keep(
        drawing.name,
        drawing.alt,
        front.draw(drawing, story.look),
        pgf.scatter(drawing, story.look),
    )
    return {
        "asked": question.asked,
        "decided": decided,
        "withheld": withheld,
        "drawing": drawing,
        "svg": drawn,
        "front": table.table(question.main, story.can, story.registry),
    }


SECTION = Section(
    order=0,
    anchor="conclusions",
    title="What to conclude",
    open=True,
    tell=_tell,
    html="""\
{% macro said(s) %}
<li><strong>{{ s.lead }}{{ "" if s.lead.endswith("?") else ":" }}</strong> {{ explained(unbroken(s.text)) }}
{% if s.command %}
<code>{{ s.command }}</code>
{% endif %}
<span class="rule">{{ "rows " if s.evidence }}{% for anchor in s.evidence %}<a href="#{{ anchor }}">{{ loop.index }}</a>{{ ", " if not loop.last }}{% endfor %}
{%- if s.evidence %}; {% endif %}rule {{ s.rule }}</span></li>
{% endmacro %}
{% if asked %}
<p>{{ explained(unbroken(asked)) }}</p>
{% endif %}
{% if decided %}
<ol class="conclusions">
{% for s in decided %}
{{ said(s) }}
{%- endfor %}
</ol>
{% endif %}
{% if withheld %}
<ul class="withheld">
{% for s in withheld %}
{{ said(s) }}
{%- endfor %}
</ul>
{% endif %}
{% if not decided and not withheld %}
<p>Nothing can be concluded: this run has no time that was judged right.</p>
{% endif %}
{% if drawing %}
<figure id="figure-{{ drawing.name }}">
{{ svg }}
<figcaption>{{ explained(unbroken(drawing.caption)) }}
<a href="figures/{{ drawing.name }}.svg">SVG</a> <a href="figures/{{ drawing.name }}.pdf">PDF</a> <a href="figures/{{ drawing.name }}.tex">TeX</a>
</figcaption>
</figure>
{% endif %}
{{ table(front, csv, "cards front") if front }}
""",
)
