"""What survives being put into other words, and what does not."""

from __future__ import annotations

import pytest

from n3d import reason
from n3d.reason import surviving
from n3d.scene import QA, Answer, Query


def asked(text, kind=None, names=None, value=None, options=None):
    """The question as `understand` reads it, with an answer of the type that it has."""
    query = reason.understand(text) if kind is None else Query(kind, names, options or {}, text)
    if value is None:
        value = True if text.split()[0] in ("Is", "Are") else "a word"
    return QA("s", query.kind, text, None, Answer("", value), query)


SAME = [
    ("How far is the mug from the lamp?", "What is the distance between the mug and the lamp?"),
    ("How tall is the lamp in feet?", "What is the height of the lamp, in feet?"),
    ("Is the red mug behind the lamp?", "Would you say the red mug stands behind the lamp?"),
    ("Which is taller, the shelf or the lamp?", "Of the shelf and the lamp, which is the tallest?"),
    ("How many chairs are there?", "Count the chairs you can see: what number is it?"),
    ("What is the width of the sofa?", "Could you tell how wide the sofa is?"),
]
CHANGED = [
    ("Is the mug left of the lamp?", "Is the lamp left of the mug?", "objects"),
    ("Is the mug left of the lamp?", "Is the mug right of the lamp?", "relations"),
    ("Is the mug left of the lamp?", "Isn't the mug left of the lamp?", "relations"),
    ("Is the mug left of the lamp?", "Is the cup left of the lamp?", "objects"),
    ("Is the mug left of the lamp?", "Where is the mug, left of the lamp?", "form"),
    ("How tall is the lamp in feet?", "How tall is the lamp in inches?", "relations"),
    ("How tall is the lamp in feet?", "How tall is the lamp?", "relations"),
    ("How tall is the lamp?", "How wide is the lamp?", "relations"),
    ("How tall is the lamp?", "The lamp is 2 m tall, right?", "numbers"),
    ("Which is taller, the shelf or the lamp?", "Which is shorter, the shelf or the lamp?",
     "relations"),
    ("Which is taller, the shelf or the lamp?", "Is the shelf taller than the lamp?", "form"),
    ("How tall is the lamp?", "", "text"),
    ("How tall is the lamp?", "?!", "text"),
    ("How tall is the lamp?", "How tall is the lamp? " + "Tell me. " * 40, "long"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), SAME)
def test_what_means_the_same_survives(old, new):
    assert surviving.lost(asked(old), new) is None


@pytest.mark.parametrize(("old", "new", "why"), CHANGED)
def test_what_was_changed_is_told(old, new, why):
    assert surviving.lost(asked(old), new) == why


def test_a_question_survives_itself(make_scene):
    for seed in range(12):
        scene = make_scene(seed, 8)
        for qa in reason.ask(scene, per_scene=20) + reason.locate(scene, 6, names=("kite",)):
            assert surviving.lost(qa, qa.question) is None, qa.question


def test_a_swap_of_two_names_never_survives(make_scene):
    swapped = 0
    for seed in range(12):
        for qa in reason.ask(make_scene(seed, 8), per_scene=20):
            names = qa.query.names
            if len(names) == 2 and all(qa.question.count(n) == 1 for n in names):
                a, b = names
                if a in b or b in a:
                    continue
                other = qa.question.replace(a, "\0").replace(b, a).replace("\0", b)
                assert surviving.lost(qa, other) is not None, other
                swapped += 1
    assert swapped > 20
