"""The nouns of n3d, the protocols between its parts, and how they are kept on disk."""

from n3d.scene.objects import BoxSpread, Object3D, Scene
from n3d.scene.pictures import RGBD, Drop, Picture, PictureFiles, Provenance, Region
from n3d.scene.protocols import DepthEstimate, DepthExpert, Grounder
from n3d.scene.traces import (
    QA,
    Answer,
    Arg,
    Check,
    Grade,
    Prediction,
    Quantity,
    Query,
    Ref,
    Signature,
    Signatures,
    Step,
    Trace,
    Value,
    Var,
)

__all__ = [
    "QA",
    "RGBD",
    "Answer",
    "Arg",
    "BoxSpread",
    "Check",
    "DepthEstimate",
    "DepthExpert",
    "Drop",
    "Grade",
    "Grounder",
    "Object3D",
    "Picture",
    "PictureFiles",
    "Prediction",
    "Provenance",
    "Quantity",
    "Query",
    "Ref",
    "Region",
    "Scene",
    "Signature",
    "Signatures",
    "Step",
    "Trace",
    "Value",
    "Var",
]
