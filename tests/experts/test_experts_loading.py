"""Directories that must not be loaded: each is told in one sentence that names the file."""

from __future__ import annotations

import json
import shutil

import pytest

torch = pytest.importorskip("torch", reason="needs the model extra: torch")
pytest.importorskip("transformers", reason="needs the model extra: transformers")

from safetensors.torch import load_file, save_file  # noqa: E402

from n3d.errors import InputError  # noqa: E402
from n3d.experts.depth import load_depth  # noqa: E402
from n3d.experts.detecting import load_detector  # noqa: E402
from n3d.experts.loading import choose_dtype  # noqa: E402
from n3d.experts.segmenting import load_segmenter  # noqa: E402


@pytest.fixture
def folder(tiny, tmp_path):
    return shutil.copytree(tiny("depth_anything", "metric")[0], tmp_path / "weights")


def refused(folder, code, *, load=load_depth):
    with pytest.raises(InputError) as caught:
        load(folder, device="cpu")
    error = caught.value
    assert error.code == code, str(error)
    assert str(folder) in error.file
    assert "\n" not in str(error)
    return error


def edited(folder, name="config.json", **changes):
    raw = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps(raw | changes))


def test_directories_without_a_config_or_weights(folder):
    (folder / "model.safetensors").unlink()
    refused(folder, "weights-missing")
    (folder / "config.json").unlink()
    refused(folder, "weights-config")


@pytest.mark.parametrize("load", [load_depth, load_detector, load_segmenter])
def test_another_family(folder, load):
    edited(folder, model_type="llama")
    error = refused(folder, "weights-family", load=load)
    assert error.field == "model_type"
    assert error.limit


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json"])
def test_code_in_a_config(folder, name):
    edited(folder, name, auto_map={"AutoModel": "evil.Evil"})
    assert refused(folder, "weights-code").field == "auto_map"


def test_pickled_weights(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    error = refused(folder, "weights-pickle")
    assert error.file.endswith("pytorch_model.bin")
    assert error.limit == "safetensors"


def test_weights_that_are_cut_short_or_no_safetensors(folder):
    path = folder / "model.safetensors"
    data = path.read_bytes()
    for bad, code in (
        (data[:-3], "weights-truncated"),
        (data[:100], "weights-truncated"),
        (b"", "weights-truncated"),
        (data + b"\0", "weights-truncated"),
        (b"\x80\x04" + bytes(40), "weights-truncated"),
        (data[:8] + b"[" + data[9:], "weights-header"),
    ):
        path.write_bytes(bad)
        assert refused(folder, code).file.endswith("model.safetensors")


def test_tensors_that_are_missing_or_wrong(folder):
    path = folder / "model.safetensors"
    tensors = load_file(path)
    name = "head.conv1.weight"
    save_file({k: v for k, v in tensors.items() if k != name}, path, {"format": "pt"})
    assert refused(folder, "weights-tensor").field == name
    save_file(tensors | {name: tensors[name][:1].clone()}, path, {"format": "pt"})
    refused(folder, "weights-unusable")
    save_file(tensors | {name: tensors[name] * float("nan")}, path, {"format": "pt"})
    assert refused(folder, "weights-not-finite").field == name


def test_an_index_that_leaves_its_folder_or_names_what_is_missing(folder):
    (folder / "model.safetensors").unlink()
    index = folder / "model.safetensors.index.json"
    for names, code in (
        ({"a": "../model.safetensors"}, "weights-index"),
        ({"a": "pytorch_model.bin"}, "weights-index"),
        ({"a": 3}, "weights-index"),
        ({}, "weights-index"),
        ({"a": "model-00001-of-00002.safetensors"}, "weights-missing"),
    ):
        index.write_text(json.dumps({"weight_map": names}))
        refused(folder, code)


def test_a_backbone_in_another_place_is_not_fetched(folder):
    edited(folder, backbone="facebook/dinov2-small", backbone_config=None)
    assert refused(folder, "weights-backbone").field == "backbone"


def test_configs_that_describe_nothing(folder):
    edited(folder, depth_estimation_type="guessed")
    refused(folder, "weights-unusable")
    for text in ("[]", "{", '{"model_type": NaN}'):
        (folder / "config.json").write_text(text)
        with pytest.raises(InputError, match=r"config\.json"):
            load_depth(folder)


def test_kernels_named_in_a_config_are_left_out(folder):
    edited(folder, _attn_implementation="someone/kernel", attn_implementation="someone/kernel")
    assert load_depth(folder, device="cpu").network.config._attn_implementation != "someone/kernel"


def test_without_a_processor(folder, tiny, tmp_path):
    (folder / "preprocessor_config.json").unlink()
    refused(folder, "weights-processor")
    pro = shutil.copytree(tiny("depth_pro", True)[0], tmp_path / "pro")
    edited(pro, "preprocessor_config.json", size={"longest_edge": 3})
    refused(pro, "weights-processor")
    (pro / "preprocessor_config.json").unlink()
    refused(pro, "weights-processor")
    owl = shutil.copytree(tiny("owlv2")[0], tmp_path / "owl")
    (owl / "vocab.json").unlink()
    refused(owl, "weights-processor", load=load_detector)


def test_half_precision_is_for_gpus_and_networks_that_bear_it():
    cuda, cpu = torch.device("cuda"), torch.device("cpu")
    assert choose_dtype("auto", cuda, half=True) == torch.float16
    assert choose_dtype("auto", cuda, half=False) == torch.float32
    assert choose_dtype("auto", cpu, half=True) == torch.float32
    assert choose_dtype("bfloat16", cpu, half=False) == torch.bfloat16
    assert choose_dtype(torch.float16, cpu, half=False) == torch.float16
