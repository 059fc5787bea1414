"""The web chat. Gradio is imported here and nowhere else."""
