"""Answers and sources as files."""
