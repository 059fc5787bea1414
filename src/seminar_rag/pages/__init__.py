"""The readings as they look: pages drawn, sentences found on them, central sentences."""
