"""Who asks, as far as it matters for limits: an open page, and the address it came from."""

from __future__ import annotations

import gradio as gr


def key_of(request: gr.Request) -> str:
    """The open page, by the random name that Gradio gives it."""
    return str(request.session_hash)


def address_of(request: gr.Request) -> str:
    """The address of the browser or program; "" where it is not known."""
    return str(request.client.host) if request.client else ""
