"""Tokens: nothing is lost, what is forced carries no loss, near numbers are near."""

from __future__ import annotations

import numpy as np
import pytest
import train_samples as tiny
from hypothesis import given
from hypothesis import strategies as st

from n3d.errors import ConfigError
from n3d.language import dialogues, tokens
from n3d.train import encoding, mini, numbers, vocabulary
from n3d.train.encoding import Coder
from n3d.train.exercises import Exercise
from n3d.train.numbers import Smoothing


def decode(ids) -> str:
    return tiny.tokenizer().decode(ids, clean_up_tokenization_spaces=False)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back_from_its_tokens(text):
    assert decode(tiny.tokenizer()(text, add_special_tokens=False)["input_ids"]) == text


def test_the_tokenizer_has_qwens_tokens_and_ours():
    tokenizer = tiny.tokenizer()
    for name in [*vocabulary.QWEN, *tokens.special_tokens()]:
        assert tokenizer(name, add_special_tokens=False)["input_ids"] == [
            tokenizer.convert_tokens_to_ids(name)
        ]
    where = mini.Numbers.of(tokenizer)
    assert decode([where.coarse + 7, where.fine + 42, where.yaw + 3]) == "<|c07|><|f42|><|y003|>"


def test_the_same_corpus_gives_the_same_tokenizer():
    one, two = (vocabulary.build(vocabulary.Vocabulary(size=290), tiny.CORPUS) for _ in range(2))
    assert one.get_vocab() == two.get_vocab()


def test_conversations_are_what_a_tokenizer_is_learned_from():
    found = list(vocabulary.conversations(vocabulary.Vocabulary(views=1, first=3)))
    assert any(text.startswith("<|bbox_0|>") for text in found)
    assert any("camera_distance" in text for text in found)


def test_a_tokenizer_without_our_tokens_is_refused():
    from transformers import PreTrainedTokenizerFast

    inner = tiny.tokenizer()._tokenizer.from_str(tiny.tokenizer()._tokenizer.to_str())
    bare = PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="<|endoftext|>")
    bare.convert_tokens_to_ids = lambda names: [0 for _ in names]
    with pytest.raises(ConfigError, match="tokens of our own"):
        mini.Numbers.of(bare)


@pytest.mark.parametrize("index", range(6))
def test_a_branch_is_the_request_and_the_reply(index):
    coder = Coder(tiny.tokenizer())
    for e in tiny.done(index):
        b = coder.branch(e)
        told = f"{e.request}<|im_end|>\n<|im_start|>assistant\n{e.text}<|im_end|>"
        assert decode(b.ids) == told
        asked = len(tiny.tokenizer()(told[: told.index("assistant\n") + 10])["input_ids"])
        assert (b.kinds[:asked] == encoding.FORCED).all()
        assert [decode([b.ids[h]]) for h in b.heads] == [
            f"<|bbox_{k}|>" for k in range(len(e.objects))
        ]


@pytest.mark.parametrize("index", range(6))
def test_only_what_the_decoder_chooses_carries_a_loss(index):
    coder = Coder(tiny.tokenizer())
    for e in tiny.done(index):
        b = coder.branch(e)
        chosen = decode(b.ids[b.kinds != encoding.FORCED])
        expected = "".join(text for text, learned in e.reply if learned) + "<|im_end|>"
        assert chosen.replace(">>>", "") == expected.replace(">>>", "")


def test_whether_a_step_gets_a_name_is_chosen():
    coder = Coder(tiny.tokenizer())
    named = (">>> a = depth(<|bbox_0|>)\n", True)
    reply = (("<|bbox_0|>mug\n", True), named, ("1.00 m\n", False), (">>> less(a, a)\n", True))
    b = coder.branch(Exercise("closer", "Which?", reply, (0,)))
    bind = [i for i, token in enumerate(b.ids) if decode([token]).strip() == "="]
    assert bind
    assert all(b.kinds[i] == encoding.PROGRAM for i in bind)


