"""From a course page, a folder or a PDF to passages. Calls no language model."""
