from __future__ import annotations

import dataclasses

import pytest

torch = pytest.importorskip("torch", reason="needs the model extra: torch")
transformers = pytest.importorskip("transformers", reason="needs the model extra: transformers")

import numpy as np  # noqa: E402
from model_samples import make_view  # noqa: E402

from n3d import model  # noqa: E402
from n3d.errors import ConfigError, InputError  # noqa: E402
from n3d.model import chat, orders, rays  # noqa: E402

SIZES = [(70, 50), (56, 112), (130, 90)]
STOCK = {
    "qwen2_5_vl": "Qwen2_5_VLForConditionalGeneration",
    "qwen3_vl": "Qwen3VLForConditionalGeneration",
}


def prompt(text: str = "what is there?", images: int = 1) -> str:
    return chat.write([("user", chat.IMAGE * images + text)])


def one(loaded, width=70, height=50, seed=0, text="what is there?", depth=True):
    view = make_view(width, height, seed, depth)
    return loaded.batch([prompt(text)], [[loaded.see(view)]])


@torch.no_grad()
def logits(loaded, made, **more):
    return loaded.network(**made, **more).logits


def count_features(loaded, made, changed) -> list[int]:
    """The image tokens whose features differ between two inputs."""
    with torch.no_grad():
        a, b = (
            torch.cat(
                loaded.network.model.get_image_features(
                    made["pixel_values"], made["image_grid_thw"], points
                ).pooler_output
            )
            for points in (made["patch_points"], changed)
        )
    return torch.nonzero((a != b).any(dim=1)).flatten().tolist()


# -- the stock backbone -------------------------------------------------------------------


def test_step_0_is_the_stock_backbone_bit_for_bit(stock, family):
    loaded = model.load(stock[family])
    assert loaded.layout == "rays"
    made = one(loaded)
    bare = {k: v for k, v in made.items() if k != "patch_points"}
    theirs = getattr(transformers, STOCK[family]).from_pretrained(stock[family]).eval()
    with torch.no_grad():
        expected = theirs(**bare).logits
    assert expected.std() > 0.5
    assert torch.equal(logits(loaded, made), expected)
    assert torch.equal(logits(loaded, bare), expected)
    none = model.load(stock[family], layout="none")
    assert torch.equal(logits(none, one(none)), expected)
    assert torch.equal(theirs.generate(**bare, max_new_tokens=5),
                       loaded.network.generate(**made, max_new_tokens=5))  # fmt: skip


def test_stock_directories_load_through_the_class_itself(stock, family):
    from n3d.model import networks

    cls = networks.FAMILIES[family][2]
    network, info = cls.from_pretrained(stock[family], output_loading_info=True)
    assert not info["unexpected_keys"]
    assert not info["mismatched_keys"]
    assert all(name.startswith("model.points.") for name in info["missing_keys"])
    expected = getattr(transformers, STOCK[family]).from_pretrained(stock[family]).state_dict()
    for name, tensor in expected.items():
        assert torch.equal(network.state_dict()[name], tensor)
    for layer in (network.model.points.early, network.model.points.late):
        assert not layer.weight.any()
        assert not layer.bias.any()
    assert network.model.points.inner.weight.std() > 0


