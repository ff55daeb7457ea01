"""Rows of many requests equal the requests one by one; batches go on where a run stopped."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import train_samples as tiny

from n3d.errors import InputError
from n3d.model.delta import token_types
from n3d.train import batches, encoding, feeding, heads, mini, objectives
from n3d.train.encoding import Coder
from n3d.train.feeding import Feeder, Place
from n3d.train.numbers import Smoothing
from n3d.train.recipes import Stage

EXACT = Smoothing(drawn=0.0)


def texts(samples, branches, seed=0):
    return batches.texts(
        samples, branches, Coder(tiny.tokenizer()), 1, np.random.default_rng(seed), EXACT
    )


def branches_of(sample, count=3):
    coder = Coder(tiny.tokenizer())
    return [coder.branch(e) for e in sample.exercises[:count]]


def student(seed=0):
    torch.manual_seed(seed)
    network = tiny.network()
    where = mini.Numbers.of(tiny.tokenizer())
    return objectives.Student(network, where, objectives.Weights())


def test_a_token_sees_the_prefix_and_its_own_branch():
    segment = torch.tensor([[0, 0, 1, 1, 2, 2, -1], [0, 1, 1, 1, 1, 1, 1]])
    seen = batches.visible(segment)[:, 0]
    for r in range(2):
        for i in range(7):
            for j in range(7):
                a, b = int(segment[r, i]), int(segment[r, j])
                expected = i == j or (j < i and b >= 0 and a >= 0 and b in (0, a))
                assert bool(seen[r, i, j]) == expected


@pytest.mark.parametrize("grid", [(6, 8), (8, 6), (7, 7), (5, 9)])
def test_positions_are_those_of_the_backbone(grid):
    coder = Coder(tiny.tokenizer())
    prefix = coder.prefix(tiny.samples()[0].opening, grid[0] * grid[1])
    found, following = batches.place(prefix, grid, 1, coder.pad)
    network = tiny.network()
    ids = torch.from_numpy(prefix.astype(np.int64))[None]
    expected, _ = network.model.get_rope_index(
        ids, mm_token_type_ids=token_types(network.config, ids),
        image_grid_thw=torch.tensor([[1, *grid]]),
    )  # fmt: skip
    assert (torch.from_numpy(found) == expected[:, 0]).all()
    assert following == int(expected.max()) + 1


@torch.no_grad()
def test_requests_in_one_row_are_answered_as_one_by_one():
    samples = list(tiny.samples()[:2])
    own = [branches_of(s) for s in samples]
    together = student()
    packed = texts(samples, own)
    hidden = logits(together, batches.pictures(samples, tiny.EYES), packed)
    length = packed.ids.shape[1]
    for r, sample in enumerate(samples):
        prefix = Coder(tiny.tokenizer()).prefix(sample.opening, sample.grid[0] * sample.grid[1])
        at = len(prefix)
        for branch in own[r]:
            ids = torch.from_numpy(np.concatenate([prefix, branch.ids]).astype(np.int64))[None]
            p = batches.pictures([sample], tiny.EYES)
            out = together.network(
                input_ids=ids, pixel_values=p.pixels, image_grid_thw=p.grid_thw,
                patch_points=p.points,
            ).logits[0]  # fmt: skip
            row = hidden[r * length + at : r * length + at + len(branch)]
            torch.testing.assert_close(row, out[len(prefix) :], atol=2e-4, rtol=1e-3)
            at += len(branch)


def logits(made, pictures, text):
    network = made.network
    embedded = network.model.language_model.embed_tokens(text.ids)
    shown = text.ids == network.config.image_token_id
    embedded = embedded.masked_scatter(shown[..., None], made.see(pictures))
    out = network.model.language_model(
        inputs_embeds=embedded, attention_mask=text.mask, position_ids=text.positions
    )
    return network.lm_head(out.last_hidden_state).flatten(0, 1)


def test_a_loss_is_taken_before_each_chosen_token():
    samples = list(tiny.samples()[:3])
    own = [branches_of(s) for s in samples]
    t = texts(samples, own)
    flat = t.ids.flatten()
    assert (flat[t.places + 1] == t.labels).all()
    chosen = sum(int((b.kinds != encoding.FORCED).sum()) for o in own for b in o)
    assert len(t.places) == chosen
    assert t.tokens == sum(int((batches.visible(torch.zeros(1, 1, dtype=torch.int))).sum()) * len(b)
                           for o in own for b in o) + sum(
        len(Coder(tiny.tokenizer()).prefix(s.opening, s.grid[0] * s.grid[1])) for s in samples
    )  # fmt: skip


def test_each_token_of_a_box_asks_for_its_object():
    for sample in tiny.samples():
        for b in branches_of(sample, 9):
            asks, objects = batches.asking(b)
            boxes = {int(h): o for h, o in zip(b.heads, b.objects)}
            for place, o in zip(asks, objects):
                head = max(h for h in boxes if h <= place)
                assert boxes[head] == o
                assert b.kinds[place + 1] in range(encoding.LABEL, encoding.YAW + 1)
            if len(b.heads) and b.kinds[b.heads[0]] != encoding.FORCED:
                assert set(b.heads.tolist()) <= set(asks.tolist())


def test_a_decision_on_a_box_asks_for_its_object_and_the_last_one_for_nobody():
    ends = set()
    for sample in tiny.samples():
        for b in branches_of(sample, 12):
            places, objects = batches.decisions(b)
            if b.kinds[b.heads].any() or not len(b.heads):
                assert places[:-1].tolist() == (b.heads - 1).tolist()
                assert objects[:-1].tolist() == b.objects.tolist()
                assert objects[-1] == batches.NO_OBJECT
                ends.add(int(b.ids[places[-1] + 1]))
            else:  # the boxes are given, and nothing is decided
                assert not len(set(places.tolist()) & set((b.heads - 1).tolist()))
    assert len(ends) >= 2  # "none", and the end of a list


def test_nobody_is_told_where_there_is_no_object():
    samples = list(tiny.samples()[:3])
    own = [branches_of(s, 12) for s in samples]
    t = texts(samples, own)
    shown = sum(s.grid[0] * s.grid[1] for s in samples)
    assert (t.seen[~t.deciding] < shown).all()
    decided = [b for o in own for b in o if len(batches.decisions(b)[0])]
    assert (t.seen[t.deciding] == shown).sum() == len(decided) > 20
    assert t.asking.shape == t.seen.shape == t.deciding.shape


def test_the_pointer_learns_to_tell_nobody():
    torch.manual_seed(0)
    pointer = heads.Pointer(16)
    pictures = torch.randn(12, 16)
    asking = torch.cat([pictures[[2, 5, 9]], torch.randn(2, 16)])
    together = torch.ones(5, 12, dtype=torch.bool)
    seen, deciding = torch.tensor([2, 5, 9, 12, -1]), torch.tensor([False, True, True, True, True])
    opt = torch.optim.Adam(pointer.parameters(), 0.02)
    first = None
    for _ in range(200):
        loss = pointer.loss(asking, pictures, together, seen, deciding)
        first = first or float(loss.detach())
        opt.zero_grad()
        loss.backward()
        opt.step()
    assert first > 2
    assert loss < 0.05
    nothing = pointer.loss(asking, pictures, together, torch.full((5,), -1), deciding)
    assert float(nothing.detach()) == 0.0


def test_forced_tokens_change_no_loss_of_their_own():
    samples = list(tiny.samples()[:2])
    own = [branches_of(s, 8) for s in samples]
    t = texts(samples, own)
    made = student()
    _, parts = made(batches.pictures(samples, tiny.EYES), t)
    counted = sum(n for k, (_, n) in parts.items() if k.removesuffix("-fine") in encoding.KINDS)
    assert counted == len(t.places)
    assert "forced" not in parts


def test_the_loss_is_smaller_where_numbers_are_nearer():
    made = student()
    where = made.where
    labels = torch.tensor([where.coarse + 50] * 3)
    soft = torch.zeros(3, 360)
    soft[:, :100] = torch.from_numpy(
        np.repeat(__import__("n3d.train.numbers", fromlist=["x"]).coarse_targets(
            np.array([5050]), 35.0), 3, axis=0)
    )  # fmt: skip
    kinds = torch.full((3,), encoding.Z)
    base = replace(texts([tiny.samples()[0]], [branches_of(tiny.samples()[0])]), labels=labels,
                   kinds=kinds, soft=soft)  # fmt: skip
    losses = []
    for guess in (50, 51, 60):
        logit = torch.zeros(3, made.network.config.text_config.vocab_size)
        logit[:, where.coarse + guess] = 5.0
        losses.append(float(made.token_loss(logit, base)[0]))
    assert losses[0] < losses[1] < losses[2]


def test_every_part_of_the_network_gets_a_gradient():
    samples = list(tiny.samples()[:3])
    made = student().train()
    loss, _ = made(
        batches.pictures(samples, tiny.EYES), texts(samples, [branches_of(s, 8) for s in samples])
    )
    loss.backward()
    silent = [n for n, p in made.named_parameters() if p.grad is None or not p.grad.any()]
    assert not silent


def test_the_detector_learns_the_views_it_sees():
    made = student().train()
    pictures = batches.pictures(tiny.samples(), tiny.EYES)
    opt = torch.optim.AdamW(made.parameters(), lr=3e-3)
    losses = []
    for _ in range(25):
        loss, _ = made(pictures)
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.75 * losses[0]
    found = made.detector.judge(made.see(pictures), pictures, made.rows)
    assert found["n"] == int((pictures.own >= 0).sum())


# -- order -----------------------------------------------------------------------------------


def feeder(data, place=None, **options) -> Feeder:
    stage = Stage("text", 10, ("tiny",), views=2, room=60)
    return Feeder(data, stage, Coder(tiny.tokenizer()), 5, place, **options)


def ids(batch):
    return [(s.opening, s.grid, [b.ids.tolist() for b in own]) for s, own in batch]


def test_batches_go_on_where_a_run_stopped(tmp_path):
    data = tiny.prepare(tmp_path)
    whole = feeder(data)
    expected = []
    for _ in range(9):
        place = whole.place
        expected.append(ids(whole.next()))
        assert ids(feeder(data, place).next()) == expected[-1]
    assert whole.place.round > 0


def test_processes_take_different_batches(tmp_path):
    data = tiny.prepare(tmp_path)
    one, two = (feeder(data, rank=k, ranks=2) for k in range(2))
    whole = feeder(data)
    assert [ids(one.next()), ids(two.next())] == [ids(whole.next()), ids(whole.next())]
    assert one.place == two.place


def test_a_round_takes_the_shards_that_are_there_when_it_begins(tmp_path):
    data = tiny.prepare(tmp_path)
    held = feeder(data)
    held.next()
    from n3d.train import shards

    shards.write(data / "tiny", "000009", tiny.samples())
    while held.place.round == 0:
        assert len(held.place.names) == 2
        held.next()
    assert len(Feeder(data, held.stage, held.coder, 5, Place(1))._names(1)) == 3


def test_without_data_there_is_a_hint(tmp_path):
    with pytest.raises(InputError, match="data-only"):
        feeder(tmp_path).next()


@pytest.mark.parametrize("room", [30, 90, 400])
def test_exercises_fit_in_their_room(room):
    stage = Stage("text", 1, ("tiny",), room=room)
    coder = Coder(tiny.tokenizer())
    for k, sample in enumerate(tiny.samples()):
        found = feeding.choose(sample, stage, coder, np.random.default_rng(k))
        assert sum(map(len, found)) <= max(room, 2 * room if len(found) == 1 else room)


def test_kinds_that_weigh_nothing_are_not_chosen():
    stage = Stage("text", 1, ("tiny",), room=4000, kinds={"question": 0, "detect": 0})
    coder = Coder(tiny.tokenizer())
    for k, sample in enumerate(tiny.samples()):
        found = feeding.choose(sample, stage, coder, np.random.default_rng(k))
        plain = [e for e in sample.exercises if e.kind in feeding.PLAIN and e.kind != "detect"]
        assert len(found) == len(plain)


def test_data_made_for_other_eyes_is_refused():
    with pytest.raises(InputError, match="another network"):
        batches.pictures(tiny.samples(), replace(tiny.EYES, patch=14))
