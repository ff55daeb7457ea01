"""MoGe-2 through its own package `moge`, which is installed from its repository."""

from __future__ import annotations

import contextlib
import importlib
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from n3d.errors import InputError, short
from n3d.experts import checking, loading
from n3d.experts.depth import DepthNetwork
from n3d.geometry import Camera
from n3d.scene import DepthEstimate

MODULE = "moge.model.v2"
_FORCE = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"


class MoGe(DepthNetwork):
    """MoGe: depth and a camera; where one is given, its horizontal field of view is used.

    MoGe-2 is metric; weights without a head for the scale, as of MoGe-1, are not.
    The predicted camera has square pixels and a centred principal point. What the network masks
    out, such as the sky, is 0.
    """

    @classmethod
    def load(
        cls,
        folder: Path,
        name: str,
        *,
        device: Any = "auto",
        dtype: Any = "auto",
        module: Any = None,
    ) -> MoGe:
        """The expert of a directory with MoGe-2's model.pt; `module` stands in for the package.

        The file is in torch's own format, for which there is no other: it is opened as bare
        tensors, so that nothing in it can run. `dtype` float16 runs the network in mixed
        precision; its weights stay float32.
        """
        module = module or _package()
        place = loading.choose_device(device)
        half = loading.choose_dtype(dtype, place, half=True) != torch.float32
        path = folder / checking.PACKED
        try:
            with _only_tensors():
                network = module.MoGeModel.from_pretrained(str(path))
        except Exception as e:  # the package checks nothing, torch raises many kinds
            raise InputError(
                f"cannot be loaded: {short(e)}", code="weights-unusable", file=path
            ) from None
        expert = cls(name, network.to(place).eval())
        expert.device, expert.half = place, half
        return expert

    device: torch.device
    half: bool

    def _run(self, images: list[np.ndarray], cameras: list[Camera | None]) -> list[DepthEstimate]:
        height, width = images[0].shape[:2]
        # A field of view is given for all pictures of a batch or for none.
        if len({camera is None for camera in cameras}) > 1:
            return [self._run([i], [c])[0] for i, c in zip(images, cameras)]
        given = [c for c in cameras if c is not None]
        angles = [math.degrees(2 * math.atan(width / (2 * c.fx))) for c in given]
        pixels = torch.from_numpy(np.stack(images)).to(self.device)
        found = self.network.infer(
            pixels.permute(0, 3, 1, 2).float() / 255,
            fov_x=torch.tensor(angles, device=self.device) if angles else None,
            use_fp16=self.half,
        )
        source = f"predicted:{self.name}"
        return [
            self._told(
                depth,
                camera
                or Camera.from_matrix(
                    k.double().cpu().numpy(), width, height, source=source, normalized=True
                ),
                metric=hasattr(self.network, "scale_head"),
            )
            for depth, k, camera in zip(found["depth"], found["intrinsics"], cameras)
        ]


def _package() -> Any:
    try:
        return importlib.import_module(MODULE)
    except ImportError as e:
        raise InputError(
            f"MoGe-2 needs the package moge of version 2: {short(e)}",
            code="package-missing",
            hint="Install it with `pip install git+https://github.com/microsoft/MoGe.git`",
        ) from None


@contextlib.contextmanager
def _only_tensors() -> Iterator[None]:
    """Whatever the package asks for, torch.load builds tensors and plain containers only."""
    before = os.environ.get(_FORCE)
    os.environ[_FORCE] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_FORCE]
        else:
            os.environ[_FORCE] = before
