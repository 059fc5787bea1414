"""The readings as tools for an assistant, by the Model Context Protocol.

They are served beside the page (streamable HTTP, /mcp), or over the input and output of a program
that an assistant starts (stdio). The official SDK serves them, not Gradio's own MCP server: that
one needs an older pydantic than the rest, and offers what it offers in one list with the page's
events. Imported only where tools are served.
"""

from __future__ import annotations

import os
import sys
from contextlib import AbstractAsyncContextManager
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from seminar_rag import __version__
from seminar_rag.ui.api.programs import Programs, functions

PATH = "/mcp"
NAMES = (
    *("ask_readings", "find_passages", "check_text", "compare_readings", "list_differences"),
    *("study_session", "list_readings"),
)
INSTRUCTIONS = (
    "The assigned readings of the seminar “{course}”. Answer questions on it with these tools and "
    "name for every statement the reading, session and page that they give. What the readings "
    "don't say, say so; do not fill in from memory."
)


class Tools:
    """The MCP server of a course."""

    def __init__(self, programs: Programs, course: str) -> None:
        self._server = MCPServer(
            "seminar-rag",
            title=course,
            version=__version__,
            instructions=INSTRUCTIONS.format(course=course),
            log_level="WARNING",
        )
        tools = functions(programs, Context[Any, Any], _client, ToolError)
        for tool, name in zip(tools, NAMES, strict=True):
            self._server.add_tool(tool, name=name)

    def routes(self, host: str) -> list[BaseRoute]:
        """The routes to add to an application, which `running` has to be around.

        Args:
            host: where it is served; on a loopback address, requests under other names are refused,
                so that no web page can reach it through a name that it controls (DNS rebinding).
        """
        app: Starlette = self._server.streamable_http_app(
            streamable_http_path=PATH, stateless_http=True, json_response=True, host=host
        )
        return list(app.routes)

    def running(self) -> AbstractAsyncContextManager[None]:
        """A context in which the tools are served."""
        manager: AbstractAsyncContextManager[None] = self._server.session_manager.run()
        return manager

    def run(self) -> None:
        """Serve the tools over this process's input and output, until the input ends.

        Whatever else is printed meanwhile goes to the error stream: the output is the protocol's.
        """
        protocol = os.dup(1)
        os.dup2(2, 1)
        before, sys.stdout = sys.stdout, os.fdopen(protocol, "w", encoding="utf-8")
        try:
            self._server.run("stdio")
        finally:
            sys.stdout = before


def _client(context: Context[Any, Any]) -> str:
    request = context.request_context.request
    client = getattr(request, "client", None)
    return str(client.host) if client else ""
