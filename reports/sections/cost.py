"""Cost of expressivity: what one dimension costs, and what is not dominated."""

from __future__ import annotations

from reports.figures import front
from reports.story import FRONTS, Content, Section, Story
from reports.tables import price, trade


def _tell(story: Story) -> Content:
    main = story.question and story.question.main
    others = [series for series in story.series if series is not main]
    fronts = front.figures(others, story.can, story.words)
    return {
        "fronts": [
            (figure, story.keep(figure.name, figure.alt, front.draw(figure, story.look)))
            for figure in fronts[:FRONTS]
        ],
        "left_out": max(0, len(fronts) - FRONTS),
        "trade": trade.table(story.blocks, story.can, story.words),
        "price": price.table(story.blocks, story.can, story.known, story.words),
        "ratio_figures": [drawn for drawn in story.charts if drawn.figure.ratio],
    }


SECTION = Section(
    order=700,
    anchor="cost",
    title="Cost of expressivity",
    about="what a dimension of expressivity costs, and what is not dominated",
    tell=_tell,
    html="""\
<p>What one dimension of expressivity costs: time, memory, arithmetic and, where it was measured, energy, divided by the dimension of what the operation can express in the same problem.</p>
{% for drawing, svg in fronts %}
{{ h3(drawing.title) }}
<figure id="figure-{{ drawing.name }}">
{{ svg }}
<figcaption>{{ drawing.caption }}
<a href="figures/{{ drawing.name }}.svg">SVG</a> <a href="figures/{{ drawing.name }}.pdf">PDF</a>
</figcaption>
</figure>
{% endfor %}
{% if left_out %}
<p>{{ left_out }} more problems are not drawn: who is not dominated in them stands in the table.</p>
{% endif %}
{{ table(trade, csv) if trade.rows }}
{{ table(price, csv) if price.rows }}
{% for d in ratio_figures if d.svg %}
{{ h3(d.figure.title) }}
{{ figure(d, csv, true) }}
{% else %}
<p>Not available: it needs published times and measured expressivity of the same problem.</p>
{% endfor %}
{{ undrawn(ratio_figures | rejectattr("svg") | list, csv) }}
""",
)
