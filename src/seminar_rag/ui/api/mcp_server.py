"""The readings as tools for an assistant, by the Model Context Protocol (streamable HTTP, /mcp).

The official SDK serves them, not Gradio's own MCP server: that one needs an older pydantic than
the rest, and offers what it offers in one list with the page's events. Imported only with --mcp.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from seminar_rag import __version__
from seminar_rag.ui.api.programs import Programs, refusing, scope_given

PATH = "/mcp"
INSTRUCTIONS = (
    "The assigned readings of the seminar “{course}”. Answer questions on it with these tools and "
    "name for every statement the reading, session and page that they give. What the readings "
    "don't say, say so; do not fill in from memory."
)


class Tools:
    """The MCP server of a course: `routes` to add to the application, `running` around it."""

    def __init__(self, programs: Programs, course: str, host: str) -> None:
        """Args:
        course: its name, told to the assistant.
        host: where it is served; on a loopback address, requests under other names are refused,
            so that no web page can reach it through a name that it controls (DNS rebinding).
        """
        self._server = MCPServer(
            "seminar-rag",
            title=course,
            version=__version__,
            instructions=INSTRUCTIONS.format(course=course),
            log_level="WARNING",
        )
        for tool in _tools(programs):
            self._server.add_tool(tool)
        self._app: Starlette = self._server.streamable_http_app(
            streamable_http_path=PATH, stateless_http=True, json_response=True, host=host
        )

    @property
    def routes(self) -> list[BaseRoute]:
        """What the application has to route to."""
        return list(self._app.routes)

    def running(self) -> AbstractAsyncContextManager[None]:
        """Serves while it is entered."""
        manager: AbstractAsyncContextManager[None] = self._server.session_manager.run()
        return manager


def _tools(programs: Programs) -> list[Any]:
    async def ask_readings(
        question: str,
        context: Context[Any, Any],
        sessions: list[int] | None = None,
        reading_ids: list[str] | None = None,
        kind: str = "",
        required_only: bool = False,
    ) -> dict[str, Any]:
        """Answer a question from the assigned readings of the seminar.

        Every sentence of the answer carries marks like [1] that stand for entries of "citations":
        reading, session, page, the quoted sentence and the whole passage. When "abstained" is
        true the readings don't say; then don't answer from memory.

        Args:
            question: One question in words, at most 2,000 characters.
            sessions: Numbers of the sessions to search; leave out for all.
            reading_ids: Ids from list_readings; leave out for all readings.
            kind: "readings", "notes" (written by students), or "" for both.
            required_only: Only readings that the course requires.
        """
        with refusing(ToolError):
            scope = scope_given(sessions or [], reading_ids or [], kind, required_only)
            return await programs.ask(_client(context), question, scope)

    async def find_passages(
        query: str,
        context: Context[Any, Any],
        most: int = 8,
        sessions: list[int] | None = None,
        reading_ids: list[str] | None = None,
        kind: str = "",
        required_only: bool = False,
    ) -> list[dict[str, Any]]:
        """Find the passages of the readings that fit a question or topic best, best first.

        Use it to read for yourself what the readings say, with reading, session and page of each.

        Args:
            query: A question or some keywords.
            most: How many passages, 1 to 50.
            sessions: Numbers of the sessions to search; leave out for all.
            reading_ids: Ids from list_readings; leave out for all readings.
            kind: "readings", "notes" (written by students), or "" for both.
            required_only: Only readings that the course requires.
        """
        with refusing(ToolError):
            scope = scope_given(sessions or [], reading_ids or [], kind, required_only)
            return await programs.sources(_client(context), query, scope, most)

    async def check_text(text: str, context: Context[Any, Any]) -> dict[str, Any]:
        """Hold every claim of a text against the readings, and every source that it cites.

        Each item is supported, partly, contradicted, not found, or not a claim, with the reason
        and the evidence. Use it on a draft before giving it to somebody.

        Args:
            text: Plain text or Markdown, with its reference list if it has one.
        """
        with refusing(ToolError):
            return await programs.check(_client(context), text)

    async def list_readings() -> list[dict[str, Any]]:
        """List what can be asked: every document with title, authors, sessions and id."""
        with refusing(ToolError):
            return await programs.readings()

    return [ask_readings, find_passages, check_text, list_readings]


def _client(context: Context[Any, Any]) -> str:
    request = context.request_context.request
    client = getattr(request, "client", None)
    return str(client.host) if client else ""
