from __future__ import annotations

import json
import pickle
import shutil
import struct
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the model extra: torch")
transformers = pytest.importorskip("transformers", reason="needs the model extra: transformers")

from safetensors.torch import load_file, save_file  # noqa: E402

from n3d import model  # noqa: E402
from n3d.errors import ConfigError, InputError  # noqa: E402

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"


class Payload:
    """Runs code when it is unpickled."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self):
        return (open, (str(self.proof), "w"))


def refused(folder, code: str, *words: str, **options) -> InputError:
    """Loading must fail with this code, and the message name all words."""
    with pytest.raises(InputError) as caught:
        model.load(folder, **options)
    assert caught.value.code == code, str(caught.value)
    for word in words:
        assert word in str(caught.value)
    return caught.value


def change_config(folder: Path, **values) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def change_weights(folder: Path, change) -> dict:
    tensors = load_file(folder / WEIGHTS)
    change(tensors)
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    return tensors


def shard(folder: Path, **places) -> None:
    """Cut the weights into two shards with an index; `places` overrides index entries."""
    tensors = load_file(folder / WEIGHTS)
    (folder / WEIGHTS).unlink()
    names = sorted(tensors)
    parts = {"a.safetensors": names[: len(names) // 2], "b.safetensors": names[len(names) // 2 :]}
    for file, part in parts.items():
        save_file({n: tensors[n] for n in part}, folder / file, metadata={"format": "pt"})
    where = {name: file for file, part in parts.items() for name in part}
    where |= {name.replace("__", "."): file for name, file in places.items()}
    index = {"metadata": {"total_size": 1}, "weight_map": where}
    (folder / INDEX).write_text(json.dumps(index))


@pytest.fixture
def family():
    return "qwen2_5_vl"


# -- sound directories --------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["qwen2_5_vl", "qwen3_vl"])
def test_shards_load_as_one_file_does(stock, kind, tmp_path):
    folder = tmp_path / "sharded"
    shutil.copytree(stock[kind], folder)
    shard(folder)
    a, b = (model.load(f).network.state_dict() for f in (stock[kind], folder))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_added_layers_are_the_same_each_time_and_leave_the_seed_alone(stock):
    torch.manual_seed(7)
    first = torch.rand(1)
    torch.manual_seed(7)
    a = model.load(stock["qwen3_vl"]).network.state_dict()
    assert torch.rand(1) == first
    torch.manual_seed(8)
    b = model.load(stock["qwen3_vl"]).network.state_dict()
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_flat_configurations_of_the_hub_load(copy_of):
    """Published Qwen2.5-VL configs have no text_config: its fields stand at the top."""
    config = json.loads((copy_of / "config.json").read_text())
    text = config.pop("text_config")
    rope = text.pop("rope_parameters")
    text["rope_theta"] = rope["rope_theta"]
    text["rope_scaling"] = {"type": "mrope", "mrope_section": rope["mrope_section"]}
    text.pop("model_type")
    text.pop("layer_types", None)
    config["vision_config"]["model_type"] = "qwen2_5_vl"
    (copy_of / "config.json").write_text(json.dumps(text | config))
    loaded = model.load(copy_of)
    assert loaded.network.config.text_config.hidden_size == 32
    assert loaded.network.config.text_config.rope_parameters["mrope_section"] == [2, 3, 3]


def test_dtypes_are_those_of_the_files_or_of_the_caller(copy_of):
    change_weights(copy_of, lambda t: t.update({n: v.bfloat16() for n, v in t.items()}))
    change_config(copy_of, dtype="bfloat16")
    assert model.load(copy_of).network.dtype == torch.bfloat16
    assert model.load(copy_of, dtype=torch.float32).network.dtype == torch.float32


def test_configurations_cannot_choose_other_code(copy_of):
    text = json.loads((copy_of / "config.json").read_text())["text_config"]
    foreign = {"_attn_implementation": "someone/kernels", "attn_implementation": "x/y"}
    change_config(copy_of, **foreign, text_config=text | foreign)
    config = model.load(copy_of).network.config
    for part in (config, config.text_config, config.vision_config):
        assert part._attn_implementation in ("sdpa", "eager")


def test_hub_names_are_fetched_without_pickles_and_code(stock, monkeypatch):
    import huggingface_hub

    asked = []

    def snapshot_download(name, allow_patterns):
        asked.append((name, allow_patterns))
        if name == "someone/else":
            raise OSError("no network")
        return str(stock["qwen3_vl"])

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    assert model.load("Qwen/Qwen3-VL").layout == "rays"
    (name, patterns), *_ = asked
    assert name == "Qwen/Qwen3-VL"
    assert not {"*.bin", "*.pt", "*.py", "*"} & set(patterns)
    refused("someone/else", "checkpoint-hub", "no network")
    refused("not a name", "checkpoint-missing")
    assert len(asked) == 2


# -- weights ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.pth"])
def test_pickled_weights_are_refused_unopened(copy_of, tmp_path, name):
    proof = tmp_path / "proof"
    (copy_of / WEIGHTS).unlink()
    (copy_of / name).write_bytes(pickle.dumps(Payload(proof)))
    refused(copy_of, "checkpoint-pickle", name, "safetensors")
    refused(copy_of / name, "checkpoint-pickle", name)
    assert not proof.exists()


@pytest.mark.parametrize("kind", ["pickle", "torch"])
def test_pickles_under_another_name_are_refused(copy_of, tmp_path, kind):
    proof = tmp_path / "proof"
    path = copy_of / WEIGHTS
    if kind == "pickle":
        path.write_bytes(pickle.dumps(Payload(proof)))
    else:
        torch.save({"weight": torch.zeros(2)}, path)
    refused(copy_of, "checkpoint-pickle", WEIGHTS)
    assert not proof.exists()


def test_a_sound_header_may_begin_like_a_pickle(copy_of):
    path = copy_of / WEIGHTS
    raw = path.read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    longer = length + (0x80 - length) % 256
    header = raw[8 : 8 + length] + b" " * (longer - length)
    path.write_bytes(struct.pack("<Q", longer) + header + raw[8 + length :])
    assert path.read_bytes()[:1] == b"\x80"
    assert model.load(copy_of).layout == "rays"


def test_truncated_files_are_named(copy_of):
    path = copy_of / WEIGHTS
    whole = path.read_bytes()
    for cut in (whole[:-100], whole[:200], whole[:5], whole + b"more"):
        path.write_bytes(cut)
        refused(copy_of, "checkpoint-truncated", WEIGHTS)
    path.write_bytes(b"")
    refused(copy_of, "file-empty", WEIGHTS)
    path.write_bytes(struct.pack("<Q", 1 << 60) + whole[8:])
    refused(copy_of, "checkpoint-truncated", WEIGHTS)


def test_broken_headers_are_refused(copy_of):
    path = copy_of / WEIGHTS
    for header in (
        b"not json",
        b"[1, 2]",
        b'{"a": 1}',
        b'{"a": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}}',
        b'{"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}}',
        b'{"a": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}}',
        b'{"a": {"dtype": "F32", "shape": [2], "data_offsets": ["0", 8]}}',
    ):
        path.write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 8)
        refused(copy_of, "checkpoint-header", WEIGHTS)


def test_truncated_and_missing_shards_are_named(copy_of):
    shard(copy_of)
    path = copy_of / "b.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused(copy_of, "checkpoint-truncated", "b.safetensors")
    path.unlink()
    refused(copy_of, "checkpoint-shard", "b.safetensors", INDEX)


@pytest.mark.parametrize(
    "place", ["../x.safetensors", "/etc/x.safetensors", "sub/x.safetensors", "..", "", 3]
)
def test_an_index_may_name_files_beside_it_only(copy_of, place):
    (copy_of.parent / "x.safetensors").write_bytes(b"")
    shard(copy_of, lm_head__weight=place)
    refused(copy_of, "checkpoint-path", INDEX)


def test_an_index_may_name_safetensors_only(copy_of):
    shard(copy_of, lm_head__weight="c.bin")
    refused(copy_of, "checkpoint-pickle", "c.bin")
    (copy_of / INDEX).write_text('{"weight_map": {"a": "config.json"}}')
    refused(copy_of, "checkpoint-path", "config.json")
    for text in ("{}", "[]", '{"weight_map": {}}', '{"weight_map": 3}'):
        (copy_of / INDEX).write_text(text)
        refused(copy_of, "checkpoint-index", INDEX)


def test_tensors_the_index_promises_must_be_there(copy_of):
    shard(copy_of, visual__absent="a.safetensors")
    refused(copy_of, "checkpoint-tensor", "visual.absent", "a.safetensors")


def test_wrong_shapes_are_named(copy_of):
    change_weights(copy_of, lambda t: t.update({"lm_head.weight": torch.zeros(7, 32)}))
    refused(copy_of, "checkpoint-tensor", "lm_head.weight", "[7, 32]", "[263, 32]")


def test_wrong_types_are_named(copy_of):
    change_weights(copy_of, lambda t: t.update({"lm_head.weight": t["lm_head.weight"].int()}))
    refused(copy_of, "checkpoint-dtype", "lm_head.weight", "I32")


def test_missing_and_foreign_tensors_are_named(copy_of):
    whole = change_weights(copy_of, lambda t: t.pop("visual.merger.mlp.0.weight"))
    refused(copy_of, "checkpoint-tensor", "visual.merger.mlp.0.weight")
    change_weights(
        copy_of,
        lambda t: t.update(
            {"visual.merger.mlp.0.weight": torch.zeros(128, 128), "visual.extra": torch.zeros(2)}
        ),
    )
    refused(copy_of, "checkpoint-tensor", "visual.extra")
    assert "visual.merger.mlp.0.weight" not in whole


def test_a_tied_head_must_be_what_it_is_tied_to(copy_of):
    change_config(copy_of, tie_word_embeddings=True)
    refused(copy_of, "checkpoint-tensor", "lm_head.weight", "embed_tokens")
    change_weights(copy_of, lambda t: t.pop("lm_head.weight"))
    network = model.load(copy_of).network
    assert network.lm_head.weight is network.model.language_model.embed_tokens.weight
    change_config(copy_of, tie_word_embeddings=False)
    refused(copy_of, "checkpoint-tensor", "lm_head.weight")


def test_our_own_layers_may_lack_in_stock_backbones_only(copy_of, tmp_path):
    model.load(copy_of).save(tmp_path / "ours")
    change_weights(tmp_path / "ours", lambda t: t.pop("model.points.late.bias"))
    refused(tmp_path / "ours", "checkpoint-tensor", "model.points.late.bias")
    assert model.load(tmp_path / "ours", layout="none").layout == "none"
    change_config(tmp_path / "ours", point_encoding="aligned")
    assert model.load(tmp_path / "ours", layout="rays").layout == "rays"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(copy_of, value):
    def spoil(tensors):
        tensors["visual.blocks.1.attn.qkv.weight"][3, 3] = value

    change_weights(copy_of, spoil)
    refused(copy_of, "checkpoint-not-finite", "visual.blocks.1.attn.qkv.weight")


# -- the rest of the directory ------------------------------------------------------------


def test_directories_that_bring_code_are_refused(copy_of, tmp_path):
    proof = tmp_path / "proof"
    (copy_of / "modeling.py").write_text(f"open({str(proof)!r}, 'w')")
    for name in ("config.json", "tokenizer_config.json", "processor_config.json"):
        path = copy_of / name
        old = path.read_text()
        path.write_text(json.dumps({**json.loads(old), "auto_map": {"AutoModel": "modeling.X"}}))
        refused(copy_of, "checkpoint-code", name, "auto_map")
        path.write_text(old)
    assert not proof.exists()
    model.load(copy_of)


def test_other_directories_are_refused(copy_of, tmp_path):
    refused(tmp_path / "nothing", "checkpoint-missing", "does not exist")
    refused(copy_of / "config.json", "checkpoint-missing", "not a model directory")
    change_config(copy_of, model_type="llava")
    refused(copy_of, "checkpoint-family", "llava", "qwen3_vl")
    (copy_of / "config.json").write_text('{"model_type": NaN}')
    refused(copy_of, "json-strict", "config.json")
    (copy_of / "config.json").unlink()
    refused(copy_of, "file-missing", "config.json")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("vision_config", {"depth": "two"}),
        ("text_config", 3),
        ("text_config", {"num_hidden_layers": 10**9}),
        ("image_token_id", "image"),
        ("point_encoding", "mlp"),
        ("point_samples", "two"),
    ],
)
def test_broken_configurations_are_refused(copy_of, field, value):
    old = json.loads((copy_of / "config.json").read_text()).get(field)
    change_config(copy_of, **{field: old | value if isinstance(value, dict) else value})
    with pytest.raises((InputError, ConfigError), match=r"config\.json"):
        model.load(copy_of)


def test_adapters_are_refused(copy_of):
    (copy_of / "adapter_config.json").write_text('{"base_model_name_or_path": "someone/else"}')
    refused(copy_of, "checkpoint-adapter", "Merge")


def test_a_directory_without_tokenizer_is_refused(copy_of):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (copy_of / name).unlink()
    refused(copy_of, "checkpoint-processor", "<|image_pad|>")


def test_the_tokenizer_of_another_model_is_refused(copy_of):
    change_config(copy_of, image_token_id=5)
    refused(copy_of, "checkpoint-processor", "<|image_pad|>", "261", "5")


def test_unknown_layouts_are_refused(stock):
    with pytest.raises(ConfigError, match="layout"):
        model.load(stock["qwen2_5_vl"], layout="mlp")


def test_importing_the_room_is_light():
    import subprocess
    import sys

    code = "import sys, n3d.model; print({'torch', 'transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
    with pytest.raises(AttributeError):
        model.nothing
