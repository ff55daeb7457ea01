from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the model extra: torch")
pytest.importorskip("transformers", reason="needs the model extra: transformers")

from n3d.errors import FormatError, InputError  # noqa: E402
from n3d.geometry import Camera  # noqa: E402
from n3d.language import upstream  # noqa: E402
from n3d.model import sine  # noqa: E402


def test_the_code_is_upstreams_to_the_last_bit(shared):
    from safetensors.torch import load_file

    unit = load_file(shared / "parity/encoding_unit.safetensors")
    widths = [int(name.removeprefix("pe_")) for name in unit if name.startswith("pe_")]
    assert len(widths) == 6
    for width in widths:
        # Sines of different instruction sets differ in their last bit.
        off = (sine.code(unit["coords"], width) - unit[f"pe_{width}"]).abs().max()
        assert off <= torch.finfo(torch.float32).eps / 2


def test_the_code_by_its_formula():
    p = torch.tensor([[3.0, -200.0, 1500.0]])
    code = sine.code(p, 65)[0].numpy()
    for axis in range(3):
        for i in range(21):
            angle = p[0, axis].item() / 10000 ** (2 * (i // 2) / 21)
            wave = np.sin(angle) if i % 2 == 0 else np.cos(angle)
            assert code[21 * axis + i] == pytest.approx(wave, abs=1e-4)
    assert (code[63:] == 0).all()


def test_coordinates_are_upstreams(shared):
    from safetensors.torch import load_file

    outputs = load_file(shared / "parity/outputs_fp32.safetensors")
    for i in (1, 2, 3):
        with np.load(shared / f"data/n3dvlm_demo/demo{i}.npz") as file:
            points = file["pcd"]
        _, rows, columns = outputs[f"demo{i}.image_grid_thw"][0].tolist()
        for released in (True, False):
            found = sine.coordinates(points, rows, columns, released=released)
            assert torch.equal(found, outputs[f"demo{i}.pe_in"][0])


def plane(width: int, height: int) -> np.ndarray:
    camera = Camera(width, width, width / 2, height / 2, width, height)
    return upstream.point_map(camera.unproject(np.full((height, width), 2.0, np.float32)))


def test_near_square_maps_are_cut_up_wrongly_by_the_released_code_only():
    points = plane(640, 636)
    mine = sine.coordinates(points, 46, 46, released=False).view(46, 46, 3)
    theirs = sine.coordinates(points, 46, 46, released=True).view(46, 46, 3)
    x = mine[..., 0]  # to the left, so it falls along a row and is the same in all rows
    assert (x.diff(dim=1) < 0).all()
    assert (x.std(dim=0) <= 1).all()
    assert theirs[..., 0].std(dim=0).max() > 50
    portrait = plane(636, 640)
    assert torch.equal(
        sine.coordinates(portrait, 46, 46, released=False),
        sine.coordinates(portrait, 46, 46, released=True),
    )


def test_any_size_is_taken_in_the_right_order_only():
    points = plane(37, 23)
    assert sine.coordinates(points, 4, 6, released=False).shape == (24, 3)
    with pytest.raises(InputError, match="640"):
        sine.coordinates(points, 4, 6, released=True)


def test_a_map_without_points_is_refused():
    points = plane(64, 48)
    points[..., 3] = 0
    with pytest.raises(FormatError, match="no valid point"):
        sine.coordinates(points, 4, 6, released=False)
