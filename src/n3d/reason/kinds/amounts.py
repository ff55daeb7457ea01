"""Questions for how much more and how many: differences, ratios, counts."""

from __future__ import annotations

import numpy as np

from n3d.reason.kinds.kind import Kind, Options, named
from n3d.reason.kinds.proposing import Proposal, Stage, coin
from n3d.reason.kinds.relations import RELATIONS
from n3d.reason.labels import same_label
from n3d.reason.programs import Program
from n3d.reason.wording import ADJECTIVES, CALLED, COMPARATIVES, NOUNS, nouns, pick
from n3d.scene import Ref

_COMPARED = pick(COMPARATIVES, "height", "width", "volume", "length", "elevation", "depth")


def _difference(p: Program, refs: list[Ref], options: Options) -> None:
    first, second = refs if options.get("more", True) else refs[::-1]
    op = named(options, options["quantity"])
    a, b = p.step(op, first), p.step(op, second)
    p.step("difference", a, b)


def _ratio(p: Program, refs: list[Ref], options: Options) -> None:
    op = named(options, options["quantity"])
    a, b = (p.step(op, r) for r in refs)
    p.step("ratio", a, b)


def _differing(quantities: tuple[str, ...], positive: bool = True):
    def propose(stage: Stage, rng: np.random.Generator) -> Proposal | None:
        q = quantities[rng.integers(len(quantities))]
        more = coin(rng) if positive else True
        drawn = stage.draw(rng, 2, lambda ab: stage.apart(q, ab))
        if drawn is None:
            return None
        a, b = sorted(drawn, key=lambda i: stage.values(q)[i], reverse=more)
        return Proposal({"a": a, "b": b}, {"quantity": q, "more": more}, (q,))

    return propose


_COMPARING = (
    Kind(
        "difference",
        "width/height",
        "By how much one object exceeds another in a quantity.",
        "How much taller is the shelf than the table?",
        ("a", "b"),
        (
            "how much <comparative> is {a} than {b}?",
            "by how much is {a} <comparative> than {b}?",
            "compared to {b}, how much <comparative> is {a}?",
            "tell me how much <comparative> {a} is than {b}.",
            "{a} is how much <comparative> than {b}?",
            "how much <comparative> than {b} is {a}?",
        ),
        _difference,
        _differing(("height", "width", "elevation", "depth")),
        (
            "how much <comparative> {a} is than {b}",
            "what is the difference in <noun> between {a} and {b}",
            "[what's |what is ][the ]<noun> difference (between|of) {a} and {b}",
            "how much do {a} and {b} differ in <noun>",
            "how far <relation> {b} is {a}",
            "how far is {a} <relation> {b}",
            "how much <relation> {b} is {a}",
            "by how much does the <noun> of {a} exceed that of {b}",
        ),
        {
            "comparative": _COMPARED,
            "noun": nouns(CALLED | {"depth": ("depth",)}, "height", "width", "length", "depth"),
            "relation": RELATIONS["left_right"] | RELATIONS["front_behind"],
        },
        unit="m",
    ),
    Kind(
        "ratio",
        "size",
        "How many times one object exceeds another in a quantity.",
        "How many times taller is the shelf than the table?",
        ("a", "b"),
        (
            "how many times <comparative> is {a} than {b}?",
            "how many times as <adjective> as {b} is {a}?",
            "what is the ratio of the <noun> of {a} to that of {b}?",
            "how many times the <noun> of {b} is that of {a}?",
            "by what factor is {a} <comparative> than {b}?",
            "how many times <comparative> than {b} is {a}?",
        ),
        _ratio,
        _differing(("height", "width", "volume"), positive=False),
        (
            "what is the ratio between the <noun> of {a} and that of {b}",
            "[what is ][the ]<noun> ratio of {a} (to|and) {b}",
        ),
        {
            "comparative": {
                w: {"quantity": o["quantity"]}
                for w, o in pick(COMPARATIVES, "height", "width", "volume", "length").items()
                if o["more"]
            },
            "adjective": nouns(ADJECTIVES, "height", "width", "volume", "length"),
            "noun": nouns(NOUNS, "height", "width", "volume", "length"),
        },
        unit="1",
    ),
)

# -- counting -------------------------------------------------------------------------------


def _count(p: Program, refs: list[Ref], options: Options) -> None:
    labels = {p.world.labels[r.index] for r in refs}
    if len(labels) == 1:
        label = labels.pop()
        same = [i for i, x in enumerate(p.world.labels) if same_label(x, label)]
        if same == [r.index for r in refs]:
            p.step("count", p.step("find", label))
            return
    p.step("count", tuple(refs))


def _countable(stage: Stage, rng: np.random.Generator) -> Proposal | None:
    if not stage.objects:
        return None
    # Labels are drawn alike, so that a frequent one does not fill the answers.
    labels = sorted({o.label for o in stage.objects})
    return Proposal({"label": labels[rng.integers(len(labels))]})


_COUNTING = (
    Kind(
        "count",
        "counting",
        "How many objects of a label there are.",
        "How many chairs are there?",
        ("label",),
        (
            "how many {labels} are there?",
            "how many {labels} can you see?",
            "count the {labels}.",
            "what is the number of {labels}?",
            "how many {labels} do you see?",
            "how many {labels} are visible?",
        ),
        _count,
        _countable,
        (
            "how many {labels} (is|does it have|exist|have you found|are shown|are present|could "
            "you find)",
            "how many {labels} are {where}",
            "how many {labels} are there {where}",
            "how many {labels}[ are]",
            "[please ]count (all |all the |every )[of ]{labels}",
            "[what's |tell me ][the ](number|count|total|amount) of {labels}",
            "how many {labels} does the (scene|image|picture|room|photo) (have|contain|show)",
        ),
        unit="1",
    ),
)

KINDS = (*_COMPARING, *_COUNTING)
