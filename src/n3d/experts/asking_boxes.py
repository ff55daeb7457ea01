"""2D boxes from any vision-language model, by asking for them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from n3d.errors import ConfigError
from n3d.experts import chatting
from n3d.experts.chatting import Chat
from n3d.language import detections, neutralize, questions
from n3d.language.detections import Convention, Detection
from n3d.language.reading import Fault
from n3d.scene import Region

GRAIN = 28
"""Sides are made multiples of this for "pixels": Qwen2.5-VL would round them to it itself, and
then mean other pixels than those of the picture."""
MIN_PIXELS, MAX_PIXELS = 1 << 16, 1 << 20
MOST_PHRASES = 60
SYSTEM = "You find objects in pictures and answer with JSON alone."
_UNITS = {
    "pixels": "x and y count pixels of the picture, which is {width} wide and {height} high",
    "thousand": "x and y go from 0 to 1000 over the width and the height of the picture",
    "unit": "x and y are fractions from 0 to 1 of the width and the height of the picture",
    "gemini": "x and y go from 0 to 1000 over the width and the height of the picture",
}
_SMALL = frozenset(("a", "an", "the", "of"))


class VLMDetector:
    """Finds regions by asking a Chat for boxes in one of the conventions of `detections`.

    The convention is that which the model was trained in (`detections.guess` tells it from
    replies). Pictures are sent with 2^16 to `max_pixels` pixels. Up to `at_once` requests run
    at the same time, which only servers gain from. `faults` and the texts in `replies` are those
    of the last call.
    """

    def __init__(
        self,
        chat: Chat,
        convention: Convention,
        *,
        max_pixels: int = MAX_PIXELS,
        max_tokens: int = 2048,
        at_once: int = 1,
    ) -> None:
        if convention not in detections.CONVENTIONS:
            raise ConfigError(
                f"is {str(convention)[:40]!r}",
                code="config-value",
                field="convention",
                limit=", ".join(detections.CONVENTIONS),
            )
        chatting.check_number("max_pixels", max_pixels, MIN_PIXELS, 1 << 26)
        chatting.check_number("at_once", at_once, 1, 256)
        self.chat = chat
        self.convention: Convention = convention
        self.max_pixels = max_pixels
        self.max_tokens = max_tokens
        self.at_once = at_once
        self.faults: tuple[Fault, ...] = ()
        self.replies: tuple[str, ...] = ()

    def find(
        self, image: np.ndarray, phrases: Sequence[str], *, threshold: float | None = None
    ) -> list[Region]:
        """The regions of a picture (h, w, 3) uint8 that the phrases name, as `find_all`."""
        return self.find_all([image], phrases, threshold=threshold)[0]

    def find_all(
        self,
        images: Sequence[np.ndarray],
        phrases: Sequence[str],
        *,
        threshold: float | None = None,
    ) -> list[list[Region]]:
        """For each picture the regions that the phrases name, in the order of the reply.

        The label of a region is a phrase as it was given, its rectangle lies in the picture; its
        score is 1 unless the model wrote one, and not below `threshold`. Boxes that cannot be
        used, and names that are no phrase, become `faults`. Raises as `Chat.reply`, and
        QuestionError for a phrase that is no text.
        """
        phrases = [phrases] if isinstance(phrases, str) else phrases
        least = 0.0 if threshold is None else threshold
        chatting.check_number("threshold", least, 0.0, 1.0)
        named = {questions.clean(p): p for p in phrases}
        if len(named) > MOST_PHRASES:
            raise ConfigError(
                f"{len(named)} phrases",
                code="config-value",
                field="phrases",
                limit=f"{MOST_PHRASES} for one request",
            )
        self.faults = self.replies = ()
        if not named:
            return [[] for _ in images]
        if self.at_once > 1 and len(images) > 1:
            with ThreadPoolExecutor(min(self.at_once, len(images))) as pool:
                done = list(pool.map(lambda image: self._ask(image, named), images))
        else:
            done = [self._ask(image, named) for image in images]
        self.replies = tuple(reply for reply, _, _ in done)
        self.faults = tuple(fault for _, _, faults in done for fault in faults)
        return [[r for r in regions if r.score >= least] for _, regions, _ in done]

    def _ask(
        self, image: np.ndarray, named: dict[str, str]
    ) -> tuple[str, list[Region], list[Fault]]:
        chatting.check(None, "", [image], self.max_tokens, 0.0, 0)
        shown = fit(image, self.max_pixels, GRAIN if self.convention == "pixels" else 1)
        seen = (shown.shape[1], shown.shape[0])
        text = prompt(list(named), self.convention, seen)
        reply = self.chat.reply(SYSTEM, text, [shown], max_tokens=self.max_tokens)
        size = (image.shape[1], image.shape[0])
        parsed = detections.read(reply, size, self.convention, seen=seen)
        faults = list(parsed.faults)
        regions = []
        for item in parsed.items:
            name = phrase_of(item.label, list(named))
            if name is None:
                faults.append(_stranger(item))
                continue
            score = 1.0 if item.score is None else item.score
            regions.append(Region(named[name], item.rectangle, score=score, expression=named[name]))
        return reply, regions, faults


def prompt(phrases: Sequence[str], convention: Convention, size: tuple[int, int]) -> str:
    """The request for the boxes of some phrases in a picture of `size` (width, height)."""
    unit = _UNITS[convention].format(width=size[0], height=size[1])
    key, order = "bbox_2d", "x_min, y_min, x_max, y_max"
    if convention == "gemini":
        key, order = "box_2d", "y_min, x_min, y_max, x_max"
    asked = "\n".join(f"- {neutralize(p)}" for p in phrases)
    return (
        f"Find every object in the picture that one of these phrases describes:\n{asked}\n"
        "Answer with a JSON list and nothing else. Each object found is one entry\n"
        f'{{"{key}": [{order}], "label": "..."}}\n'
        "whose label is the phrase, word for word, and whose box fits tightly around what is "
        f"visible of the object. In the box, {unit}. List an object once, leave out phrases "
        "that nothing in the picture fits, and answer [] if there is nothing."
    )


def fit(image: np.ndarray, max_pixels: int = MAX_PIXELS, grain: int = 1) -> np.ndarray:
    """The picture with 2^16 to `max_pixels` pixels and sides that are multiples of `grain`."""
    from PIL import Image

    height, width = image.shape[:2]
    pixels = height * width
    scale = math.sqrt(min(max(pixels, MIN_PIXELS), max_pixels) / pixels)
    # Rounded down where the picture is too large, up where it is too small.
    turn = math.floor if scale < 1 else math.ceil if scale > 1 else round
    sides = [max(grain, turn(side * scale / grain) * grain) for side in (width, height)]
    if sides == [width, height]:
        return image
    return np.asarray(Image.fromarray(image).resize((sides[0], sides[1]), Image.Resampling.BICUBIC))


def phrase_of(label: str, phrases: Sequence[str]) -> str | None:
    """The phrase that a model means by a label: the same words, or the one nearest to them.

    The nearest has all words of the label, or the label all of its; None where two are as near.
    Case, articles, marks and plurals do not count. A lone phrase is also meant by a label that
    is empty or shares a word with it.
    """
    said = _words(label)
    words = [_words(p) for p in phrases]
    if said in words:
        return phrases[words.index(said)]
    if not said:
        return phrases[0] if len(phrases) == 1 else None
    shared = [len(said & w) / len(said | w) for w in words]
    best = max(shared, default=0.0)
    near = [p for p, w, s in zip(phrases, words, shared) if s == best and (said <= w or w <= said)]
    if len(near) == 1:
        return near[0]
    return phrases[0] if len(phrases) == 1 and best > 0 else None


def _words(text: str) -> frozenset[str]:
    words = re.findall(r"\w+", text.replace("_", " ").casefold())
    kept = [w for w in words if w not in _SMALL] or words
    return frozenset(w[:-1] if len(w) > 3 and w[-1] == "s" and w[-2] != "s" else w for w in kept)


def _stranger(item: Detection) -> Fault:
    numbers = ", ".join(f"{v:.0f}" for v in item.rectangle)
    return Fault("unknown", 1, 0, f"{item.label[:60]} [{numbers}]", "its label is no phrase")
