"""Qwen2.5-VL and Qwen3-VL on this machine, stock weights, as a Chat.

Their stock processor wants torchvision, so the prompt is put together here: the image processor
and the tokenizer are those of the directory, the chat format is written out. What is said in a
turn is split into ordinary tokens: no text can end the turn or name a picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from n3d.errors import InputError, short
from n3d.experts import chatting, store

FAMILIES = {
    "qwen2_5_vl": ("Qwen2_5_VLForConditionalGeneration", "You are a helpful assistant."),
    "qwen3_vl": ("Qwen3VLForConditionalGeneration", None),
}
"""`model_type` -> the class of transformers, and what the system says where nothing is given."""
MAX_PIXELS = 1 << 21
_START, _END = "<|im_start|>", "<|im_end|>"


class LocalChat:
    """A Chat from a directory, or from a hub name whose files are in the cache.

    Never reaches the network. `device` "auto" is the GPU where there is one, `dtype` "auto"
    bfloat16 there and else float32. Pictures of more than `max_pixels` are made smaller. Raises
    InputError for weights that are missing, damaged, no safetensors or of another family.
    """

    def __init__(
        self,
        path: str | Path,
        device: Any = "auto",
        *,
        dtype: Any = "auto",
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        import transformers
        from transformers import AutoTokenizer
        from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import (
            Qwen2VLImageProcessorPil,
        )

        from n3d.experts import loading

        chatting.check_number("max_pixels", max_pixels, 1 << 16, 1 << 26)
        self.folder = store.folder(path)
        self.max_pixels = max_pixels
        self.device = loading.choose_device(device)
        family, raw = loading.read_family(self.folder, FAMILIES)
        name, self._system = FAMILIES[family]
        if dtype == "auto":
            dtype = "float32" if self.device.type == "cpu" else "bfloat16"
        self._images = loading.read_processor(self.folder, Qwen2VLImageProcessorPil)
        self._tokenizer = loading.read_processor(
            self.folder, AutoTokenizer, trust_remote_code=False
        )
        self._network = loading.read_network(
            self.folder, getattr(transformers, name), raw, device=self.device, dtype=dtype
        )
        self._check_tokens()

    def reply(
        self,
        system: str | None,
        text: str,
        images: Sequence[np.ndarray] = (),
        *,
        max_tokens: int = chatting.MAX_TOKENS,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> str:
        """As `Chat.reply`; special tokens of boxes stay in the text."""
        chatting.check(system, text, images, max_tokens, temperature, seed)
        inputs = self._inputs(self._system if system is None else system, text, images)
        before = inputs["input_ids"].shape[1]
        room = self._network.config.text_config.max_position_embeddings - before
        if room < 1:
            raise InputError(
                f"has {before} tokens with its pictures",
                code="chat-long",
                field="text",
                limit=f"{room + before} tokens",
            )
        said = self._write(inputs, min(max_tokens, room), temperature, seed)
        if not said.strip():
            raise InputError("answered with an empty text", code="chat-empty", file=self.folder)
        return said

    def _write(self, inputs: dict[str, Any], most: int, temperature: float, seed: int) -> str:
        import torch

        drawn = {"do_sample": True, "temperature": float(temperature), "top_p": 1.0, "top_k": 0}
        greedy = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
        devices = [self.device] if self.device.type == "cuda" else []
        end = self._id(_END)
        try:
            with torch.inference_mode(), torch.random.fork_rng(devices=devices):
                torch.manual_seed(seed)
                out = self._network.generate(
                    **inputs,
                    **(drawn if temperature > 0 else greedy),
                    max_new_tokens=most,
                    repetition_penalty=1.0,
                    eos_token_id=end,
                    pad_token_id=end,
                )
        except torch.OutOfMemoryError:
            raise InputError(
                f"does not fit the memory of {self.device} with these pictures",
                code="chat-memory",
                file=self.folder,
                hint="Give smaller pictures, or a smaller max_pixels=",
            ) from None
        ids = out[0, inputs["input_ids"].shape[1] :].tolist()
        ids = ids[: ids.index(end)] if end in ids else ids
        return self._tokenizer.decode(ids, skip_special_tokens=False)

    def _inputs(
        self, system: str | None, text: str, images: Sequence[np.ndarray]
    ) -> dict[str, Any]:
        """The tensors of one prompt, open for the answer."""
        import torch

        config = self._network.config
        seen = self._see(images) if images else {}
        pictures: list[int] = []
        for grid in seen.get("image_grid_thw", ()):
            pads = int(grid.prod()) // self._images.merge_size**2
            pictures += [config.vision_start_token_id]
            pictures += [config.image_token_id] * pads
            pictures += [config.vision_end_token_id]
        ids = [] if system is None else self._turn("system", [], system)
        ids += self._turn("user", pictures, text)
        ids += [self._id(_START), *self._plain("assistant\n")]
        found = torch.tensor([ids], device=self.device)
        inputs = {
            "input_ids": found,
            "attention_mask": torch.ones_like(found),
            # Without them Qwen2.5-VL falls back to one-dimensional positions in silence.
            "mm_token_type_ids": (found == config.image_token_id).int(),
        }
        if seen:
            pixels = seen["pixel_values"].to(self.device, self._network.dtype)
            inputs |= {"pixel_values": pixels}
            inputs |= {"image_grid_thw": seen["image_grid_thw"].to(self.device)}
        return inputs

    def _see(self, images: Sequence[np.ndarray]) -> Any:
        size = self._images.size
        least, most = int(size["shortest_edge"]), int(size["longest_edge"])
        try:
            return self._images(
                images=list(images),
                size={
                    "shortest_edge": min(least, self.max_pixels),
                    "longest_edge": min(most, self.max_pixels),
                },
                return_tensors="pt",
                input_data_format="channels_last",
            )
        except ValueError as e:  # a side more than 200 times as long as the other
            raise InputError(
                f"cannot be shown to the model: {short(e)}",
                code="chat-images",
                field="images",
            ) from None

    def _turn(self, role: str, pictures: list[int], text: str) -> list[int]:
        body = [*self._plain(f"{role}\n"), *pictures, *self._plain(text)]
        return [self._id(_START), *body, self._id(_END), *self._plain("\n")]

    def _plain(self, text: str) -> list[int]:
        found = self._tokenizer(text, add_special_tokens=False, split_special_tokens=True)
        return list(found["input_ids"])

    def _id(self, token: str) -> int:
        return self._tokenizer.convert_tokens_to_ids(token)

    def _check_tokens(self) -> None:
        """The tokenizer and image processor must be those of the network."""
        config = self._network.config
        known = self._tokenizer.get_vocab()
        vision = config.vision_config
        for name, found, expected in (
            ("<|image_pad|>", known.get("<|image_pad|>"), config.image_token_id),
            ("patch_size", self._images.patch_size, vision.patch_size),
            ("merge_size", self._images.merge_size, vision.spatial_merge_size),
            (_START, _START in known, True),
            (_END, _END in known, True),
            ("vocab_size", len(self._tokenizer) <= config.text_config.vocab_size, True),
        ):
            if found != expected:
                raise InputError(
                    "its tokenizer or image processor is not that of its network",
                    code="weights-processor",
                    file=self.folder,
                    field=name,
                )
