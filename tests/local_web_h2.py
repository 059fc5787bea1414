"""A host that speaks HTTP/2 over TLS on the loopback, frame by frame, through the h2 library."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from pathlib import Path

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived, StreamEnded, WindowUpdated
from h2.exceptions import ProtocolError

from local_web import Page


class H2Web:
    """Serves pages by path; use it as a context manager. Offers nothing but HTTP/2.

    Args:
        pem: certificate and key of the host, in one file.
    """

    def __init__(self, pem: Path, pages: dict[str, Page]) -> None:
        self.pages = pages
        self.seen: list[dict[str, str]] = []
        """The headers of every request, pseudo-headers among them."""
        self.names: list[str | None] = []
        """The host that each connection asked for in its TLS greeting."""
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(pem)
        self._context.set_alpn_protocols(["h2"])
        self._context.sni_callback = lambda _, name, __: self.names.append(name)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._open: list[socket.socket] = []

    def __enter__(self) -> H2Web:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for one in (self._socket, *self._open):
            with suppress(OSError):
                one.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                plain, _ = self._socket.accept()
                threading.Thread(target=self._greet, args=(plain,), daemon=True).start()

    def _greet(self, plain: socket.socket) -> None:
        with suppress(OSError):  # the client does not trust the certificate
            wire = self._context.wrap_socket(plain, server_side=True)
            self._open.append(wire)
            assert wire.selected_alpn_protocol() == "h2"
            self._talk(wire)

    def _talk(self, wire: ssl.SSLSocket) -> None:
        h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        h2.initiate_connection()
        wire.sendall(h2.data_to_send())
        asked: dict[int, dict[str, str]] = {}
        waiting: dict[int, bytes] = {}
        while data := wire.recv(65536):
            for event in h2.receive_data(data):
                if isinstance(event, RequestReceived):
                    asked[event.stream_id] = {str(k): str(v) for k, v in event.headers}
                elif isinstance(event, StreamEnded):
                    self._answer(h2, event.stream_id, asked.pop(event.stream_id), waiting)
                elif isinstance(event, WindowUpdated):
                    pass  # more may be sent now
            self._send(h2, waiting)
            wire.sendall(h2.data_to_send())

    def _answer(
        self, h2: H2Connection, stream: int, headers: dict[str, str], waiting: dict[int, bytes]
    ) -> None:
        self.seen.append(headers)
        page = self.pages.get(headers[":path"], Page(status=404))
        known = page.etag and headers.get("if-none-match") == '"tag"'
        status = 304 if known else page.status
        told = [(":status", str(status)), ("content-type", page.type), ("etag", '"tag"')]
        h2.send_headers(stream, [*told, *((k.lower(), v) for k, v in page.headers)])
        waiting[stream] = b"" if known else page.body * page.repeat

    def _send(self, h2: H2Connection, waiting: dict[int, bytes]) -> None:
        """As much of every body as the client's window takes."""
        for stream in list(waiting):
            with suppress(ProtocolError):  # the client has reset the stream
                while (room := h2.local_flow_control_window(stream)) and waiting[stream]:
                    size = min(room, h2.max_outbound_frame_size)
                    h2.send_data(stream, waiting[stream][:size])
                    waiting[stream] = waiting[stream][size:]
                if waiting[stream]:
                    continue
                h2.end_stream(stream)
            del waiting[stream]
