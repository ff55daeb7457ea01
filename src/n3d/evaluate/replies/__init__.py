"""What a free reply says, read without a language model, and whether that is the reference.

Each reader takes text and gives `Said`: a value, or None, and how it was read.
"""
