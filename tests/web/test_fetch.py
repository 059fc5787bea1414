"""Fetching, against a real server on the loopback with faults on demand."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local_web import PUBLIC, Page, Web, bomb, html, packed, pdf, redirect
from local_web_h2 import H2Web
from seminar_rag.errors import FetchError
from seminar_rag.web.connect import is_public
from seminar_rag.web.fetch import Fetcher

pytestmark = pytest.mark.slow

URL = "https://papers.test/a.pdf"
PDF = Page(pdf("A Paper", (), "Some text."), type="application/pdf")
Make = Callable[..., Fetcher]


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as one:
        yield one


class Time:
    """A clock that only sleeping moves; what was slept is kept."""

    def __init__(self) -> None:
        self.at = 1_800_000_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.at += seconds


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def make(web: Web, tmp_path: Path, clock: Time) -> Iterator[Make]:
    made: list[Fetcher] = []

    def build(**options: Any) -> Fetcher:
        given = {
            "transport": web.transport(),
            "resolve": web.resolve,
            "clock": clock,
            "now": clock,
            "sleep": clock.sleep,
            "timeout": 2.0,
            **options,
        }
        made.append(Fetcher(tmp_path / "cache", **given))
        return made[-1]

    yield build
    for one in made:
        one.close()


def test_a_file_is_fetched_once_and_known_by_its_content(web: Web, make: Make) -> None:
    web.put(URL, PDF)
    fetcher = make(contact="mailto:teacher@uni.test")
    first = fetcher.fetch(URL)
    assert (first.kind, first.event, first.file.read_bytes()) == ("pdf", "fetched", PDF.body)
    assert first.file.name == first.hash
    assert fetcher.fetch(URL).event == "cached"
    assert make().fetch(URL).event == "cached", "another run finds it too"
    assert web.count() == 1
    agent = web.seen[0].headers["User-Agent"]
    assert agent.startswith("seminar-rag/")
    assert "mailto:teacher@uni.test" in agent


def test_an_old_copy_is_asked_for_again_without_its_body(web: Web, make: Make, clock: Time) -> None:
    web.put(URL, PDF)
    fetcher = make(max_age=3600)
    fetcher.fetch(URL)
    clock.at += 4000
    assert fetcher.fetch(URL).event == "unchanged"
    assert (fetcher.bodies, web.count(status=304)) == (1, 1)
    assert fetcher.fetch(URL).event == "cached", "the answer made it young again"
    web.put(URL, Page(pdf("Another", (), "New text."), type="application/pdf"))
    assert fetcher.fetch(URL, max_age=0).event == "fetched"
    assert fetcher.bodies == 2


def test_a_date_serves_where_there_is_no_etag(web: Web, make: Make) -> None:
    when = "Fri, 15 Jan 2027 08:00:30 GMT"
    web.put(URL, Page(PDF.body, etag=False, headers=(("Last-Modified", when),)))
    fetcher = make()
    fetcher.fetch(URL)
    web.put(URL, Page(status=304))
    assert fetcher.fetch(URL, max_age=0).event == "unchanged"
    assert web.seen[-1].headers["If-Modified-Since"] == when
    assert "If-None-Match" not in web.seen[-1].headers


def test_offline_takes_copies_of_any_age_and_never_asks(web: Web, make: Make, clock: Time) -> None:
    web.put(URL, PDF)
    make().fetch(URL)
    clock.at += 1e9
    offline = make(offline=True)
    assert offline.fetch(URL).event == "cached"
    with pytest.raises(FetchError, match="run it with --fetch") as caught:
        offline.fetch("https://papers.test/b.pdf")
    assert caught.value.failure == "offline"
    assert web.count() == 1


@pytest.mark.parametrize(
    ("page", "failure", "asked"),
    [
        (Page(status=404), "gone", 1),
        (Page(status=410), "gone", 1),
        (Page(status=403), "denied", 1),
        (Page(status=401), "denied", 1),
        (Page(status=500), "server", 4),
        (Page(status=429), "busy", 4),
        (Page(PDF.body, cut=200), "cut", 4),
        (Page(b""), "cut", 2),
        (Page(b"x", headers=(("Content-Encoding", "br"),)), "denied", 1),
        (Page(b"no gzip", headers=(("Content-Encoding", "gzip"),)), "cut", 4),
        (redirect("/a.pdf"), "loop", 1),
        (redirect("ftp://papers.test/a.pdf"), "bad_address", 1),
        (redirect("file:///etc/passwd"), "bad_address", 1),
    ],
)
def test_faults_have_names_and_mends(
    web: Web, make: Make, page: Page, failure: str, asked: int
) -> None:
    web.put(URL, page)
    with pytest.raises(FetchError) as caught:
        make().fetch(URL)
    assert caught.value.failure == failure
    assert " — " in str(caught.value)
    assert "\n" not in str(caught.value)
    assert web.count() == asked


def test_a_server_that_recovers_is_waited_for(web: Web, make: Make, clock: Time) -> None:
    web.put(URL, PDF)
    web.script(URL, Page(status=500), Page(status=429, headers=(("Retry-After", "17"),)))
    assert make().fetch(URL).event == "fetched"
    assert clock.slept == [2.0, 17.0]


def test_retry_after_may_be_a_date_and_is_not_waited_for_all_day(
    web: Web, make: Make, clock: Time
) -> None:
    web.put(URL, PDF)
    when = "Fri, 15 Jan 2027 08:00:30 GMT"  # 1_800_000_030
    web.script(URL, Page(status=503, headers=(("Retry-After", when),)))
    make().fetch(URL)
    assert clock.slept == [30.0]
    web.script("https://papers.test/b", Page(status=429, headers=(("Retry-After", "86400"),)))
    with pytest.raises(FetchError, match="run it again later"):
        make().fetch("https://papers.test/b")
    assert sum(clock.slept) == 30.0


def test_lasting_failures_are_believed_for_a_day(web: Web, make: Make, clock: Time) -> None:
    web.put(URL, Page(status=404))
    for _ in range(2):
        with pytest.raises(FetchError, match="is gone"):
            make().fetch(URL)
    assert web.count() == 1
    with pytest.raises(FetchError):
        make().fetch(URL, max_age=0)
    clock.at += 25 * 3600
    web.put(URL, PDF)
    assert make().fetch(URL).event == "fetched"


def test_a_failed_refresh_keeps_the_copy(web: Web, make: Make) -> None:
    web.put(URL, PDF)
    fetcher = make()
    fetcher.fetch(URL)
    for fault in (Page(status=404), Page(status=500), redirect("http://10.0.0.1/")):
        web.put(URL, fault)
        kept = fetcher.fetch(URL, max_age=0)
        assert kept.file.read_bytes() == PDF.body
        assert kept.note


def test_a_host_that_keeps_failing_is_left_alone(web: Web, make: Make) -> None:
    for name in "abcdef":
        web.put(f"https://papers.test/{name}", Page(status=500))
    fetcher = make()
    for name in "abcdef":
        with pytest.raises(FetchError):
            fetcher.fetch(f"https://papers.test/{name}")
    assert web.count() == 12


def test_hosts_have_lanes_with_pauses(web: Web, make: Make, clock: Time) -> None:
    for url in ("https://arxiv.org/a", "https://export.arxiv.org/b", "https://x.test/c"):
        web.put(url, html("A page", "Text."))
    fetcher = make()
    for url in ("https://arxiv.org/a", "https://export.arxiv.org/b", "https://x.test/c"):
        fetcher.fetch(url)
    assert clock.slept == [3.0], "arXiv's hosts share a lane, another host does not wait"


def test_lanes_run_side_by_side_and_each_alone(web: Web, make: Make) -> None:
    drip = Page(b"<html>" + b"x" * 40, pause=0.1)
    urls = [f"https://{host}.test/{n}" for host in "abc" for n in (1, 2)]
    for url in urls:
        web.put(url, drip)
    fetcher = make(clock=time.monotonic, sleep=time.sleep, pause=0.1)
    threads = [threading.Thread(target=fetcher.fetch, args=(url,)) for url in urls]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # One after another they would take six drips of half a second.
    assert time.monotonic() - started < 2.8
    for host in "abc":
        first, second = (one.at for one in web.seen if one.host == f"{host}.test")
        assert second - first >= 0.5


def test_the_same_address_is_fetched_once_by_many(web: Web, make: Make) -> None:
    web.put(URL, PDF)
    fetcher = make(clock=time.monotonic, sleep=time.sleep)
    threads = [threading.Thread(target=fetcher.fetch, args=(URL,)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert web.count() == 1


# --- size and time -------------------------------------------------------------------------------


def test_large_bodies_are_cut_while_streaming(web: Web, make: Make, tmp_path: Path) -> None:
    megabyte = bytes(1 << 20)
    web.put("https://big.test/told", Page(megabyte, length=200 << 20, cut=100))
    web.put("https://big.test/untold", Page(megabyte, repeat=200))
    web.put("https://big.test/bomb", bomb())
    fetcher = make()
    for name in ("told", "untold", "bomb"):
        with pytest.raises(FetchError) as caught:
            fetcher.fetch(f"https://big.test/{name}")
        assert caught.value.failure == "too_large"
    assert list((tmp_path / "cache" / "objects").iterdir()) == [], "no half file is left"


def test_a_gzipped_page_is_unpacked(web: Web, make: Make) -> None:
    page = html("A page", "Text.")
    web.put("https://x.test/", packed(page))
    assert make().fetch("https://x.test/").file.read_bytes() == page.body


def test_a_slow_drip_ends_at_the_deadline(web: Web, make: Make) -> None:
    web.put(URL, Page(b"x" * 4000, pause=0.05))
    fetcher = make(clock=time.monotonic, sleep=lambda _: None, deadline=0.3)
    started = time.monotonic()
    with pytest.raises(FetchError) as caught:
        fetcher.fetch(URL)
    assert caught.value.failure == "timeout"
    assert time.monotonic() - started < 3


def test_headers_that_drip_end_at_the_deadline(web: Web, make: Make) -> None:
    web.put(URL, Page(drip=0.02))
    fetcher = make(clock=time.monotonic, sleep=lambda _: None, deadline=0.4)
    started = time.monotonic()
    with pytest.raises(FetchError) as caught:
        fetcher.fetch(URL)
    assert caught.value.failure == "timeout"
    assert time.monotonic() - started < 5
    assert web.count() == 2
    web.put(URL, PDF)
    assert fetcher.fetch(URL, max_age=0).kind == "pdf", "the host is asked anew"


def test_silence_ends_at_the_timeout(web: Web, make: Make) -> None:
    web.put(URL, Page(b"x" * 100, pause=5))
    with pytest.raises(FetchError) as caught:
        make(timeout=0.2).fetch(URL)
    assert caught.value.failure == "timeout"


def test_redirects_are_bounded(web: Web, make: Make) -> None:
    for n in range(20):
        web.put(f"https://hop.test/{n}", redirect(f"/{n + 1}"))
    web.put("https://hop.test/18", html("The end", "Text."))
    fetcher = make()
    assert fetcher.fetch("https://hop.test/11").kind == "html"
    with pytest.raises(FetchError) as caught:
        fetcher.fetch("https://hop.test/0")
    assert caught.value.failure == "loop"
    web.put("https://ping.test/", redirect("https://pong.test/"))
    web.put("https://pong.test/", redirect("https://ping.test/"))
    with pytest.raises(FetchError, match="in a circle") as caught:
        fetcher.fetch("https://ping.test/")
    assert (web.count("ping.test"), web.count("pong.test")) == (1, 1)


def test_proxies_of_the_environment_are_not_used(
    web: Web, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    web.sites[f"x.test:{web.port}"] = {"/a": PDF}
    fetcher = make(transport=None, resolve=lambda h, p: ["127.0.0.1"], allow_hosts=["x.test"])
    assert fetcher.fetch(f"http://x.test:{web.port}/a").kind == "pdf"


# --- content -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "kind"),
    [
        (Page(PDF.body, type="text/html"), "pdf"),
        (Page(b"<!doctype html><html><body>Sign in", type="application/pdf"), "html"),
        (Page(b"# Title\n\nSome words.", type="application/octet-stream"), "text"),
        (Page(b"\x89PNG\r\n\x1a\n\0\0\0", type="text/html"), "other"),
    ],
)
def test_the_content_says_what_a_file_is(web: Web, make: Make, page: Page, kind: str) -> None:
    web.put(URL, page)
    assert make().fetch(URL).kind == kind


# --- where it may go -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "not an address",
    ],
)
def test_private_addresses(address: str, web: Web, make: Make) -> None:
    assert not is_public(address)
    web.put(URL, PDF)
    with pytest.raises(FetchError) as caught:
        make(resolve=lambda host, port: [PUBLIC, address]).fetch(URL)
    assert caught.value.failure == "refused"
    assert web.count() == 0


@pytest.mark.parametrize("address", [PUBLIC, "2606:2800:220:1:248:1893:25c8:1946", "8.8.8.8"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("url", ["http://2130706433/", "http://0x7f.1/", "http://127.1/"])
def test_disguised_addresses_are_refused_by_the_system_resolver(url: str, make: Make) -> None:
    from seminar_rag.web.connect import system_resolve

    with pytest.raises(FetchError) as caught:
        make(resolve=system_resolve).fetch(url)
    assert caught.value.failure in ("refused", "bad_address", "unreachable")


def test_a_redirect_into_a_private_network_is_refused(web: Web, make: Make) -> None:
    web.put(URL, redirect("http://intranet.test/secret"))
    web.put("http://intranet.test/secret", Page(b"secret"))

    def resolve(host: str, port: int) -> list[str]:
        return ["192.168.0.7"] if host == "intranet.test" else [PUBLIC]

    with pytest.raises(FetchError, match="allow_hosts") as caught:
        make(resolve=resolve).fetch(URL)
    assert caught.value.failure == "refused"
    assert [one.host for one in web.seen] == ["papers.test"]
    assert make(resolve=resolve, allow_hosts=["intranet.test"]).fetch(URL, 0).kind == "text"


def test_a_name_that_changes_its_mind_is_asked_once_per_hop(web: Web, make: Make) -> None:
    answers = iter([[PUBLIC], ["127.0.0.1"], ["127.0.0.1"]])
    web.put(URL, PDF)
    transport: Any = web.transport()
    fetcher = make(resolve=lambda host, port: next(answers), transport=transport)
    assert fetcher.fetch(URL).kind == "pdf"
    assert list(transport.addresses) == [PUBLIC], "connected to the address that was checked"


def test_the_real_transport_connects_to_the_checked_address(web: Web, make: Make) -> None:
    fetcher = make(
        transport=None,
        resolve=lambda host, port: ["127.0.0.1"],
        allow_hosts=["course.test"],
    )
    web.sites[f"course.test:{web.port}"] = {"/x": PDF}
    assert fetcher.fetch(f"http://course.test:{web.port}/x").kind == "pdf"
    assert web.seen[-1].headers["Host"] == f"course.test:{web.port}"
    with pytest.raises(FetchError) as caught:
        fetcher.fetch(f"http://other.test:{web.port}/x")
    assert caught.value.failure == "refused"


def test_unknown_hosts_closed_ports_and_odd_addresses(make: Make) -> None:
    fetcher = make(transport=None, resolve=lambda h, p: ["127.0.0.1"], allow_hosts=["x.test"])
    with pytest.raises(FetchError) as caught:
        fetcher.fetch("http://x.test:9/")
    assert caught.value.failure == "unreachable"
    for url in ("ftp://x.test/a", "javascript:alert(1)", "https://me:pw@x.test/", "https://", "a"):
        with pytest.raises(FetchError) as caught:
            fetcher.fetch(url)
        assert caught.value.failure == "bad_address", url
    with pytest.raises(FetchError, match="no such host"):
        make().fetch("https://nowhere.test/")


# --- TLS -----------------------------------------------------------------------------------------


def certificate(folder: Path, host: str) -> Path:
    """A self-signed certificate for a host, with its key, in one file."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{host}.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def test_the_certificate_must_be_the_hosts_though_an_address_is_connected_to(
    tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ssl

    pem = certificate(tmp_path, "course.test")
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    asked: list[str | None] = []
    context.sni_callback = lambda socket, name, _: asked.append(name)
    web = Web()
    web._server.socket = context.wrap_socket(web._server.socket, server_side=True)
    with web:
        for host in ("course.test", "other.test"):
            web.sites[f"{host}:{web.port}"] = {"/a": PDF}
        fetcher = make(
            transport=None,
            resolve=lambda host, port: ["127.0.0.1"],
            allow_hosts=["course.test", "other.test"],
        )
        assert fetcher.fetch(f"https://course.test:{web.port}/a").kind == "pdf"
        with pytest.raises(FetchError) as caught:
            fetcher.fetch(f"https://other.test:{web.port}/a")
    assert caught.value.failure == "unreachable"
    assert "certificate" in str(caught.value)
    assert set(asked) == {"course.test", "other.test"}


