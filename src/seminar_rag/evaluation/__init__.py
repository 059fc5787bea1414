"""Measures retrieval, answers and abstention over labelled questions."""
