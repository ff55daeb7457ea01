"""MoGe-2 over a module that stands in for its package, which is not to be had from an index."""

from __future__ import annotations

import os
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the model extra: torch")
pytest.importorskip("transformers", reason="needs the model extra: transformers")

from expert_samples import picture  # noqa: E402

from n3d.errors import InputError  # noqa: E402
from n3d.experts import moge  # noqa: E402
from n3d.experts.depth import load_depth  # noqa: E402
from n3d.geometry import Camera  # noqa: E402


class FakeMoGe(torch.nn.Module):
    """The names and shapes of moge.model.v2.MoGeModel; sees the mean of the colours as depth."""

    def __init__(self, weight: torch.Tensor) -> None:
        super().__init__()
        self.scale_head = torch.nn.Parameter(weight)

    @classmethod
    def from_pretrained(cls, path):
        return cls(torch.load(path, map_location="cpu")["model"]["weight"])

    @torch.inference_mode()
    def infer(self, image, fov_x=None, use_fp16=True):
        count, _, height, width = image.shape
        depth = image.mean(1) * self.scale_head + 1
        depth[:, 0] = torch.inf  # as masked pixels are
        angle = torch.full((count,), 60.0) if fov_x is None else fov_x
        fx = 0.5 / torch.tan(torch.deg2rad(angle) / 2)
        k = torch.zeros(count, 3, 3)
        k[:, 0, 0], k[:, 1, 1] = fx, fx * width / height
        k[:, :2, 2], k[:, 2, 2] = 0.5, 1
        return {"depth": depth, "intrinsics": k, "mask": depth < torch.inf}


@pytest.fixture
def folder(tmp_path):
    torch.save({"model": {"weight": torch.tensor(2.0)}, "model_config": {}}, tmp_path / "model.pt")
    return tmp_path


@pytest.fixture
def expert(folder, monkeypatch):
    monkeypatch.setattr(moge, "_package", lambda: SimpleNamespace(MoGeModel=FakeMoGe))
    return load_depth(folder, device="cpu")


def test_depth_and_camera_come_from_the_package(expert):
    found = expert.estimate(picture())
    assert (found.source, found.metric) == ("predicted:moge-2", True)
    assert found.depth.dtype == np.float32
    assert (found.depth[0] == 0).all()
    np.testing.assert_allclose(found.depth[1:], picture()[1:].mean(-1) / 127.5 + 1, rtol=1e-5)
    expected = Camera.from_fov(60, 64, 48)
    assert found.camera.source == "predicted:moge-2"
    np.testing.assert_allclose(found.camera.matrix, expected.matrix, rtol=1e-5)


def test_a_given_camera_is_passed_on(expert, monkeypatch):
    angles = []
    infer = expert.network.infer
    monkeypatch.setattr(
        expert.network, "infer", lambda *a, **k: angles.append(k["fov_x"]) or infer(*a, **k)
    )
    camera = Camera(50.0, 51.0, 30.0, 20.0, 64, 48)
    found = expert.estimate_all([picture(), picture(1)], [camera, None])
    assert found[0].camera is camera
    assert found[1].camera.source == "predicted:moge-2"
    assert angles[0].tolist() == pytest.approx([2 * np.degrees(np.arctan(64 / 100))])
    assert angles[1] is None


def test_the_file_is_opened_as_tensors_only(folder, monkeypatch):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(folder / "ran"),)

    torch.save({"model": Bomb()}, folder / "model.pt")
    module = SimpleNamespace(MoGeModel=FakeMoGe)
    # Even where the package asks for more.
    monkeypatch.setattr(FakeMoGe, "from_pretrained", lambda p: torch.load(p, weights_only=False))
    with pytest.raises(InputError, match="cannot be loaded") as caught:
        moge.MoGe.load(folder, "moge-2", device="cpu", module=module)
    assert caught.value.code == "weights-unusable"
    assert not (folder / "ran").exists()
    assert moge._FORCE not in os.environ


def test_weights_without_a_scale_are_not_metric(expert):
    del expert.network.scale_head
    expert.network.scale = 1
    expert.network.infer = lambda image, **_: {
        "depth": torch.ones(1, 48, 64),
        "intrinsics": torch.tensor([[[1.0, 0, 0.5], [0, 1, 0.5], [0, 0, 1]]]),
    }
    assert not expert.estimate(picture()).metric


def test_without_the_package_its_home_is_named(folder):
    try:
        import moge as installed  # noqa: F401
    except ImportError:
        with pytest.raises(InputError, match="pip install git") as caught:
            load_depth(folder)
        assert caught.value.code == "package-missing"
    else:
        pytest.skip("the package moge is installed")
