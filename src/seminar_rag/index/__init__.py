"""Where passages are stored and found again."""