def test_the_prompt_of_a_call_is_chosen_where_the_trace_could_have_ended():
    boxes = ("<|bbox_0|>mug\n", True)
    named, bare = (">>> a = depth(<|bbox_0|>)\n", True), (">>> depth(<|bbox_0|>)\n", True)
    value, last = ("1.00 m\n", False), (">>> greater(a, a)\n", True)
    assert not encoding._may_end((boxes, bare), 1)
    assert not encoding._may_end((boxes, named, value, last, value), 3)
    assert encoding._may_end((boxes, bare, value, last, value), 3)


def test_the_tokens_of_a_box_are_told_apart():
    coder = Coder(tiny.tokenizer())
    text = "<|bbox_0|>mug" + "<|c10|><|f20|>" * 6 + "<|y004|>\n"
    b = coder.branch(Exercise("locate", "Locate: mug", ((text, True),), (0,)))
    kinds = b.kinds[b.heads[0] :].tolist()
    e = encoding
    label = len(kinds) - 16
    assert kinds == [
        e.STRUCTURE, *[e.LABEL] * label, *[e.UV] * 4, e.Z, e.Z, *[e.SIZE] * 6, e.YAW, e.STRUCTURE,
        e.STRUCTURE,
    ]  # fmt: skip


# -- numbers ---------------------------------------------------------------------------------


@given(st.integers(0, 9999), st.floats(5, 80))
def test_coarse_and_fine_targets_multiply_to_a_normal_distribution(cell, sigma):
    cells = np.array([cell])
    coarse = numbers.coarse_targets(cells, sigma)[0]
    fine = [numbers.fine_targets(cells, np.array([c]), sigma)[0] for c in range(100)]
    both = (coarse[:, None] * np.stack(fine)).ravel()
    direct = np.exp(-0.5 * ((np.arange(10000) - cell) / sigma) ** 2)
    assert both.sum() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(both, direct / direct.sum(), atol=2e-3)


@given(st.integers(0, 359))
def test_yaws_go_round(cell):
    target = numbers.yaw_targets(np.array([cell]), 5.0)[0]
    assert target.argmax() == cell
    assert target[(cell + 1) % 360] == pytest.approx(target[(cell - 1) % 360], rel=1e-5)


def test_drawn_numbers_stay_near_and_forced_ones_as_they_are():
    where = mini.Numbers.of(tiny.tokenizer())
    cells = np.random.default_rng(0).integers(0, 10000, 400)
    ids = np.stack([where.coarse + cells // 100, where.fine + cells % 100], axis=1).reshape(8, 100)
    kinds = np.full(ids.shape, encoding.Z, np.uint8)
    kinds[:2] = encoding.FORCED
    smoothing = Smoothing(coarse=30, drawn=1.0)
    found, soft = numbers.soften(ids, kinds, where, np.random.default_rng(1), smoothing)
    assert (found[:2] == ids[:2]).all()
    assert len(soft) == 600
    np.testing.assert_allclose(soft.sum(axis=1), 1, atol=1e-5)
    written = (found.reshape(-1, 2) - [where.coarse, where.fine]) @ [100, 1]
    off = np.abs(written - cells)
    assert (off > 0).any()
    assert off.max() <= 150
    same, _ = numbers.soften(
        ids, kinds, where, np.random.default_rng(1), Smoothing(coarse=30, drawn=0)
    )
    assert (same == ids).all()


@pytest.mark.parametrize(("count", "circular"), [(100, False), (360, True)])
def test_rows_of_near_numbers_are_alike(count, circular):
    rows = mini.smooth(count, 256, circular)
    near = ((rows[1:] - rows[:-1]) ** 2).mean()
    far = ((rows[count // 2 :] - rows[: count - count // 2]) ** 2).mean()
    assert near < 0.3 * far
    ends = ((rows[0] - rows[-1]) ** 2).mean()
    assert (ends < 0.3 * far) == circular


def test_dialogue_and_chat_agree_on_where_the_picture_stands():
    from n3d.model import chat

    assert dialogues.IMAGE == chat.IMAGE