def test_http_2_is_spoken_where_it_is_offered_to_the_address_that_was_checked(
    tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = certificate(tmp_path, "course.test")
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    pages = {
        "/a.pdf": PDF,
        "/moved": redirect("/a.pdf"),
        "/away": redirect("https://private.test/secret"),
        "/busy": Page(status=429, headers=(("Retry-After", "7"),)),
        "/big": Page(bytes(1 << 20), repeat=3),
    }
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    with H2Web(pem, pages) as web:
        base = f"https://course.test:{web.port}"
        fetcher = make(
            transport=None,
            resolve=resolve,
            allow_hosts=["course.test", "other.test"],
            max_bytes=2 << 20,
        )
        assert fetcher.fetch(f"{base}/a.pdf").file.read_bytes() == PDF.body
        first = web.seen[0]
        assert first[":authority"] == f"course.test:{web.port}", "not the address"
        assert first["user-agent"].startswith("seminar-rag/")
        assert web.names == ["course.test"]
        assert fetcher.fetch(f"{base}/a.pdf", max_age=0).event == "unchanged"
        assert fetcher.fetch(f"{base}/moved").kind == "pdf"
        for path, failure in {
            "/away": "refused",
            "/busy": "busy",
            "/big": "too_large",
            "/none": "gone",
        }.items():
            with pytest.raises(FetchError) as caught:
                fetcher.fetch(f"{base}{path}")
            assert caught.value.failure == failure, path
        assert fetcher.fetch(f"{base}/a.pdf", max_age=0).event == "unchanged", "a reset harms none"
        assert len(web.names) < len(web.seen), "one connection serves several requests"
        assert asked.count("course.test") == len(web.seen), "checked before every request"
        with pytest.raises(FetchError, match="certificate") as caught:
            fetcher.fetch(f"https://other.test:{web.port}/a.pdf")
        assert caught.value.failure == "unreachable"
        assert "other.test" in web.names
