"""The tokenizer of n3d-mini: bytes and what our conversations are made of.

Byte-level BPE, lossless for any text, trained on generated conversations, with Qwen's special
tokens and those of `language.tokens`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from n3d.language import tokens
from n3d.model import chat
from n3d.reason import ops
from n3d.synthetic import categories, palette
from n3d.train import exercises, views
from n3d.train.exercises import ExerciseMix

QWEN = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>",
    "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip
# Qwen2's: words with the mark before them, single digits, runs of marks, line breaks.
_PIECES = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@dataclass(frozen=True)
class Vocabulary:
    """How a tokenizer is made: `size` byte-level tokens, learned from `views` views."""

    size: int = 1216
    views: int = 400
    first: int = 1 << 30


def build(vocabulary: Vocabulary, corpus: Iterable[str] | None = None) -> Any:
    """The tokenizer, learned from a corpus or from conversations that are generated for it."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary.size,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    raw.train_from_iterator(conversations(vocabulary) if corpus is None else corpus, trainer)
    special = [*QWEN, *tokens.special_tokens()]
    raw.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in special])
    return PreTrainedTokenizerFast(
        tokenizer_object=raw,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        clean_up_tokenization_spaces=False,
    )


def conversations(vocabulary: Vocabulary) -> Iterator[str]:
    """Texts of the kind that the network reads and writes."""
    names = [*categories.NAMES, *palette.NAMES, *ops.SIGNATURES]
    names += [w for s in ops.SIGNATURES.values() for w in s.words]
    yield from [f"{name} the {name}, {name}; {name}s" for name in names] * 40
    mix = ExerciseMix(questions=8, absent_questions=0)
    for k in range(vocabulary.views):
        known = views.draw("train", vocabulary.first + k, views.ViewMix())
        if not known.count:
            continue
        yield chat.write([("user", known.setting.line)])
        for e in exercises.draw(known, np.random.default_rng([k, 13]), mix):
            yield e.request
            yield e.text
