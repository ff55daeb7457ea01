"""Whether an answer is right, and whether it is right for the reasons that its text gives.

The answer is compared with the reference where there is one, else with what the question's own
trace gives on the model's boxes. A chain is right where every statement that can be calculated
again is what its numbers give and what the boxes give. Blame falls on the first of these that is
wrong in a wrong answer:

* format: there is no answer, or nothing in the text can be calculated again;
* grounding: an object of the question was not found;
* program: the text quotes other objects than the question's, or in another order where that
  counts;
* arithmetic: a quotation or a calculation is wrong;
* grounding: all of it is right on the model's own boxes, so they are wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from n3d import reason
from n3d.errors import N3DError
from n3d.evaluate.chains import prose
from n3d.evaluate.chains.quotes import Quoted
from n3d.evaluate.chains.records import Chain
from n3d.evaluate.chains.steps import Step
from n3d.evaluate.replies import hours, marks
from n3d.evaluate.replies.kinds import Item
from n3d.evaluate.replies.marks import Mark, Rules
from n3d.language import answers, conclusions, traces
from n3d.reason import answering, understanding
from n3d.reason.replay import agrees
from n3d.scene import Quantity, Query, Ref, Trace, Value

ORDERED = ("clock", "side", "bearing")
"""Kinds of questions whose objects cannot change places."""


@dataclass(frozen=True)
class Graded:
    """`answer_right`, `program_right` and `chain_right` are None where they cannot be told."""

    chain: Chain
    steps: tuple[Step, ...]
    expected: str | None
    mark: Mark | None
    program_right: bool | None
    chain_right: bool | None
    blame: str

    @property
    def answer_right(self) -> bool | None:
        return None if self.mark is None else self.mark.mark == 1

    def to_json(self) -> dict[str, Any]:
        """The record of a report."""
        return {
            "id": self.chain.id,
            "question": self.chain.question,
            "expected": self.expected,
            "read_as": None if self.mark is None else self.mark.read_as,
            "answer_right": self.answer_right,
            "program_right": self.program_right,
            "chain_right": self.chain_right,
            "blame": self.blame,
            "faults": [s.to_json() for s in self.steps if s.fault],
            "carried": [s.to_json() for s in self.steps if s.carried],
            "steps": [s.to_json() for s in self.steps],
        }


def grade(chain: Chain, rules: Rules | None = None) -> Graded:
    """All that is said about one chain."""
    objects = _spaced(chain)
    query = _heard(chain.question, objects)
    own, missing = _own(query, objects, chain)
    quoted, steps = prose.steps(_thoughts(chain.text), objects, chain.placed)
    if chain.trace is not None:
        steps = [*steps, *_replayed(chain.trace, objects, chain.up)]
    expected = chain.reference or _expected(own, objects) or _from_quotes(chain, quoted)
    mark = None if expected is None else _mark(chain, expected, rules or Rules())
    program = _program(chain, own, quoted, query)
    right = all(s.follows and s.true is not False for s in steps) if steps else None
    blame = _blame(mark, steps, missing, program)
    return Graded(chain, tuple(steps), expected, mark, program, right, blame)


def _spaced(chain: Chain):
    return tuple(replace(o, label=" ".join(o.label.split())) for o in chain.objects)


def _thoughts(text: str) -> str:
    """The text without the marks of a thought; what a trace says is replayed, not read."""
    session = answers.session(text)
    for line in session.splitlines():
        text = text.replace(line, "")
    return text.replace("<think>", " ").replace("</think>", " ")


def _heard(question: str, objects) -> Query | None:
    try:
        return understanding.heard(question, [o.label for o in objects]) if question else None
    except N3DError:
        return None


def _own(query: Query | None, objects, chain: Chain) -> tuple[Trace | None, bool]:
    """(the question's trace on the model's own boxes, whether an object of it is missing)."""
    if query is None or not objects:
        return None, False
    try:
        return answering.bind(query, objects, chain.up), False
    except N3DError as e:
        return None, e.code == "object-absent"


def _expected(own: Trace | None, objects) -> str | None:
    """The answer of a trace as a text that a reply is compared with."""
    return None if own is None else _told(own.answer, objects)


def _from_quotes(chain: Chain, quoted: Quoted) -> str | None:
    """The hour that the quoted boxes give, for an answer that is one to a question not known."""
    hour = prose.truth(quoted).get("clock_position")
    said = hours.read(conclusions.find(chain.text).text)
    return hours.show(hour) if hour is not None and said.how.startswith("an hour") else None


def _told(value: Value, objects) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Quantity):
        if value.unit == "h":
            return hours.show(value.value)
        return reason.prose.quantity_text(value)
    if isinstance(value, Ref):
        return _name(value.index, objects)
    if isinstance(value, tuple):
        return " < ".join(_told(v, objects) for v in value)
    return str(value)


def _name(index: int, objects) -> str:
    same = sum(o.label == objects[index].label for o in objects)
    return objects[index].label if same == 1 else f"{objects[index].id}_{objects[index].label}"


def _mark(chain: Chain, expected: str, rules: Rules) -> Mark | None:
    item = Item(str(chain.id), expected, chain.text, "", chain.question or None)
    try:
        return marks.mark(item, rules)
    except N3DError:
        return None


def _program(chain: Chain, own: Trace | None, quoted: Quoted, query: Query | None) -> bool | None:
    """Whether the text is about the objects that the question's trace touches."""
    if own is None or query is None:
        return None
    wanted = list(answering.concerned(own))
    if chain.trace is not None:
        found = list(answering.concerned(chain.trace))
        same_ops = {s.op for s in own.steps} <= {s.op for s in chain.trace.steps}
        return same_ops and set(found) == set(wanted)
    found = [p for name in quoted.names if (p := quoted.places[name]) is not None]
    if not found:
        return None
    if query.kind in ORDERED:
        return found[: len(wanted)] == wanted
    return set(found) == set(wanted)


