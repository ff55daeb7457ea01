"""Networks without weights: they read a row's tokens back from its memory and know what to say."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from types import SimpleNamespace

import numpy as np
import torch
from model_samples import processor_of, tiny_config

import tokenizer_samples
from n3d.model import SpatialModel
from n3d.model.networks import FAMILIES
from n3d.model.prefixes import MEMORY

ASSISTANT = "<|im_start|>assistant\n"


class Parrot:
    """Favours what a script says next, line by line; `scripts` are known by a part of the prompt.

    A line that was not written as the script has it is ended; then the next one of the script
    follows. `calls` counts the passes through it.
    """

    def __init__(self, scripts: Mapping[str, str], own: bool) -> None:
        stock = tiny_config("qwen2_5_vl", tokenizer_samples.ids(own))
        self.config = FAMILIES["qwen2_5_vl"][0].from_dict(stock.to_dict())
        self.dtype, self.device = torch.float32, torch.device("cpu")
        self.raw = tokenizer_samples.build(own)
        size = self.config.text_config.vocab_size
        self.texts = [self.raw.decode([i], skip_special_tokens=False) for i in range(size)]
        self.numbers = {text: i for i, text in enumerate(self.texts) if text}
        self.longest = max(map(len, self.texts))
        self.end = self.raw.token_to_id("<|im_end|>")
        self.scripts, self.calls, self.rows = scripts, 0, []
        self.model = self
        self.get_rope_index = lambda ids, **_: (torch.arange(ids.shape[1]).expand(3, *ids.shape), 0)

    def __call__(self, input_ids, attention_mask, **more):
        self.calls += 1
        keys = input_ids[:, None, :, None].double()
        for layer in range(self.config.text_config.num_hidden_layers):
            seen, _ = more[MEMORY].update(keys, keys, layer)
        hidden = torch.zeros(*input_ids.shape, 1, dtype=torch.float64)
        for row, mask in enumerate(attention_mask):
            ids = seen[row, 0, mask.bool(), 0].long().tolist()
            for k in range(input_ids.shape[1]):  # a hidden state is the number of a row of tokens
                later = int(mask[mask.shape[0] - input_ids.shape[1] + k + 1 :].sum())
                self.rows.append(ids[: len(ids) - later])
                hidden[row, k] = len(self.rows) - 1
        return SimpleNamespace(last_hidden_state=hidden)

    def lm_head(self, hidden):
        return torch.stack([self.logits(self.decode(self.rows[int(h)])) for h in hidden[:, 0]])

    def decode(self, ids: list[int]) -> str:
        return self.raw.decode(ids, skip_special_tokens=False)

    @property
    def said(self) -> str:
        """All that the last row held."""
        return self.decode(self.rows[-1])

    def logits(self, said: str) -> torch.Tensor:
        prompt, _, reply = said.rpartition(ASSISTANT)
        script = next((s for key, s in self.scripts.items() if key in prompt), "none\n")
        lines = script.splitlines(keepends=True)
        done = reply.splitlines(keepends=True)
        line = done.pop() if done and not done[-1].endswith("\n") else ""
        wish = lines[len(done)] if len(done) < len(lines) else ""
        rest = wish[len(line) :] if wish.startswith(line) else "\n"
        out = torch.full((len(self.texts),), -5.0)
        if not wish:
            out[self.end] = 50.0
        # Tokens may go over the end of a line: an empty line belongs to the one before.
        ahead = rest + "".join(lines[len(done) + 1 : len(done) + 3])
        for length in range(1, min(len(ahead), self.longest) + 1):
            if ahead[:length] in self.numbers:
                out[self.numbers[ahead[:length]]] = 10.0 * length
        return out


class Whim(Parrot):
    """Says anything, the same after the same prompt and reply, and likes to come to an end."""

    def __init__(self, own: bool, seed: int = 0) -> None:
        super().__init__({}, own)
        self.seed = seed
        self.closing = torch.tensor(
            [t[:1] in (",", '"', ")", "\n") or "<|c" in t for t in self.texts]
        )
        self.nothing = torch.tensor([t in ("n", "no", "none") for t in self.texts])

    def logits(self, said: str) -> torch.Tensor:
        about = said[said.rindex("<|vision_end|>") :].encode()
        rng = np.random.default_rng([self.seed, zlib.crc32(about)])
        out = torch.from_numpy(rng.normal(size=len(self.texts))).float() * 2
        out[self.closing] += float(rng.integers(0, 2)) * 8
        out[self.nothing] -= 2
        out[self.end] += float(rng.integers(-1, 2)) * 8
        return out


def model_of(network: Parrot) -> SpatialModel:
    return SpatialModel(network, processor_of(network.raw, 14))
