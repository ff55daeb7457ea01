"""What an answer costs: the protocol of the released N3D-VLM against one conversation.

    python benchmarks/inference.py [--repeats 1] [--json out/bench/inference.json]

Both decode the same scripted answer (five boxes and what is computed from them) with the same
random Qwen2.5-VL backbone of about 100 million parameters and a 640x480 picture: the network
computes all logits, and the script names the token. Upstream's protocol is two conversations,
each of which encodes the picture and writes digits one token at a time; its second reply has the
form of the outputs published with the released model. One conversation reads the picture once,
chooses only what its grammar leaves open, and computes results.

Times are medians of interleaved repeats, on the processor's clock (one thread) and the wall's.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2_5_VLConfig
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from n3d import reason, synthetic
from n3d.language import dialogues, tokens, upstream
from n3d.language.dialogues import Setting
from n3d.model import N3DProcessor, SpatialModel, chat, decoding, prefixes, requests
from n3d.model.configs import N3DQwen25Config
from n3d.model.decoding import Tally
from n3d.model.networks import N3DQwen25ForConditionalGeneration
from n3d.model.plans import Answering
from n3d.model.tongues import Tongue
from n3d.scene import Object3D, Trace
from n3d.sources.upstream import points_of

QWEN = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>",
    "<|image_pad|>", "<|video_pad|>",
]  # fmt: skip
SPLIT = Regex(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
VOCABULARY = 32_000
QUESTION = "Which of the {0}, the {1}, the {2} and the {3} is closest to the {4}?"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--small", action="store_true", help="A tiny backbone, to try the script.")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    scene = Scripted.make()
    network = backbone(options.small)
    ways: dict[str, Way] = {
        "upstream": Upstream(network, scene),
        "ours, digits": Ours(network, scene, own=False),
        "ours, own tokens": Ours(network, scene, own=True),
    }
    result = {
        "parameters": sum(p.numel() for p in network.parameters()),
        "image": [scene.view.width, scene.view.height],
        "runs": measure(ways, options.repeats),
        "tokens_per_box": {name: way.tokens_per_box() for name, way in ways.items()},
    }
    show(result)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=1) + "\n")


# -- what is said ---------------------------------------------------------------------------


class Scripted:
    """A rendered view and what is to be said about it."""

    def __init__(self, view: Any, objects: Sequence[Object3D], trace: Trace, question: str):
        self.view, self.objects, self.trace, self.question = view, list(objects), trace, question

    @classmethod
    def make(cls) -> Scripted:
        """The first scene of the test split in which five objects have labels of their own."""
        config = synthetic.SceneConfig(width=640, height=480)
        for index in range(1000):
            made = synthetic.make(synthetic.split_seed("test", index), config)
            found = {o.label: o for o in made.targets}
            if len(found) == len(made.targets) >= 5:
                objects = list(found.values())[:5]
                question = QUESTION.format(*(o.label for o in objects))
                query = reason.understand(question)
                return cls(made.rgbd, objects, reason.bind(query, objects, made.rgbd.up), question)
        raise SystemExit("no scene with five different objects")


# -- the backbone ---------------------------------------------------------------------------


def backbone(small: bool) -> Any:
    """A random Qwen2.5-VL of about 100 million parameters with ray encodings."""
    hidden, layers, vision = (64, 2, 64) if small else (640, 10, 384)
    ids = {name: 1000 + i for i, name in enumerate(QWEN)}
    stock = Qwen2_5_VLConfig(
        text_config={
            "vocab_size": VOCABULARY,
            "bos_token_id": None,
            "eos_token_id": ids["<|im_end|>"],
            "hidden_size": hidden,
            "intermediate_size": hidden * 14 // 5,
            "num_hidden_layers": layers,
            "num_attention_heads": hidden // 64 * 1 or 1,
            "num_key_value_heads": 1 if small else 5,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6,
                                "mrope_section": [8, 12, 12]},
        },
        vision_config={
            "hidden_size": vision, "out_hidden_size": hidden, "depth": 2 if small else 8,
            "num_heads": vision // 64, "intermediate_size": vision * 3,
            "fullatt_block_indexes": [1] if small else [3, 7],
        },
        image_token_id=ids["<|image_pad|>"], video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"], vision_end_token_id=ids["<|vision_end|>"],
    )  # fmt: skip
    torch.manual_seed(0)
    config = N3DQwen25Config.from_dict(stock.to_dict() | {"point_encoding": "rays"})
    return N3DQwen25ForConditionalGeneration(config).eval()


def tokenizer(scene: Scripted, own: bool) -> PreTrainedTokenizerFast:
    """A byte-level BPE with Qwen2's pieces, trained on what is said; ids as in `backbone`."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(SPLIT, "isolated"),
         pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )  # fmt: skip
    raw.decoder = decoders.ByteLevel()
    setting = Setting.of(scene.view)
    corpus = [
        dialogues.opening(setting) + scene.question,
        dialogues.write(scene.objects, scene.trace, setting),
        prose(scene),
        upstream.locate_prompt(scene.question),
        upstream.condition([_aligned(o) for o in scene.objects], scene.view.camera),
    ]
    trainer = trainers.BpeTrainer(
        vocab_size=1000, min_frequency=1, show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )  # fmt: skip
    raw.train_from_iterator(corpus, trainer)
    fill = 1000 - raw.get_vocab_size()
    raw.add_tokens([f"\u2400{i}\u2400" for i in range(fill)])
    special = [*QWEN, *(tokens.special_tokens() if own else [])]
    raw.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in special])
    return PreTrainedTokenizerFast(
        tokenizer_object=raw, eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )


def spatial(network: Any, scene: Scripted, own: bool) -> SpatialModel:
    processor = N3DProcessor(Qwen2VLImageProcessorPil(patch_size=14), tokenizer(scene, own))
    with tempfile.TemporaryDirectory() as folder:  # as a user's: saved and read back
        processor.save_pretrained(folder)
        return SpatialModel(network, N3DProcessor.from_pretrained(folder))


def prose(scene: Scripted) -> str:
    """The second reply in the form that the released model's published outputs have: centres
    with 2 decimals, distances with 4, a comparison, the answer."""
    objects = [_aligned(o) for o in scene.objects]
    centers = " ".join(
        f"The 3D center coordinate of {o.label} is {upstream.left_up(o.box)[:3]}." for o in objects
    )
    *others, anchor = objects
    apart = {o.label: float(np.linalg.norm(o.box.center - anchor.box.center)) for o in others}
    steps = " ".join(
        f"The distance between {name} and {anchor.label} is {d:.4f}." for name, d in apart.items()
    )
    nearest = min(apart, key=lambda name: apart[name])
    order = " < ".join(f"{d:.4f}" for d in sorted(apart.values()))
    return (
        f"<think>1. {centers} 2. {steps} Since {order}, {nearest} is the closest to "
        f"{anchor.label}. </think> {nearest} is closest to {anchor.label}."
    )


def _aligned(o: Object3D) -> Object3D:
    return Object3D(o.id, o.label, o.box.hull())


# -- the ways -------------------------------------------------------------------------------


class Way:
    """One way to answer; `run` answers `questions` about each of `images` pictures."""

    model: SpatialModel

    def run(self, images: int, questions: int) -> Tally:
        raise NotImplementedError

    def tokens_per_box(self) -> float:
        raise NotImplementedError


class Upstream(Way):
    """Two conversations, token by token, the picture encoded for each."""

    def __init__(self, network: Any, scene: Scripted) -> None:
        self.scene = scene
        self.model = spatial(network, scene, own=False)
        points, self.camera = points_of(scene.view)
        norm = upstream.Normalizer.of(points)
        encode = self.model.tongue.encode
        self.objects = [_aligned(o) for o in scene.objects]
        self.boxes = encode(upstream.write(self.objects, norm, self.camera))
        condition = upstream.condition(self.objects, self.camera)
        self.prompts = [
            upstream.locate_prompt(scene.question),
            upstream.question_prompt(scene.question, condition),
        ]
        self.replies = [self.boxes, encode(prose(scene))]

    def run(self, images: int, questions: int) -> Tally:
        tally = Tally()
        for _ in range(images * questions):
            for prompt, reply in zip(self.prompts, self.replies):
                turns = chat.write([("system", upstream.SYSTEM), ("user", prompt)])
                made = self.model.batch([turns], [[self.model.see(self.scene.view)]])
                prefix = prefixes.read(self.model.network, made)
                with torch.no_grad():
                    self.model.network.lm_head(prefix.hidden).argmax()
                    for token in reply:
                        prefixes.extend(self.model.network, prefix, [[token]])
                        self.model.network.lm_head(prefix.hidden).argmax()
                tally.passes += 1 + len(reply)
                tally.chosen += 1 + len(reply)
        return tally

    def tokens_per_box(self) -> float:
        return len(self.boxes) / len(self.objects)