def test_token_types_are_derived(load):
    loaded = load("none")
    made = one(loaded)
    without = {k: v for k, v in made.items() if k != "mm_token_type_ids"}
    assert made["mm_token_type_ids"].sum() == (made["image_grid_thw"].prod() // 4)
    assert torch.equal(logits(loaded, without), logits(loaded, made))
    a, b = (loaded.network.generate(**m, max_new_tokens=4) for m in (made, without))
    assert torch.equal(a, b)
    flat = {**without, "position_ids": torch.arange(made["input_ids"].shape[1]).expand(3, 1, -1)}
    assert not torch.allclose(logits(loaded, flat), logits(loaded, made), atol=0.01)


# -- where points go ----------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["aligned", "upstream"])
def test_a_coordinate_reaches_the_token_of_its_patch_only_when_aligned(load, layout, family):
    loaded = load("aligned")
    loaded.network.config.point_encoding = layout
    made = one(loaded, 200, 150)
    rows, columns = made["image_grid_thw"][0, 1:].tolist()
    raster = orders.raster_of_blocks(made["image_grid_thw"], 2)
    rng = np.random.default_rng(0)
    right = 0
    picked = rng.choice(rows * columns, 12, replace=False)
    for place in picked.tolist():
        changed = made["patch_points"].clone()
        changed[(raster == place).nonzero()] += 300
        touched = count_features(loaded, made, changed)
        assert len(touched) == 1
        row, column = divmod(place, columns)
        right += touched[0] == (row // 2) * (columns // 2) + column // 2
    assert right == len(picked) if layout == "aligned" else right <= 2


def test_rays_after_the_blocks_reach_the_token_of_their_patch(load):
    loaded = load("rays")
    with torch.no_grad():
        loaded.network.model.points.early.weight.zero_()
    made = one(loaded, 200, 150)
    for row in (0, 5, 40, 87):
        changed = made["patch_points"].clone()
        changed[row] += 0.5
        assert count_features(loaded, made, changed) == [row // 4]


def test_rays_at_the_patch_embedding_are_seen_by_the_vision_tower(load, family):
    loaded = load("rays")
    with torch.no_grad():
        loaded.network.model.points.late.weight.zero_()
    made = one(loaded, 200, 150)
    changed = made["patch_points"].clone()
    changed[0] += 0.5
    assert len(count_features(loaded, made, changed)) > 1


@pytest.mark.parametrize("layout", ["rays", "aligned"])
def test_a_dent_in_the_depth_reaches_the_token_that_shows_it(load, layout):
    """From the depth image to the token: through pooling, block order and window order."""
    loaded = load(layout)
    if layout == "rays":
        with torch.no_grad():
            loaded.network.model.points.early.weight.zero_()
    size = 2 * loaded.processor.image_processor.patch_size  # pixels of a token
    columns, rows = 9, 6
    view = make_view(columns * size, rows * size)
    made = loaded.batch([prompt()], [[loaded.see(view)]])
    assert made["image_grid_thw"].tolist() == [[1, 2 * rows, 2 * columns]]
    for row, column in ((0, 8), (3, 1), (5, 7)):
        square = slice(row * size, (row + 1) * size), slice(column * size, (column + 1) * size)
        dented = view.depth.copy()
        dented[square] += 0.2
        changed = loaded.see(dataclasses.replace(view, depth=dented)).points
        # A dent also moves the mean that all coordinates are taken from, and the lowest part that
        # heights stand on.
        moved = (changed - made["patch_points"]).abs()
        if layout == "rays":
            samples = loaded.network.config.point_samples
            moved = moved[:, rays.RAY + rays.MIDDLE :][:, : samples**2]
        far = moved.amax(1, keepdim=True) > (20 if layout == "aligned" else 1e-3)
        assert set(far[:, 0].nonzero().flatten().div(4).int().tolist()) == {row * columns + column}
        changed = torch.where(far, changed, made["patch_points"])
        assert count_features(loaded, made, changed) == [row * columns + column]


def test_rows_of_nan_are_the_stock_backbone(load):
    for layout in ("rays", "aligned"):
        loaded = load(layout)
        made = one(loaded)
        bare = {k: v for k, v in made.items() if k != "patch_points"}
        unknown = torch.full_like(made["patch_points"], torch.nan)
        assert torch.equal(logits(loaded, bare, patch_points=unknown), logits(loaded, bare))


def test_every_encoding_moves_logits(load):
    base = load("none")
    plain = logits(base, one(base))
    for layout in ("rays", "aligned"):
        loaded = load(layout)
        with_depth, without = (logits(loaded, one(loaded, depth=d)) for d in (True, False))
        assert (with_depth - plain).abs().max() > 0.05
        assert (with_depth - without).abs().max() > 0.01
        if layout == "aligned":  # no depth, no coordinates: the stock backbone
            assert torch.equal(without, plain)


def test_upstream_views_have_a_long_side_of_640(load):
    loaded = load("upstream")
    for width, height in ((70, 50), (50, 70)):
        made = one(loaded, width, height)
        rows, columns = made["image_grid_thw"][0, 1:].tolist()
        assert max(rows, columns) * loaded.processor.image_processor.patch_size in range(500, 660)
        assert logits(loaded, made).isfinite().all()
    assert "patch_points" not in one(loaded, depth=False)


def test_points_of_the_wrong_shape_or_precision_are_refused(load):
    loaded = load("rays")
    made = one(loaded)
    good = made["patch_points"]
    for bad in (good[:-1], good[:, :3], good.half()):
        with pytest.raises(InputError, match="patch_points"):
            loaded.network(**{**made, "patch_points": bad})


# -- batches ------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["rays", "aligned"])
def test_left_padded_batches_equal_single_runs(load, layout):
    loaded = load(layout)
    texts = ["a", "a longer question?", "and this"]
    seen = [loaded.see(make_view(*size, seed=i)) for i, size in enumerate(SIZES)]
    seen[1] = loaded.see(make_view(*SIZES[1], seed=1, depth=False))
    made = loaded.batch([prompt(t) for t in texts], [[s] for s in seen])
    assert (made["attention_mask"][:, 0] == 0).any()
    together = logits(loaded, made)
    told = loaded.network.generate(**made, max_new_tokens=6, do_sample=False)
    for i, text in enumerate(texts):
        single = loaded.batch([prompt(text)], [[seen[i]]])
        alone = logits(loaded, single)[0]
        assert torch.allclose(together[i, -len(alone) :], alone, atol=2e-4)
        said = loaded.network.generate(**single, max_new_tokens=6, do_sample=False)
        assert torch.equal(told[i, -6:], said[0, -6:])


def test_several_pictures_in_one_prompt(load):
    loaded = load("rays")
    seen = [loaded.see(make_view(*size, seed=i)) for i, size in enumerate(SIZES[:2])]
    made = loaded.batch([prompt("compare", 2)], [seen])
    swapped = loaded.batch([prompt("compare", 2)], [seen[::-1]])
    assert made["image_grid_thw"].shape == (2, 3)
    features = loaded.network.model.get_image_features(
        made["pixel_values"], made["image_grid_thw"], made["patch_points"]
    ).pooler_output
    for one_seen, found in zip(seen, features, strict=True):
        alone = loaded.batch([prompt()], [[one_seen]])
        expected = loaded.network.model.get_image_features(
            alone["pixel_values"], alone["image_grid_thw"], alone["patch_points"]
        ).pooler_output[0]
        assert torch.allclose(found, expected, atol=1e-5)
    assert not torch.allclose(logits(loaded, made)[:, -1], logits(loaded, swapped)[:, -1])


def test_prompts_with_and_without_pictures_go_together(load):
    loaded = load("rays")
    seen = [loaded.see(make_view(*size, seed=i)) for i, size in enumerate(SIZES)]
    texts = [prompt("no picture", 0), prompt("two", 2), prompt("one", 1)]
    pictures = [[], seen[:2], seen[2:]]
    together = logits(loaded, loaded.batch(texts, pictures))
    for i in range(3):
        alone = logits(loaded, loaded.batch(texts[i : i + 1], pictures[i : i + 1]))[0]
        assert torch.allclose(together[i, -len(alone) :], alone, atol=2e-4)


def test_a_prompt_must_have_a_place_for_each_picture(load):
    loaded = load("rays")
    seen = loaded.see(make_view(70, 50))
    for text, pictures in ((prompt(images=2), [seen]), (prompt(images=0), [seen]), (prompt(), [])):
        with pytest.raises(InputError, match="places"):
            loaded.batch([text], [pictures])
    with pytest.raises(InputError, match="prompts"):
        loaded.batch([], [])
    text_only = loaded.batch([prompt(images=0)], [[]])
    assert logits(loaded, text_only).isfinite().all()


# -- generating ---------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["rays", "aligned"])
def test_cached_greedy_equals_full_forward(load, layout):
    loaded = load(layout)
    made = one(loaded)
    told = loaded.network.generate(
        **made, max_new_tokens=6, min_new_tokens=6, do_sample=False, eos_token_id=-1,
        output_logits=True, return_dict_in_generate=True,
    )  # fmt: skip
    ids = told.sequences
    full = {**made, "input_ids": ids, "attention_mask": torch.ones_like(ids)}
    del full["mm_token_type_ids"]
    expected = logits(loaded, full)[0, -7:-1]
    assert torch.allclose(torch.cat(told.logits), expected, atol=2e-4)
    assert torch.equal(expected.argmax(-1), ids[0, -6:])
    uncached = loaded.network.generate(
        **made, max_new_tokens=6, min_new_tokens=6, do_sample=False, eos_token_id=-1,
        use_cache=False,
    )  # fmt: skip
    assert torch.equal(uncached, ids)


def test_beams_and_several_answers(load):
    loaded = load("rays")
    made = one(loaded)
    options = {"max_new_tokens": 4, "do_sample": False}
    greedy = loaded.network.generate(**made, **options)
    beams = loaded.network.generate(**made, **options, num_beams=3, num_return_sequences=2)
    assert len(beams) == 2
    torch.manual_seed(0)
    many = loaded.network.generate(
        **made, max_new_tokens=4, do_sample=True, top_k=1, num_return_sequences=3
    )
    assert all(torch.equal(row, greedy[0]) for row in many)


# -- saving -------------------------------------------------------------------------------


def test_save_and_load_are_the_identity(load, family, tmp_path):
    loaded = load("rays")
    loaded.save(tmp_path)
    made = one(loaded)
    expected = logits(loaded, made)
    again = model.load(tmp_path)
    assert again.layout == "rays"
    auto = transformers.AutoModelForImageTextToText.from_pretrained(tmp_path).eval()
    processor = transformers.AutoProcessor.from_pretrained(tmp_path)
    assert type(auto) is type(loaded.network)
    assert type(processor) is type(loaded.processor)
    for network in (again.network, auto):
        for (name, a), (other, b) in zip(
            loaded.network.state_dict().items(), network.state_dict().items(), strict=True
        ):
            assert name == other
            assert torch.equal(a, b), name
        with torch.no_grad():
            assert torch.equal(network(**made).logits, expected)
    for found in (one(again), one(type(again)(auto, processor))):
        assert all(torch.equal(found[k], made[k]) for k in made)
    body = transformers.AutoModel.from_pretrained(tmp_path)
    assert type(body) is type(loaded.network.model)
    for name, tensor in loaded.network.model.state_dict().items():
        assert torch.equal(body.state_dict()[name], tensor), name


def test_configurations_refuse_what_they_do_not_know(family):
    from n3d.model import networks

    cls = networks.FAMILIES[family][0]
    for bad in (
        {"point_encoding": "mlp"},
        {"point_samples": 0},
        {"point_noise": 0.0},
        {"point_hidden": -1},
    ):
        with pytest.raises(ConfigError, match=next(iter(bad))):
            cls(**bad)


# -- training -----------------------------------------------------------------------------


def labelled(made):
    return {**made, "labels": made["input_ids"].clone()}


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_gradient_checkpointing_changes_no_gradient(load):
    loaded = load("rays")
    found = []
    for checkpointing in (False, True):
        network = loaded.network.train()
        if checkpointing:
            network.gradient_checkpointing_enable()
            assert any(getattr(m, "gradient_checkpointing", False) for m in network.modules())
        network.zero_grad()
        network(**labelled(one(loaded))).loss.backward()
        found.append({n: p.grad.clone() for n, p in network.named_parameters()
                      if p.grad is not None})  # fmt: skip
    assert found[0].keys() == found[1].keys()
    assert {"model.points.inner.weight", "model.points.early.weight"} <= found[0].keys()
    for name, gradient in found[0].items():
        assert torch.allclose(gradient, found[1][name], atol=1e-5), name


def test_zero_layers_learn_from_the_first_step(stock, family):
    loaded = model.load(stock[family])
    loaded.network(**labelled(one(loaded))).loss.backward()
    assert loaded.network.model.points.early.weight.grad.abs().max() > 0
    assert loaded.network.model.points.late.weight.grad.abs().max() > 0


def test_half_precision_keeps_points_float32(load):
    half, full = load("rays", dtype=torch.bfloat16), load("rays")
    made = one(half)
    assert made["patch_points"].dtype == torch.float32
    assert half.network.model.points.inner.weight.dtype == torch.bfloat16
    moved = made["patch_points"].clone()
    moved[:, 3:7] += 1e-3  # a millimetre per metre, below the resolution of bfloat16 at 1
    features = half.network.model.points.features
    assert not torch.equal(features(moved), features(made["patch_points"]))
    a, b = logits(half, made).float(), logits(full, made)
    assert (a - b).abs().max() < 0.1 * b.std() + 0.5
    assert (a - b).abs().mean() < 0.1 * b.std()


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_lora_trains_saves_reloads_and_merges(load, stock, family, tmp_path):
    peft = pytest.importorskip("peft", reason="needs the model extra: peft")
    loaded = load("rays")
    made = one(loaded)
    before = logits(loaded, made)
    config = peft.LoraConfig(
        r=2, target_modules=r".*language_model.*\.(q_proj|v_proj)", modules_to_save=["points"]
    )
    torch.manual_seed(0)
    network = peft.get_peft_model(loaded.network, config)
    optimizer = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], 0.02)
    losses = []
    for _ in range(4):
        loss = network(**labelled(made)).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    network.save_pretrained(tmp_path / "adapter")
    with torch.no_grad():
        trained = network.eval()(**made).logits
    assert not torch.allclose(trained, before, atol=0.01)
    again = peft.PeftModel.from_pretrained(load("rays").network, tmp_path / "adapter").eval()
    with torch.no_grad():
        assert torch.equal(again(**made).logits, trained)
    merged = type(loaded)(again.merge_and_unload(), loaded.processor)
    merged.save(tmp_path / "merged")
    assert torch.allclose(logits(model.load(tmp_path / "merged"), made), trained, atol=1e-4)
