"""What the rooms of the web application share: conversations, records, limits, words, logs."""
