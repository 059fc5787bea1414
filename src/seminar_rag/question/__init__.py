"""Understands a question: what is asked for, about which part of the course, naming what."""
