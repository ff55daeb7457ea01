"""What a folder holds is told from a bounded sample of each class."""

from __future__ import annotations

import io
import tracemalloc

import numpy as np

from n3d.geometry import Box3D
from n3d.pipelines import inspecting
from n3d.scene import Drop, Object3D, Scene, manifests


def scenes(n: int):
    """Scenes of ten mugs; sides of the k-th are k times 1, 2 and 3 tenths of a millimetre."""
    for i in range(n):
        sides = np.outer(np.arange(10 * i + 1, 10 * i + 11), [1e-4, 3e-4, 2e-4])
        mugs = (Object3D(f"{k}", "mug", Box3D([0, 0, 2], s)) for k, s in enumerate(sides))
        yield Scene(f"{i}", "p", tuple(mugs))


def test_a_small_class_is_told_exactly():
    mugs = inspecting.sizes(scenes(100))["mug"]
    assert mugs["count"] == 1000
    exact = np.percentile(np.arange(1, 1001) * 3e-4, inspecting.PERCENTILES)
    assert np.allclose(mugs["longest"], exact, atol=1e-3)


def test_a_large_class_is_told_from_a_sample_that_is_drawn_evenly():
    mugs = inspecting.sizes(scenes(1500))["mug"]
    assert mugs["count"] == 15000
    exact = np.percentile(np.arange(1, 15001) * 3e-4, inspecting.PERCENTILES)
    assert np.allclose(mugs["longest"], exact, atol=0.05 * 4.5)
    assert mugs == inspecting.sizes(scenes(1500))["mug"]


def test_memory_does_not_grow_with_the_data_set(monkeypatch):
    monkeypatch.setattr(inspecting, "SAMPLED", 100)
    peaks = []
    for n in (50, 500):
        tracemalloc.start()
        inspecting.sizes(scenes(n))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


def test_drops_go_to_their_file_and_are_counted():
    file = io.BytesIO()
    drops = manifests.DropFile(file)
    for reason in ("b", "a", "b"):
        drops.append(Drop("x\ud800", reason, "said"))
    assert drops.by_reason == {"a": 1, "b": 2}
    assert file.getvalue().decode().splitlines()[1] == (
        '{"detail":"said","id":"x\\\\ud800","reason":"a"}'
    )
