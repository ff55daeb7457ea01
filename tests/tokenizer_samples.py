"""A small tokenizer with real merges, cut into pieces as Qwen2's is."""

from __future__ import annotations

from functools import cache

from n3d.geometry import Box3D, Camera
from n3d.language import dialogues, tokens
from n3d.language.dialogues import Setting
from n3d.language.grid import Scale
from n3d.scene import Object3D, Quantity, Ref, Step, Trace, Var

SPECIAL = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>",
    "<|image_pad|>", "<|video_pad|>",
]  # fmt: skip
SIZE = 384
"""Tokens with merges; special ones follow, then our own."""
QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def ids(own: bool) -> dict[str, int]:
    """The special tokens and their numbers."""
    names = [*SPECIAL, *(tokens.special_tokens() if own else [])]
    return {name: SIZE + i for i, name in enumerate(names)}


def corpus() -> list[str]:
    """What is said in a few conversations."""
    camera = Camera(500.0, 500.0, 320.0, 240.0, 640, 480)
    setting = Setting(camera, Scale.of_length(2.0), up=[0.0, -1.0, 0.0])
    objects = [
        Object3D(str(i), label, Box3D([0.1 * i, 0.2, 1.5 + i], [0.3, 0.5, 0.4]))
        for i, label in enumerate(("red mug", "night stand", "lamp, tall", "bücherregal"))
    ]
    trace = Trace(
        (
            Step("distance", (Ref(0), Ref(2)), Quantity(1.56), "a"),
            Step("height", (Ref(1),), Quantity(0.51), "b"),
            Step("difference", (Var("a"), Var("b")), Quantity(1.05), "c"),
            Step("left_of", (Ref(0), Ref(1)), True),
        )
    )
    said = [dialogues.write(objects, trace, setting), dialogues.opening(setting)]
    return [*said, "Locate: the red mug; lamp\nWhich is nearer to the stand, the mug?\nnone\n"]


@cache
def build(own: bool):
    """A `tokenizers.Tokenizer`, with or without our own tokens."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN2), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE,
        min_frequency=1,
        show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    raw.train_from_iterator(corpus(), trainer)
    raw.add_tokens([f"\u2400{i}\u2400" for i in range(SIZE - raw.get_vocab_size())])
    raw.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in ids(own)])
    assert all(raw.token_to_id(name) == i for name, i in ids(own).items())
    return raw
