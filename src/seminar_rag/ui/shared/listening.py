"""The port that a server takes. Knows nothing of what is served, so it can be asked first."""

from __future__ import annotations

import errno
import socket

from seminar_rag.errors import ServeError


def listen(host: str, port: int) -> socket.socket:
    """Take the port, without accepting connections yet. Raises ServeError."""
    listener = None
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        # Without this a restart within a minute finds its own old connections in the way.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        if listener is not None:
            listener.close()
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            raise ServeError(
                f"Port {port} on {host} is in use — stop what runs there, or choose another "
                f"with --port {port + 1}."
            ) from error
        raise ServeError(
            f"Cannot serve on {host}:{port}: {error} — choose another with --host and --port."
        ) from error
    return listener
