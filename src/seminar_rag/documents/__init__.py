"""Reads a file into text blocks with pages, and cuts these into passages."""
