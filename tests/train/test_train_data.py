"""Views, exercises, dense targets and shards: what is practised is right, and the same for all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import train_samples as tiny

from n3d import reason
from n3d.errors import ConfigError, InputError, QuestionError
from n3d.language import dialogues
from n3d.model import inputs
from n3d.reason import ops, refer
from n3d.scene import Trace
from n3d.train import exercises, making, mini, shards, targets, views

VIEWS = range(6)


def test_a_view_is_the_same_whenever_it_is_drawn():
    one, two = views.draw("train", 3, views.ViewMix()), tiny.known(3)
    assert (one.view.image == two.view.image).all()
    assert one.bodies == two.bodies


@pytest.mark.parametrize("index", VIEWS)
def test_targets_stand_left_to_right_with_the_boxes_of_their_texts(index):
    known = tiny.known(index)
    u = [known.setting.camera.project(o.box.center)[0] for o in known.targets]
    assert u == sorted(u)
    text = dialogues.write_boxes(known.targets, known.setting, tilt="hull")
    assert text == exercises.boxes_reply(known, range(known.count))[0][0]
    assert all(o.attributes["target"] for o in known.targets)
    shown = np.bincount(known.ids[known.ids >= 0], minlength=len(known.objects))
    assert [int(n) for n in shown] == [o.attributes["pixels"] for o in known.objects]


def test_what_a_view_lacks_is_missing_from_it():
    known = tiny.known(0, no_depth=1.0, no_up=1.0)
    assert known.view.depth is None
    assert known.setting.up is None
    assert known.setting.scale is None
    assert "<|y" not in known.bodies[0]  # aligned with the camera: no yaw
    assert not tiny.known(1, not_metric=1.0).view.metric
    noisy = tiny.known(0, noisy=1.0).view.depth
    assert (noisy == 0).any()


def test_shares_and_sizes_are_checked():
    with pytest.raises(ConfigError, match="no_up"):
        views.ViewMix(no_up=1.5)
    with pytest.raises(ConfigError, match="sizes"):
        views.ViewMix(sizes=((160, 120, 0.0),))


@pytest.mark.parametrize("index", VIEWS)
def test_replies_are_read_back_as_what_they_are_about(index):
    known = tiny.known(index)
    for e in tiny.done(index):
        read = dialogues.read(e.text, ops.SIGNATURES, known.setting)
        assert not read.objects.faults
        assert not read.steps.faults
        assert len(read.objects.items) == len(e.objects)
        for o, i in zip(read.objects.items, e.objects):
            assert o.label == known.objects[i].label
        if read.steps.items:
            check, _ = reason.replay(
                Trace(read.steps.items), read.objects.items, up=known.setting.up
            )
            assert check.agrees


@pytest.mark.parametrize("index", VIEWS)
def test_boxes_that_are_learned_are_true_and_others_carry_no_loss(index):
    known = tiny.known(index)
    for e in tiny.done(index):
        boxes, chosen = e.reply[0]
        true = exercises.boxes_reply(known, e.objects)[0][0] if e.objects else dialogues.NOTHING
        assert chosen == (boxes == true)
        assert [c for _, c in e.reply[1:]] == [k % 2 == 0 for k in range(len(e.reply) - 1)]


def test_erring_boxes_keep_the_trace_and_move_its_results():
    known = tiny.known(1)
    mix = exercises.ExerciseMix(detect=0, phrases=0, several=0, places=0, absent=0, questions=6)
    true, erring = (
        exercises.draw(known, np.random.default_rng(5), replace(mix, jitter=j)) for j in (0.0, 1.0)
    )
    same = {e.request: e for e in true}
    moved = [(same[e.request], e) for e in erring if e.request in same]
    assert moved
    for a, b in moved:
        assert [t for t, chosen in a.reply if chosen][1:] == [t for t, chosen in b.reply if chosen]
        assert a.reply[0][0] != b.reply[0][0]
    assert any(a.text != b.text for a, b in moved)


@pytest.mark.parametrize("index", VIEWS)
def test_phrases_mean_targets_alone_and_absent_ones_nothing(index):
    known = tiny.known(index)
    for e in tiny.done(index):
        if e.kind not in ("locate", "absent"):
            continue
        phrase = e.request.removeprefix(dialogues.LOCATE)
        phrase = phrase.removeprefix("all ")
        if e.kind == "absent":
            with pytest.raises(QuestionError) as caught:
                refer.every(phrase, known.objects, known.setting.up)
            assert caught.value.code == "object-absent"
            assert e.text == "none\n"
        else:
            assert tuple(refer.every(phrase, known.objects, known.setting.up)) == e.objects


def test_a_place_is_on_its_object():
    rng = np.random.default_rng(0)
    for index in VIEWS:
        e = exercises._place(tiny.known(index), rng)
        assert e.request.startswith("Locate: [<|c")
        assert len(e.objects) == 1


def test_coverage_counts_pixels():
    known = tiny.known(2)
    share = targets.coverage(known.ids, len(known.objects), 6, 8)
    h, w = known.ids.shape
    slow = np.zeros((len(known.objects), 48))
    pixels = np.zeros(48)
    for v in range(h):
        for u in range(w):
            patch = int((v + 0.5) * 6 / h) * 8 + int((u + 0.5) * 8 / w)
            pixels[patch] += 1
            if known.ids[v, u] >= 0:
                slow[known.ids[v, u], patch] += 1
    np.testing.assert_allclose(share, slow / pixels)


@pytest.mark.parametrize("index", VIEWS)
def test_each_target_has_a_patch_of_its_own_that_shows_it(index):
    known = tiny.known(index)
    found = targets.of(known, 6, 8)
    share = targets.coverage(known.ids, len(known.objects), 6, 8)
    own = found.own[found.own >= 0]
    assert len(set(own.tolist())) == len(own)
    for patch in np.flatnonzero(found.own >= 0):
        assert share[found.own[patch], patch] > 0
    for patch in np.flatnonzero(found.main >= 0):
        assert share[found.main[patch], patch] == share[: known.count, patch].max()
    text = "".join(f"<|bbox_{i}|>{b}" for i, b in enumerate(known.bodies)) + "\n"
    cells = [line.split(",")[1:] for line in dialogues.tokens.from_tokens(text).split("\n") if line]
    cells = [c for c in cells if c]
    assert [[int(n.rstrip(")")) for n in c] for c in cells] == [
        [int(n) for n in row if n >= 0] for row in found.numbers
    ]


@pytest.mark.parametrize("merge", [1, 2])
def test_shards_come_back_as_they_were(tmp_path, merge):
    eyes = mini.Eyes(patch=20 // merge, merge=merge, samples=2)
    wrote = list(tiny.samples() if merge == 1 else making.samples(tiny.PART, eyes, range(3)))
    assert all(len(s.patches) == merge**2 * len(s.targets.own) for s in wrote)
    shards.write(tmp_path, "000000", wrote)
    read = shards.read(tmp_path, "000000")
    assert shards.names(tmp_path) == ["000000"]
    assert len(read) == len(wrote)
    for a, b in zip(read, wrote):
        assert (a.patches == b.patches).all()
        assert (a.points == b.points).all()
        assert (a.targets.own == b.targets.own).all()
        assert (a.targets.numbers == b.targets.numbers).all()
        assert (a.opening, a.exercises, a.grid) == (b.opening, b.exercises, b.grid)


def test_a_shard_without_its_texts_is_not_there(tmp_path):
    shards.write(tmp_path, "000000", tiny.samples()[:1])
    (tmp_path / "000000.json").unlink()
    assert shards.names(tmp_path) == []


def test_a_shard_of_another_version_is_refused(tmp_path):
    shards.write(tmp_path, "000000", tiny.samples()[:1])
    path = tmp_path / "000000.json"
    path.write_text(path.read_text().replace('"version": 1', '"version": 0'))
    with pytest.raises(InputError, match="version 0"):
        shards.read(tmp_path, "000000")


def test_making_again_makes_what_is_missing(tmp_path):
    part = replace(tiny.PART, count=4, per_shard=2)
    assert list(making.make(tmp_path, part, tiny.EYES)) == ["tiny/000000", "tiny/000001"]
    before = (tmp_path / "tiny/000001.json").read_bytes()
    (tmp_path / "tiny/000001.json").unlink()
    assert list(making.make(tmp_path, part, tiny.EYES)) == ["tiny/000001"]
    assert (tmp_path / "tiny/000001.json").read_bytes() == before
    assert list(making.make(tmp_path, part, tiny.EYES)) == []


@pytest.mark.parametrize(("index", "size"), [(0, (160, 120)), (1, (320, 240)), (2, (140, 210))])
def test_a_network_sees_in_training_what_it_sees_in_use(index, size):
    known = tiny.known(index, sizes=((*size, 1.0),))
    processor = mini.processor(tiny.EYES, tiny.tokenizer())
    sample = making.sample(known, [], tiny.EYES, processor.image_processor)
    seen = inputs.see(known.view, processor, tiny.network().config)
    assert sample.grid == tuple(seen.grid_thw[1:].tolist())
    np.testing.assert_array_equal(sample.points, seen.points)
    np.testing.assert_allclose(sample.patches / 127.5 - 1, seen.pixels, atol=1e-6)


@pytest.mark.parametrize("size", [(64, 48), (640, 480), (1920, 1080), (300, 900), (160, 120)])
def test_pictures_of_any_size_take_a_bounded_number_of_tokens(size):
    image = np.zeros((size[1], size[0], 3), np.uint8)
    _, (rows, columns) = making.cut(image, mini.image_processor(mini.Eyes()))
    assert 24 <= rows * columns <= 50
