"""Rendered scenes with exact ground truth: a seed gives a view, its boxes and its masks."""
