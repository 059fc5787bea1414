"""Fetches readings from the web and finds the papers that a course page means."""
