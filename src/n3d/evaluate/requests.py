"""What is asked of one rendered scene, and what would be right.

Asked for are targets (`n3d.synthetic`: visible enough). Other objects of which something can be
seen (12 pixels) are ignored where boxes are counted, and no phrase or question is used that would
mean something else with them. Absent is what no object of the scene is, hidden ones included.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from n3d import reason
from n3d.errors import QuestionError
from n3d.evaluate.items import Item, Request, Sitting
from n3d.reason import expressing, labels, refer
from n3d.scene import QA, Object3D, Scene
from n3d.synthetic import Rendered
from n3d.synthetic.categories import CATEGORIES

LOCATE_KINDS = ("class", "expression", "several", "absent_class", "absent_color")
ABSENT_QUESTION = "absent_question"
MOST_SEVERAL = 4
MOST_EXPRESSIONS = 6
SPARE_QUESTIONS = 4
FEWEST_PIXELS = 12
_PLACE = 4  # of the random stream, so that it is none of the renderer's


@dataclass(frozen=True, eq=False)
class _Stage:
    """A rendered scene as items are made from it; `around` are its targets, then what else can
    be seen of it."""

    id: str
    rendered: Rendered
    targets: tuple[Object3D, ...]
    around: tuple[Object3D, ...]
    rng: np.random.Generator

    @property
    def scene(self) -> Scene:
        return self.rendered.scene

    @property
    def others(self) -> tuple[Object3D, ...]:
        return self.around[len(self.targets) :]

    def item(self, kind: str, request: Request, **fields) -> Item:
        return Item(f"{self.id}/{kind}", self.rendered.seed, request, kind, **fields)

    def resolves(self, phrase: str, index: int) -> bool:
        """Whether a phrase means this target also among all that can be seen."""
        try:
            return refer.resolve(phrase, self.around, self.scene.up) == index
        except QuestionError:
            return False


def sitting(rendered: Rendered, id: str, questions: int = 4) -> Sitting:
    """The items of one scene; the same scene always gives the same."""
    plain = [replace(o, region=None) for o in rendered.scene.objects]
    targets = tuple(o for o in plain if o.attributes["target"])
    other = (o for o in plain if not o.attributes["target"])
    seen = (o for o in other if o.attributes["pixels"] >= FEWEST_PIXELS)
    rng = np.random.default_rng([rendered.seed, _PLACE])
    stage = _Stage(id, rendered, targets, (*targets, *seen), rng)
    makers = (_detect, _class, _expression, _several, _absent)
    located = [item for item in (make(stage) for make in makers) if item is not None]
    shown = [o for o in rendered.scene.objects if o.attributes["pixels"] >= FEWEST_PIXELS]
    asked = (*located, *_questions(stage, questions))
    return Sitting(id, rendered.rgbd, asked, tuple(shown))


# -- boxes ----------------------------------------------------------------------------------


def _detect(stage: _Stage) -> Item:
    return stage.item("detect", "detect", true=stage.targets, ignored=stage.others)


def _class(stage: _Stage) -> Item | None:
    present = sorted({o.label for o in stage.targets})
    if not present:
        return None
    label = present[stage.rng.integers(len(present))]
    true, ignored = (
        tuple(o for o in objects if labels.same_label(o.label, label))
        for objects in (stage.targets, stage.others)
    )
    return stage.item("class", "locate", phrases=(label,), true=true, ignored=ignored)


def _expressions(stage: _Stage, index: int) -> list[str]:
    """Phrases that mean one target, simplest first."""
    found = []
    for text in expressing.expressions(index, stage.targets, stage.scene.up):
        if stage.resolves(text, index):
            found.append(text)
        if len(found) == MOST_EXPRESSIONS:
            break
    return found


def _expression(stage: _Stage) -> Item | None:
    for index in stage.rng.permutation(len(stage.targets)):
        target = stage.targets[index]
        found = [x for x in _expressions(stage, int(index)) if x != labels.spaced(target.label)]
        if found:
            phrase = found[stage.rng.integers(len(found))]
            return stage.item("expression", "locate", phrases=(phrase,), true=(target,))
    return None


def _several(stage: _Stage) -> Item | None:
    wanted = int(stage.rng.integers(2, MOST_SEVERAL + 1))
    phrases: list[str] = []
    true: list[Object3D] = []
    for index in stage.rng.permutation(len(stage.targets)):
        found = _expressions(stage, int(index))
        if found and len(true) < wanted:
            phrases.append(found[0])
            true.append(stage.targets[index])
    if len(true) < 2:
        return None
    return stage.item("several", "locate", phrases=tuple(phrases), true=tuple(true))


def _absent(stage: _Stage) -> Item | None:
    """A class that is not there, or as often a class that is, in a colour that none of it has."""
    if stage.rng.random() < 0.5 and stage.targets:
        label = stage.targets[stage.rng.integers(len(stage.targets))].label
        worn = {o.attributes["color"] for o in stage.scene.objects if o.label == label}
        free = [c for c in CATEGORIES[label].colors if c not in worn]
        if free:
            phrase = f"{free[stage.rng.integers(len(free))]} {label}"
            return stage.item("absent_color", "locate", phrases=(phrase,))
    missing = _missing(stage)
    if not missing:
        return None
    phrase = missing[stage.rng.integers(len(missing))]
    return stage.item("absent_class", "locate", phrases=(phrase,))


def _missing(stage: _Stage) -> list[str]:
    """The classes that no object of the scene is."""
    present = {o.label for o in stage.scene.objects}
    return [c for c in CATEGORIES if not any(labels.match(p, c) for p in present)]


# -- questions ------------------------------------------------------------------------------


def _questions(stage: _Stage, count: int) -> Iterator[Item]:
    if not count:
        return
    visible = replace(stage.scene, objects=stage.targets)
    asked = reason.ask(visible, per_scene=count + SPARE_QUESTIONS)
    sound = [qa for qa in asked if _same_among_all(qa, stage)]
    for qa in sound[:count]:
        id = f"{stage.id}/{qa.kind}/{qa.id.rsplit(':', 1)[1]}"
        yield Item(
            id, stage.rendered.seed, "ask", qa.kind, question=qa.question, qa=qa,
            around=stage.around,
        )  # fmt: skip
    for qa in (*sound[count:], *sound[:count]):
        text = _about_absent(qa, stage)
        if text is not None:
            yield stage.item(ABSENT_QUESTION, "ask", question=text, around=stage.around)
            return


def _same_among_all(qa: QA, stage: _Stage) -> bool:
    """Whether the question has the same trace among all that can be seen."""
    assert qa.query is not None
    try:
        return reason.bind(qa.query, stage.around, stage.scene.up) == qa.trace
    except QuestionError:
        return False


def _about_absent(qa: QA, stage: _Stage) -> str | None:
    """The question with a class that is not there in the place of one of its objects."""
    assert qa.query is not None
    if "label" in reason.KINDS[qa.kind].slots:
        return None  # "how many lamps are there" has an answer without lamps
    plain = {f"the {labels.spaced(o.label)}" for o in stage.targets}
    names = [n for n in qa.query.names if n in plain and qa.question.lower().count(n) == 1]
    missing = _missing(stage)
    if not names or not missing:
        return None
    name = names[stage.rng.integers(len(names))]
    new = missing[stage.rng.integers(len(missing))]
    at = qa.question.lower().index(name) + len("the ")
    text = qa.question[:at] + new + qa.question[at + len(name) - len("the ") :]
    try:
        reason.bind(reason.understand(text), stage.scene.objects, stage.scene.up)
    except QuestionError as e:
        return text if e.code == "object-absent" else None
    return None
