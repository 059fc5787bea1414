"""Answers over the assigned readings of a seminar, every sentence with its passage."""

from seminar_rag.errors import SeminarError

__version__ = "0.1.0"
__all__ = ["SeminarError", "__version__"]
