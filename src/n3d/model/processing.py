"""Qwen's image processor and tokenizer, without the video part, which needs torchvision."""

from transformers import AutoProcessor, AutoTokenizer, ProcessorMixin
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from n3d.model.networks import FAMILIES


class N3DProcessor(ProcessorMixin):
    """An image processor and a tokenizer, saved to and loaded from one directory."""

    def __init__(self, image_processor=None, tokenizer=None, chat_template=None, **kwargs):
        super().__init__(image_processor, tokenizer, chat_template=chat_template)


def load(folder) -> N3DProcessor:
    """The processor of a stock or own model directory; always the PIL image processor.

    Other backends resize differently, which moves logits.
    """
    return N3DProcessor(
        Qwen2VLImageProcessorPil.from_pretrained(folder),
        AutoTokenizer.from_pretrained(folder, trust_remote_code=False),
    )


for _config, _, _ in FAMILIES.values():
    AutoProcessor.register(_config, N3DProcessor, exist_ok=True)