class Ours(Way):
    """One conversation about one encoding of the picture."""

    def __init__(self, network: Any, scene: Scripted, *, own: bool) -> None:
        self.scene = scene
        self.model = spatial(network, scene, own)
        self.setting = Setting.of(scene.view, own=own)
        self.tongue: Tongue = self.model.tongue
        self.boxes = dialogues.write_boxes(scene.objects, self.setting)
        self.script = self.boxes + dialogues.write_trace(self._computed(), self.setting)
        self.ids = [*self.tongue.encode(self.script), self.tongue.end]

    def run(self, images: int, questions: int) -> Tally:
        tally = Tally()
        looks = requests.look(self.model, [self.scene.view] * images)
        rows = [look for look in looks for _ in range(questions)]
        asked = self.tongue.encode(
            f"{dialogues.ask(self.scene.question)}<|im_end|>\n<|im_start|>assistant\n"
        )
        replies = decoding.write(
            self.model.network,
            self.tongue,
            prefixes.join([look.prefix for look in rows], self.model.network),
            [asked] * len(rows),
            [Answering(self.setting) for _ in rows],
            tally=tally,
            watch=lambda row, written, logits: self.ids[len(written)],
        )
        assert all(r.text == self.script for r in replies), replies[0].text
        tally.passes += 1
        return tally

    def _computed(self) -> Trace:
        """The trace with its results on the boxes as they are written."""
        found = dialogues.read_boxes(self.boxes, self.setting).items
        _, values = reason.replay(self.scene.trace, found, up=self.scene.view.up)
        return Trace(tuple(replace(s, out=v) for s, v in zip(self.scene.trace.steps, values)))

    def tokens_per_box(self) -> float:
        return len(self.tongue.encode(self.boxes)) / len(self.scene.objects)


# -- measuring ------------------------------------------------------------------------------

CASES = ((1, 1), (1, 8), (8, 1))


def measure(ways: dict[str, Way], repeats: int) -> list[dict[str, Any]]:
    """Medians for each number of images and of questions about each; repeats are interleaved."""
    out = []
    for images, questions in CASES:
        wall: dict[str, list[float]] = {name: [] for name in ways}
        busy: dict[str, list[float]] = {name: [] for name in ways}
        tallies = {}
        for _ in range(repeats):
            for name, way in ways.items():
                start, used = time.perf_counter(), time.process_time()
                tallies[name] = way.run(images, questions)
                wall[name].append(time.perf_counter() - start)
                busy[name].append(time.process_time() - used)
        for name in ways:
            out.append({
                "images": images, "questions": questions, "way": name,
                "passes": tallies[name].passes, "chosen": tallies[name].chosen,
                "forced": tallies[name].forced,
                "wall_s": statistics.median(wall[name]),
                "cpu_s": statistics.median(busy[name]),
                "share_of_upstream": statistics.median(
                    np.divide(busy[name], busy["upstream"]).tolist()
                ),
            })  # fmt: skip
    return out


def show(result: dict[str, Any]) -> None:
    console = Console()
    console.print(f"{result['parameters'] / 1e6:.0f} M parameters, {result['image']} pixels")
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("images", "questions", "way", "passes", "chosen", "forced", "wall s", "cpu s",
                 "cpu share of upstream"):  # fmt: skip
        table.add_column(name, justify="left" if name == "way" else "right")
    for run in result["runs"]:
        table.add_row(
            str(run["images"]), str(run["questions"]), run["way"], str(run["passes"]),
            str(run["chosen"]), str(run["forced"]), f"{run['wall_s']:.2f}", f"{run['cpu_s']:.2f}",
            f"1/{1 / run['share_of_upstream']:.1f}",
        )  # fmt: skip
    console.print(table)
    for name, count in result["tokens_per_box"].items():
        console.print(f"{name}: {count:.1f} tokens a box, its label with it")


if __name__ == "__main__":
    main()
