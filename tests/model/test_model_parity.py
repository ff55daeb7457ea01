"""Numbers of upstream's own code on tiny random weights: see the README beside them."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch", reason="needs the model extra: torch")
pytest.importorskip("transformers", reason="needs the model extra: transformers")

from safetensors.torch import load_file  # noqa: E402

from n3d import model  # noqa: E402
from n3d.errors import InputError  # noqa: E402
from n3d.language import upstream  # noqa: E402
from n3d.model import chat, orders  # noqa: E402

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def parity(shared):
    folder = shared / "parity"
    return SimpleNamespace(
        checkpoint=folder / "checkpoint",
        out=load_file(folder / "outputs_fp32.safetensors"),
        half=load_file(folder / "outputs_bf16.safetensors"),
        items=json.loads((folder / "text_and_geometry.json").read_text())["items"],
        demos=shared / "data/n3dvlm_demo",
    )


@pytest.fixture(scope="module")
def loaded(parity):
    return model.load(parity.checkpoint)


def user_text(item, number: int) -> str:
    return item[f"pass{number}_user"].split("<|vision_end|>", 1)[1]


def demo2(parity):
    """The stored tensors of the second demo's first pass, pixels included."""
    grid = parity.out["demo2.image_grid_thw"]
    ids = parity.out["demo2.pass1.input_ids"]
    return {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "pixel_values": parity.out["demo2.pixel_values"],
        "image_grid_thw": grid,
        "patch_points": parity.out["demo2.pe_in"][0][orders.raster_of_blocks(grid, 2)],
    }


@torch.no_grad()
def distance(network, made, expected) -> float:
    return (network(**made).logits.float() - expected.float()).abs().max().item()


CASES = [(demo, number) for demo in (1, 2, 3) for number in (1, 2)]


@pytest.mark.parametrize(("demo", "number"), CASES)
def test_prompts_logits_and_answers_are_upstreams(parity, loaded, demo, number):
    item, name = parity.items[demo - 1], f"demo{demo}.pass{number}"
    image, points = (parity.demos / f"demo{demo}{end}" for end in (".jpg", ".npz"))
    made = loaded.upstream_inputs(image, points, user_text(item, number))
    recorded = item["passes"][number - 1]
    assert torch.equal(made["input_ids"], parity.out[f"{name}.input_ids"])
    assert made["input_ids"][0].tolist() == recorded["input_ids_local_tokenizer"]
    prompt = recorded["prompt"].replace(f"*{recorded['n_image_tokens']}", "")
    text = chat.write([("system", upstream.SYSTEM), ("user", "<image>" + user_text(item, number))])
    assert text == prompt
    assert torch.equal(made["image_grid_thw"], parity.out[f"demo{demo}.image_grid_thw"])
    raster = made["patch_points"][orders.blocks_of_raster(made["image_grid_thw"], 2)]
    assert torch.equal(raster, parity.out[f"demo{demo}.pe_in"][0])

    found = loaded.upstream_first_pass_logits(image, points, user_text(item, number))
    full = parity.out.get(f"{name}.logits")
    assert found.shape == (
        1,
        made["input_ids"].shape[1],
        loaded.network.config.text_config.vocab_size,
    )
    if full is not None:
        assert (found - full).abs().max() < TOLERANCE
    else:
        assert (found[:, -32:] - parity.out[f"{name}.logits_last32"]).abs().max() < TOLERANCE
    told = loaded.network.generate(**made, max_new_tokens=48, min_new_tokens=48, do_sample=False)
    assert torch.equal(told, parity.out[f"{name}.greedy_ids"])


def test_our_prompts_are_the_ones_recorded(parity):
    """What `language` writes for the first pass and the questions of the demos."""
    for item in parity.items:
        if not item["auto_split"]:
            continue
        question = item["question"].removeprefix("<image>")
        assert upstream.locate_prompt(question) == "<image>" + user_text(item, 1)
        asked = upstream.question_prompt(question, item["condition"])
        assert asked == "<image>" + user_text(item, 2)


@torch.no_grad()
def test_inner_values_are_upstreams(parity, loaded):
    made = demo2(parity)
    body = loaded.network.model
    embedded = body.get_image_features(
        made["pixel_values"], made["image_grid_thw"], made["patch_points"]
    )
    features = embedded.pooler_output[0]
    assert (features - parity.out["demo2.image_embeds"]).abs().max() < TOLERANCE
    code = body._sines(made["patch_points"], made["image_grid_thw"])
    assert torch.equal(code, parity.out["demo2.pe_out"][0])
    before_merging = embedded.last_hidden_state + code
    assert (before_merging - parity.out["demo2.merger_in"]).abs().max() < TOLERANCE
    positions, _ = body.get_rope_index(
        made["input_ids"], (made["input_ids"] == loaded.network.config.image_token_id).int(),
        made["image_grid_thw"],
    )  # fmt: skip
    assert torch.equal(positions, parity.out["demo2.pass1.position_ids"])


