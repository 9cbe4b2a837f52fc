"""What may be concluded from a run: sentences that rules make of rows, or withhold."""

from __future__ import annotations

from reports.conclusions.question import Question as Question
from reports.conclusions.question import Sentence as Sentence
from reports.conclusions.rules import RULES as RULES
from reports.conclusions.rules import conclude as conclude
