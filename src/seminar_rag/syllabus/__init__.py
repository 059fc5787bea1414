"""Reads a course page into sessions and readings."""