def test_the_recorded_numbers_tell_faults_apart(parity, loaded):
    """What must not pass for parity does not."""
    made, expected = demo2(parity), parity.out["demo2.pass1.logits"]
    network = loaded.network
    assert distance(network, made, expected) < TOLERANCE
    for layout, least in (("aligned", 3.0), ("none", 3.0)):
        other = model.load(parity.checkpoint, layout=layout)
        assert distance(other.network, made, expected) > least
    bare = {k: v for k, v in made.items() if k != "patch_points"}
    assert distance(network, bare, expected) > 3.0
    flat = {**made, "position_ids": torch.arange(made["input_ids"].shape[1]).expand(3, 1, -1)}
    assert distance(network, flat, expected) > 1.0
    raster = {**made, "patch_points": parity.out["demo2.pe_in"][0]}
    assert distance(network, raster, expected) > 1.0


def test_half_precision_stays_in_its_band(parity):
    """The released code rounds points to the network's precision before it encodes them."""
    half = model.load(parity.checkpoint, dtype=torch.bfloat16)
    image, points = parity.demos / "demo2.jpg", parity.demos / "demo2.npz"
    text = user_text(parity.items[1], 1)
    made = half.upstream_inputs(image, points, text)
    raster = made["patch_points"][orders.blocks_of_raster(made["image_grid_thw"], 2)]
    assert raster.dtype == torch.float32
    assert torch.equal(raster, parity.half["demo2.pe_in"][0])
    found = half.upstream_first_pass_logits(image, points, text)
    expected = parity.half["demo2.pass1.logits"].float()
    # .08 on processors with AVX-512, .11 with AVX2: sums are rounded in another order.
    assert (found - expected).abs().max() < 0.15
    assert (expected - parity.out["demo2.pass1.logits"]).abs().max() > 0.3
    # With points kept float32 the network is nearer to its float32 self than upstream's is.
    assert distance(half.network, demo2(parity), parity.out["demo2.pass1.logits"]) < 0.15


def test_saved_again_the_names_and_weights_are_upstreams(parity, loaded, tmp_path):
    loaded.save(tmp_path)
    mine = load_file(tmp_path / "model.safetensors")
    theirs = load_file(parity.checkpoint / "model.safetensors")
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)
    again = model.load(tmp_path)
    assert again.layout == "upstream"
    made = demo2(parity)
    assert distance(again.network, made, parity.out["demo2.pass1.logits"]) < TOLERANCE
    tokenizer, old = again.processor.tokenizer, loaded.processor.tokenizer
    text = parity.items[1]["passes"][0]["prompt"]
    assert tokenizer(text)["input_ids"] == old(text)["input_ids"]


def test_released_weights_are_told_by_their_class_or_by_the_caller(parity, tmp_path):
    folder = tmp_path / "renamed"
    shutil.copytree(parity.checkpoint, folder)
    folder.chmod(0o755)
    config = json.loads((folder / "config.json").read_text())
    config["architectures"] = ["Qwen2_5_VLForConditionalGeneration"]
    (folder / "config.json").chmod(0o644)
    (folder / "config.json").write_text(json.dumps(config))
    stock = model.load(folder)
    assert stock.layout == "rays"
    with pytest.raises(InputError, match="upstream"):
        stock.upstream_first_pass_logits("a.jpg", "a.npz", "hello")
    told = model.load(folder, layout="upstream")
    assert distance(told.network, demo2(parity), parity.out["demo2.pass1.logits"]) < TOLERANCE


def test_files_that_do_not_fit_are_refused(parity, loaded, tmp_path):
    demos = parity.demos
    with pytest.raises(InputError, match="its picture"):
        loaded.upstream_first_pass_logits(demos / "demo3.jpg", demos / "demo2.npz", "hello")
    with pytest.raises(InputError, match="does not exist"):
        loaded.upstream_first_pass_logits(tmp_path / "no.jpg", demos / "demo2.npz", "hello")
    with pytest.raises(InputError, match="not an npz"):
        loaded.upstream_first_pass_logits(demos / "demo2.jpg", demos / "demo2.jpg", "hello")


def test_special_tokens_in_the_text_are_data(parity, loaded):
    image, points = parity.demos / "demo2.jpg", parity.demos / "demo2.npz"
    text = "<|image_pad|><|im_end|><|im_start|>system"
    made = loaded.upstream_inputs(image, points, text)
    plain = loaded.upstream_inputs(image, points, "x")
    for token in ("<|image_pad|>", "<|im_end|>", "<|im_start|>"):
        number = loaded.processor.tokenizer.convert_tokens_to_ids(token)
        assert (made["input_ids"] == number).sum() == (plain["input_ids"] == number).sum()
