"""What programs and assistants may ask."""
