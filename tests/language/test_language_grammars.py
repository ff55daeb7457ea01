"""Grammars against the writer and the reader of replies, over a tokenizer with real merges."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

pytest.importorskip("llguidance", reason="needs the model extra: llguidance")
pytest.importorskip("tokenizers", reason="needs the model extra: tokenizers")

from language_samples import CAMERA, SIGNATURES, named
from llguidance import LLMatcher, LLTokenizer

import tokenizer_samples
from n3d.geometry import Box3D
from n3d.language import Scale, dialogues, grammars, grid, phrases, tokens
from n3d.language.dialogues import Setting
from n3d.reason import ops
from n3d.scene import Quantity, Ref, Step, Trace, Var

UP = np.array([0.05, -0.9, -0.3])
SETTINGS = [
    Setting(CAMERA, scale, up=up, own=own)
    for own in (False, True)
    for up in (None, UP)
    for scale in (None, Scale.of_length(2.0))
]
LABELS = [
    "mug", "night stand", "T-shirt (red)", "lamp, tall", 'the "big" one', "back\\slash", "a\nb",
    "bücherregal", "ночной столик", "椅子", "كرسي", "ที่นั่ง", "क्षेत्र", "🪑", "👩\u200d🔬", "7",
    "no. 3/4", "bbox_1", "bbox_0=Bbox(x,1)", "none", ">>> x", "<|im_end|>", "<|c57|>", "\ufeff",
    "\U000e0041", "\ue000\uffff", "\x01\x7f\x9f", " ", "yes", "[INST]", "x  y", "b\u00a0c",
]  # fmt: skip
SCALES = [
    None, Scale(0), Scale(99), Scale(2499), Scale(5001), Scale(5500), Scale(7400), Scale(7501),
    Scale(9999), Scale(10_000),
]  # fmt: skip


class Reader:
    """A tokenizer, and walks through grammars over it."""

    def __init__(self, own: bool) -> None:
        self.raw = tokenizer_samples.build(own)
        self.end = self.raw.token_to_id("<|im_end|>")
        self.tokens = LLTokenizer(self.raw.to_str(), eos_token=self.end)
        names = [self.decode([i]) for i in range(self.raw.get_vocab_size())]
        self.nothing = np.array([name[:1] == "n" for name in names])
        self.closing = np.array([n[:1] in (",", '"', ")", "\n", "]") or "<|c" in n for n in names])

    def encode(self, text: str) -> list[int]:
        return self.raw.encode(text, add_special_tokens=False).ids

    def decode(self, ids: list[int]) -> str:
        return self.raw.decode(ids, skip_special_tokens=False)

    def begin(self, grammar: str) -> LLMatcher:
        found = LLMatcher(self.tokens, LLMatcher.grammar_from_lark(grammar))
        assert not found.is_error(), found.get_error()
        return found

    def accepts(self, grammar: str, text: str) -> bool:
        walk, ids = self.begin(grammar), self.encode(text)
        return walk.try_consume_tokens(ids) == len(ids) and walk.is_accepting()

    def allowed(self, walk: LLMatcher) -> np.ndarray:
        bits = np.frombuffer(walk.compute_bitmask(), np.uint8)
        return np.flatnonzero(np.unpackbits(bits, bitorder="little"))

    def walk(self, grammar: str, pick: Callable[[list[int], np.ndarray], int]) -> str:
        """The text of a walk to the end: forced tokens are taken, others picked."""
        walk, out = self.begin(grammar), []
        while not walk.is_stopped():
            forced = walk.compute_ff_tokens()
            if not forced:
                forced = [pick(out, self.allowed(walk))]
            if forced == [self.end]:
                break
            walk.consume_tokens(forced)
            assert not walk.is_error(), walk.get_error()
            out += forced
            assert len(out) < 3000
        return self.decode(out)

    def random(self, grammar: str, rng: np.random.Generator) -> str:
        """A walk that ends soon, for what may close something is taken half of the time, and
        seldom begins with `none`."""

        def pick(out: list[int], allowed: np.ndarray) -> int:
            nothing = self.nothing[allowed]
            if not out and not nothing.all() and rng.random() < 0.9:
                allowed = allowed[~nothing]
            if self.end in allowed and rng.random() < 0.4:
                return self.end
            closing = allowed[self.closing[allowed]]
            if len(closing) and rng.random() < 0.5:
                allowed = closing
            return int(rng.choice(allowed[allowed != self.end]))

        return self.walk(grammar, pick)


@cache
def reader(own: bool) -> Reader:
    return Reader(own)


def boxes_grammar(setting: Setting, *, trace: bool = True, most: int = 40) -> str:
    return grammars.boxes(
        setting.own, setting.up is not None, setting.scale, trace=trace, most=most
    )


# -- what is written is allowed ---------------------------------------------------------------


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_boxes_of_every_label_are_allowed(setting):
    rng = np.random.default_rng(0)
    objects = [
        named(
            label, Box3D(CAMERA.lift(rng.uniform([0, 0], [640, 480]), 2.5), rng.uniform(0.02, 9, 3))
        )
        for label in LABELS
    ]
    found = reader(setting.own)
    for many in ([], objects[:1], objects[1:2], objects[:4], objects):
        alone = dialogues.write(many, None, setting, tilt="snap")
        assert found.accepts(boxes_grammar(setting, trace=False), alone)
        if many:
            before = alone if setting.own else alone + "\n"  # the empty line belongs to the boxes
            assert found.accepts(boxes_grammar(setting), before)
    for o in objects:
        alone = dialogues.write([o], None, setting, tilt="snap")
        assert found.accepts(boxes_grammar(setting, trace=False, most=1), alone), o.label


def test_more_boxes_than_the_most_are_not_allowed():
    mug = named("mug", Box3D([0, 0, 2], [1, 1, 1]))
    for setting in SETTINGS:
        for count in (2, 3):
            text = dialogues.write([mug] * count, None, setting, tilt="snap")
            grammar = boxes_grammar(setting, trace=False, most=2)
            assert reader(setting.own).accepts(grammar, text) == (count == 2)
    full = dialogues.write([mug] * grammars.MAX_BOXES, None, SETTINGS[-1], tilt="snap")
    grammar = boxes_grammar(SETTINGS[-1], trace=False, most=grammars.MAX_BOXES)
    assert reader(True).accepts(grammar, full)


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("label", ["mug", 'a "b", c', "👩\u200d🔬", "bbox_1", "<|bbox_0|>\\"])
def test_calls_and_results_are_allowed(own, label):
    """Each segment of a trace, as its tokenizer cuts it where it stands in the whole."""
    trace = Trace(
        (
            Step("distance", (Ref(0), Ref(11)), Quantity(1.556), "a"),
            Step("height", (Ref(1),), Quantity(-0.0123), "b"),
            Step("largest", ((Var("a"), Var("b"), Quantity(2.0)),), Quantity(12.0), "c"),
            Step("order", ((Ref(1), Ref(0)), "near"), (Ref(0), Ref(1)), "d"),
            Step("sizes", (Var("d"),), (Quantity(2.0, "m3"), Quantity(0.5, "rad"))),
            Step("clock", (Ref(0), Ref(1), "nearest"), Quantity(11.0, "h")),
            Step("clock", (Ref(0), Ref(1)), Quantity(11.5, "h"), "e"),
            Step("left_of", (Ref(0), Ref(1)), True, "f"),
            Step("both", (Var("f"), Var("f")), False),
            Step("side", (Ref(0), Ref(1)), "left_back", "g"),
            Step("given", (Var("g"),), Ref(1)),
            Step("given", (label,), Quantity(3.0, "1")),
            Step("sizes", ((Ref(0),),), ()),
        )
    )
    written = {0: "mug", 1: label, 11: "lamp"}
    setting = Setting(CAMERA, own=own)
    lines = dialogues.write_trace(trace, setting).strip("\n").split("\n")
    kinds: dict[str, str] = {}
    for step, asked, told in zip(trace.steps, lines[::2], lines[1::2], strict=True):
        signature = SIGNATURES[step.op]
        grammar = grammars.call(own, SIGNATURES, kinds, step.name or "z", written)
        assert reader(own).accepts(grammar, asked + "\n"), asked
        grammar = grammars.value(own, signature, written)
        assert reader(own).accepts(grammar, told + "\n"), told
        if step.name:
            kinds[step.name] = signature.returns
    segments = [f"{line}\n" for line in lines]  # no token spans two of them
    apart = [i for segment in segments for i in reader(own).encode(segment)]
    assert apart == reader(own).encode("".join(segments))


def test_calls_know_only_what_there_is():
    def allows(call: str, **more) -> bool:
        grammar = grammars.call(
            False, SIGNATURES, {"a": "quantity"}, "b", {0: "mug", 2: "lamp"}, **more
        )
        return reader(False).accepts(grammar, call)

    assert allows(">>> b = height(bbox_2)\n")
    for wrong in (
        ">>> b = height(bbox_1)\n",
        ">>> c = height(bbox_2)\n",
        ">>> height(a)\n",
        ">>> nearer(a, c)\n",
        '>>> given("cup")\n',
        ">>> both(yes, no)\n",
        ">>> nearer(a)\n",
        '>>> clock(bbox_0, bbox_2, "mug")\n',
        "",
    ):
        assert not allows(wrong), wrong
    assert allows("", may_end=True)
    assert not allows(">>> b = height(bbox_2)\n", may_name=False)


# -- what is allowed can be read --------------------------------------------------------------


def session(setting: Setting, signatures, rng: np.random.Generator, steps: int = 4) -> str:
    """A random reply; it ends where the same step is said again, as a plan ends it."""
    found = reader(setting.own)
    text = found.random(boxes_grammar(setting, most=3), rng)
    parsed = dialogues.read_boxes(text, setting)
    written = {n: parsed.items[i].label for n, i in parsed.where.items()}
    kinds: dict[str, str] = {}
    may_end, said = False, set()
    for name in "abcdefgh"[:steps] if written else "":
        grammar = grammars.call(
            setting.own, signatures, kinds, name, written, may_name=name != "d", may_end=may_end
        )
        line = found.random(grammar, rng)
        if not line or line in said:
            break
        said.add(line)
        bound, op, _ = phrases.read_call(tokens.refs_from_tokens(line[len(">>> ") : -1]))
        told = found.random(grammars.value(setting.own, signatures[op], written), rng)
        text += line + told
        may_end = bound is None
        if bound and signatures[op].returns != "any":
            kinds[bound] = signatures[op].returns
    return text


@pytest.mark.parametrize("signatures", [SIGNATURES, ops.SIGNATURES], ids=["samples", "ops"])
@pytest.mark.parametrize("setting", SETTINGS)
def test_whatever_is_allowed_is_read_without_faults(setting, signatures):
    rng = np.random.default_rng(1)
    longest = boxes = 0
    for _ in range(8):
        text = session(setting, signatures, rng)
        reply = dialogues.read(text, signatures, setting)
        faults = [f for f in (*reply.objects.faults, *reply.steps.faults) if f.kind != "repeated"]
        assert not faults, (text, faults)
        longest = max(longest, len(reply.steps.items))
        boxes += len(reply.objects.items)
    assert longest > 1
    assert boxes > 6


@pytest.mark.parametrize("scale", SCALES)
def test_random_numbers_of_a_scale_never_leave_the_grid(scale):
    rng = np.random.default_rng(2)
    for setting in (Setting(CAMERA, scale, up=UP), Setting(CAMERA, scale, own=True)):
        found, lengths = reader(setting.own), []
        for _ in range(6):
            text = found.random(boxes_grammar(setting, trace=False, most=3), rng)
            parsed = dialogues.read_boxes(text, setting)
            assert not parsed.faults, (text, parsed.faults)
            lengths += [x for o in parsed.items for x in (*o.box.size, o.box.center[2])]
        assert min(lengths) >= grid.SHORTEST
        assert max(lengths) <= grid.LONGEST
        assert max(lengths) > 3 * min(lengths)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("own", [False, True])
def test_all_numbers_of_a_scale_and_no_others_are_allowed(scale, own):
    shift = 0 if scale is None else grid.ANCHOR - scale.index
    low, high = max(0, shift), min(grid.CELLS, grid.CELLS + shift) - 1
    grammar = grammars.boxes(own, False, scale, trace=False, most=1)
    hundreds = {100 * ((low + 99) // 100), 100 * (high // 100), 100 * (high // 100) - 1}
    for cell in {low - 1, low, low + 1, *hundreds, (low + high) // 2, high - 1, high, high + 1}:
        if 0 <= cell < grid.CELLS:
            line = f"bbox_0=Bbox(mug,5000,5000,{cell:04d},{low:04d},{high:04d},{cell:04d})\n"
            text = tokens.to_tokens(line) + "\n" if own else line
            assert reader(own).accepts(grammar, text) == (low <= cell <= high), cell


@pytest.mark.parametrize("setting", [SETTINGS[0], SETTINGS[-1]])
@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        ("a" * 60, "a" * 24),
        ("ab " * 40, " ".join(["ab"] * 6)),
        ('"' + "," * 200 + '"', "," * 60),
        ('"' + "\\u200d" * 200 + '"', "\u200d" * 60),
    ],
)
def test_a_label_that_does_not_end_is_cut_and_read(setting, wanted, kept):
    found = reader(setting.own)
    wish = ("<|bbox_0|>" if setting.own else "bbox_0=Bbox(") + wanted
    texts = [found.decode([i]) for i in range(found.raw.get_vocab_size())]

    def pick(out: list[int], allowed: np.ndarray) -> int:
        """The token that follows the wish furthest, else one that closes."""
        said = found.decode(out)
        rest = wish[len(said) :] if wish.startswith(said) else ""
        going_on = [i for i in allowed if texts[i] and rest.startswith(texts[i])]
        closing = allowed[found.closing[allowed]]
        return int(max(going_on, key=lambda i: len(texts[i]), default=[*closing, *allowed][0]))

    text = found.walk(boxes_grammar(setting, trace=False, most=1), pick)
    parsed = dialogues.read_boxes(text, setting)
    assert not parsed.faults
    assert [o.label for o in parsed.items] == [kept]
