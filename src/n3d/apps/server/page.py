"""The page at /: a picture, a question, and the answer to look at."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI


def add(web: FastAPI, desk: Any) -> None:
    """Add the routes of the page."""
