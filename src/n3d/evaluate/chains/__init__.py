"""Reasoning texts step by step: every quotation of a box and every calculation done again."""