def _replayed(trace: Trace, objects, up) -> list[Step]:
    """Each step of a trace beside what running it again gives."""
    try:
        check, values = reason.replay(trace, objects, up=up)
    except N3DError as e:
        return [Step("step", traces.write(trace)[:200], None, None, False, False, str(e)[:200])]
    out = []
    for i, (step, value) in enumerate(zip(trace.steps, values)):
        same = agrees(step.out, value)
        blamed = not check.agrees and check.step == i
        out.append(
            Step("step", f"{step.op}", _told(step.out, objects), _told(value, objects),
                 not blamed, same, check.reason if blamed else "")
        )  # fmt: skip
    return out


def _blame(mark: Mark | None, steps: Sequence[Step], missing: bool, program: bool | None) -> str:
    if mark is not None and mark.mark == 1:
        return "none"
    if missing:
        return "grounding"
    if (mark is not None and mark.mark is None) or not steps:
        return "format"
    if program is False:
        return "program"
    if any(s.fault for s in steps):
        return "arithmetic"
    return "grounding" if mark is not None else "none"


def summary(found: Sequence[Graded]) -> dict[str, Any]:
    """Shares of chains, None where none can be told; `right_by_luck` are right answers of wrong
    chains."""
    n = len(found)
    return {
        "chains": n,
        "answer_right": _share([g.answer_right for g in found]),
        "program_right": _share([g.program_right for g in found]),
        "chain_right": _share([g.chain_right for g in found]),
        "right_by_luck": _share([bool(g.answer_right) and g.chain_right is False for g in found]),
        "statements": sum(len(g.steps) for g in found),
        "statements_right": _share([s.follows for g in found for s in g.steps]),
        "blame": {
            word: sum(g.blame == word for g in found)
            for word in ("none", "format", "grounding", "program", "arithmetic")
        },
    }


def _share(values: Sequence[bool | None]) -> float | None:
    known = [v for v in values if v is not None]
    return sum(known) / len(known) if known else None
