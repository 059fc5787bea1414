"""What students test themselves by: items whose answer is a quotation, checked word for word."""
