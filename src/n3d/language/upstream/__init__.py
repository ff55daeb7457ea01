"""What the released N3D-VLM weights read and write, fault for fault.

Frame x left, y up, z forward; lengths in mean distances of the scene; 1000 bins. Use this to
run and grade those weights; `n3d.language.boxes` is the dialect for new ones.
"""

from n3d.language.upstream.boxes import (
    clipped,
    decode,
    encode,
    left_up,
    read,
    read_metric,
    write,
    write_metric,
)
from n3d.language.upstream.normalizer import LEFT_UP, Normalizer, point_map
from n3d.language.upstream.prompts import (
    CODE_TEMPLATE,
    SYSTEM,
    condition,
    detect_prompt,
    first_sentence,
    free_prompt,
    ground_prompt,
    locate_prompt,
    question_prompt,
    referred,
)

__all__ = [
    "CODE_TEMPLATE",
    "LEFT_UP",
    "SYSTEM",
    "Normalizer",
    "clipped",
    "condition",
    "decode",
    "detect_prompt",
    "encode",
    "first_sentence",
    "free_prompt",
    "ground_prompt",
    "left_up",
    "locate_prompt",
    "point_map",
    "question_prompt",
    "read",
    "read_metric",
    "referred",
    "write",
    "write_metric",
]
