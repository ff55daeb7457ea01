"""Numbers from files of predictions: boxes, answers, traces and confidences against the truth.

Everything here reads nouns and plain files; networks are known only as what answers (`items`).
"""
