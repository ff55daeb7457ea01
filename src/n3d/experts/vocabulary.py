"""The nouns that are looked for where no phrase is given."""

from __future__ import annotations

VOCABULARY: tuple[str, ...] = (
    # furniture
    "chair", "armchair", "office chair", "stool", "bench", "sofa", "table", "coffee table", "desk",
    "nightstand", "bed", "crib", "pillow", "blanket", "cabinet", "dresser", "shelf", "bookcase",
    "wardrobe", "drawer", "rug", "curtain", "lamp", "mirror", "picture frame", "clock", "vase",
    "potted plant", "candle", "basket", "box", "trash can",
    # the room
    "door", "window", "radiator", "fireplace", "staircase", "whiteboard", "ceiling fan",
    # kitchen and bathroom
    "refrigerator", "oven", "stove", "microwave", "dishwasher", "washing machine", "sink",
    "faucet", "toaster", "kettle", "coffee machine", "blender", "pot", "pan", "plate", "bowl",
    "cup", "mug", "glass", "wine glass", "bottle", "fork", "knife", "spoon", "toilet", "bathtub",
    "towel", "toilet paper", "soap dispenser",
    # electronics
    "television", "monitor", "laptop", "keyboard", "computer mouse", "phone", "remote control",
    "speaker", "printer", "camera", "fan",
    # small things
    "book", "backpack", "handbag", "suitcase", "umbrella", "hat", "shoe", "jacket", "scissors",
    "pen", "toy", "teddy bear", "ball", "guitar", "piano", "tennis racket", "skateboard",
    # food
    "apple", "banana", "orange", "cake", "pizza", "sandwich",
    # beings
    "person", "dog", "cat", "bird", "horse", "cow", "sheep",
    # outdoors
    "car", "truck", "bus", "train", "motorcycle", "bicycle", "boat", "airplane", "traffic light",
    "traffic sign", "street light", "fire hydrant", "parking meter", "mailbox", "traffic cone",
    "fence", "tree", "bush", "building", "ladder", "barrel",
)  # fmt: skip
"""Common countable things indoors and outdoors, in place of the tagger of the N3D-VLM paper."""
