"""Conversations -> tokens, with what each token of a reply is and whether it is chosen.

Segments are tokenised one by one, as the decoder does: what is forced carries no loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from n3d.language import traces
from n3d.model import chat
from n3d.train.exercises import Exercise
from n3d.train.mini import Numbers

FORCED, STRUCTURE, LABEL, UV, Z, SIZE, YAW, PROGRAM = range(8)
KINDS = ("forced", "structure", "label", "uv", "z", "size", "yaw", "program")
_SLOTS = (UV, UV, Z, SIZE, SIZE, SIZE)
_END = "<|im_end|>\n<|im_start|>assistant\n"


@dataclass(frozen=True, eq=False)
class Branch:
    """A request with its reply: `ids` (l,) int32; `kinds` (l,) uint8 of the tokens, FORCED where
    there is no loss; `heads` are the places of the tokens that begin a box, `objects` the targets
    that those are."""

    ids: np.ndarray
    kinds: np.ndarray
    heads: np.ndarray
    objects: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)


class Coder:
    """A tokenizer as training needs it; it must have tokens of our own."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.numbers = Numbers.of(tokenizer)
        self.end: int = tokenizer.convert_tokens_to_ids("<|im_end|>")
        self.pad: int = tokenizer.convert_tokens_to_ids("<|image_pad|>")
        self._prompt = self._ids(traces.PROMPT.strip())[0]

    def _ids(self, text: str) -> list[int]:
        return self.tokenizer._tokenizer.encode(text, add_special_tokens=False).ids

    def prefix(self, opening: str, image_tokens: int) -> np.ndarray:
        """The tokens (p,) before all requests about a view."""
        whole = chat.expand(chat.write([("user", opening)]), [image_tokens])
        return np.array(self._ids(whole[: whole.rindex("<|im_end|>")]), np.int32)

    def branch(self, exercise: Exercise) -> Branch:
        """The tokens of an exercise after the prefix."""
        ids = self._ids(exercise.request + _END)
        kinds = [FORCED] * len(ids)
        heads: list[int] = []
        for k, (text, chosen) in enumerate(exercise.reply):
            more = self._ids(text)
            if k == 0:
                found, places = self._boxes(more)
                heads = [len(ids) + p for p in places]
            else:
                found = self._call(more, _may_end(exercise.reply, k))
            ids += more
            kinds += found if chosen else [FORCED] * len(more)
        ids.append(self.end)
        kinds.append(PROGRAM if len(exercise.reply) > 1 else STRUCTURE)
        return Branch(
            np.array(ids, np.int32),
            np.array(kinds, np.uint8),
            np.array(heads, np.int32),
            np.array(exercise.objects[: len(heads)], np.int32),
        )

    def _boxes(self, ids: Sequence[int]) -> tuple[list[int], list[int]]:
        """Kinds of the tokens of a block of boxes, and where boxes begin."""
        kinds, heads = [], []
        slot, inside = 0, False
        n = self.numbers
        for i, token in enumerate(ids):
            if n.box <= token < n.coarse:
                heads.append(i)
                kinds.append(STRUCTURE)
                slot, inside = 0, True
            elif n.coarse <= token < n.fine:
                kinds.append(_SLOTS[slot])
            elif n.fine <= token < n.yaw:
                kinds.append(_SLOTS[slot])
                slot += 1
            elif n.yaw <= token:
                kinds.append(YAW)
            else:
                kinds.append(LABEL if inside and slot == 0 else STRUCTURE)
        return kinds, heads

    def _call(self, ids: Sequence[int], open_begin: bool) -> list[int]:
        """Kinds of the tokens of one call. The ` =` after a name is chosen: ` a` may also begin an
        operation, such as ` above`."""
        return [
            FORCED if token == self._prompt and i == 0 and not open_begin else PROGRAM
            for i, token in enumerate(ids)
        ]


def _may_end(reply: Sequence[tuple[str, bool]], k: int) -> bool:
    """Whether a trace could have ended before its segment k: the step before has no name."""
    return k > 2 and " = " not in reply[k - 2][0].split("(")[0]


def picture_tokens(grid: tuple[int, int], merge: int) -> int:
    """How many tokens a picture of rows x columns patches takes."""
    return grid[0] * grid[1] // merge**2
