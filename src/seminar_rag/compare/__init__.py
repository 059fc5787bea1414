"""Readings beside each other: what each says on one question, and where they disagree."""
