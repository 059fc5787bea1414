"""Checking: a text's claims, and whether passages support them."""
