"""Alert channels over real sockets: what is told, what is not, heartbeats, failures. Ecosystem wish 14."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from typer.testing import CliRunner

from parley.app import meeting
from parley.app.alerts import Alert, Alerts, Channel, Mail, Syslog, Webhook, load_channels, trial_alert, try_channel
from parley.app.home import Home
from parley.cli.main import app
from parley.errors import BearerError, UsageError

SECRET = b"a secret of sixteen bytes or more"
ALERT = Alert("trial", "flash", "south-3f2a-12", 1_800_000_000)
HOSTILE = Alert('tri"al]\r\nBcc: x', "flash\nX", "a\u202eb\x00", 1_800_000_000)


@contextmanager
def hook(status: int = 204) -> Iterator[tuple[int, list[tuple[str, bytes]]]]:
    """A receiver of webhooks: its port, and what came with its signature."""
    came: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            came.append((self.headers["Parley-Signature"], body))
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()

        def log_message(self, *_args: Any) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port, came
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def listener(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """One TCP connection, served by ``serve``."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def run() -> None:
            connection, _ = server.accept()
            with connection:
                serve(connection)

        thread = threading.Thread(target=run)
        thread.start()
        yield server.getsockname()[1]
        thread.join(60)


def test_a_webhook_is_signed_and_says_nothing_of_a_content() -> None:
    with hook() as (port, came):
        Webhook("soc", f"http://127.0.0.1:{port}/parley?x=1", SECRET).send(ALERT)
    ((signature, body),) = came
    assert json.loads(body) == {"line": "trial", "code": "flash", "about": "south-3f2a-12", "time": 1_800_000_000}
    time, _, given = signature.removeprefix("t=").partition(",v1=")
    assert given == hmac.digest(SECRET, f"{time}.".encode() + body, "sha256").hex()
    for status in (302, 500):
        with hook(status) as (port, came):
            with pytest.raises(BearerError) as error:
                Webhook("soc", f"http://127.0.0.1:{port}/", SECRET).send(ALERT)
            assert error.value.code == "alert-failed"
            assert len(came) == 1, "no redirect is followed"


def test_syslog_is_one_line_whatever_a_peer_chose() -> None:
    wanted = re.compile(
        rb"<81>1 2027-01-15T08:00:00Z \S+ parley \d+ flash "
        rb'\[parley@32473 line="trial" code="flash" about="south-3f2a-12"\] flash'
    )
    assert wanted.fullmatch(Syslog("s", "127.0.0.1", 1).line(ALERT))
    hostile = Syslog("s", "127.0.0.1", 1).line(HOSTILE)
    assert b"\n" not in hostile
    assert b"\r" not in hostile
    assert hostile.count(b"]") - hostile.count(b"\\]") == 1
    came: list[bytes] = []
    with listener(lambda c: came.append(c.recv(4096))) as port:
        Syslog("s", "127.0.0.1", port).send(ALERT)
    count, _, rest = came[0].partition(b" ")
    assert (int(count), rest[:4]) == (len(rest), b"<81>")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        udp.settimeout(60)
        Syslog("s", "127.0.0.1", udp.getsockname()[1], tcp=False).send(ALERT)
        assert wanted.fullmatch(udp.recv(4096))


def smtp(connection: socket.socket, came: list[bytes]) -> None:
    """As much of SMTP as a client asks of a server."""
    stream = connection.makefile("rwb")

    def say(text: bytes) -> None:
        stream.write(text + b"\r\n")
        stream.flush()

    say(b"220 test")
    while line := stream.readline():
        word = line[:4].upper()
        if word == b"DATA":
            say(b"354 go on")
            while (line := stream.readline()) != b".\r\n":
                came.append(line)
        say(b"221 bye" if word == b"QUIT" else b"250 ok")


def test_mail_has_its_precedence_and_no_header_of_a_peers() -> None:
    for alert in (ALERT, HOSTILE):
        came: list[bytes] = []
        with listener(lambda c, came=came: smtp(c, came)) as port:  # type: ignore[misc]
            Mail("m", "127.0.0.1", port, "parley@example.org", ("watch@example.org",), starttls=False).send(alert)
        head = b"".join(came).partition(b"\r\n\r\n")[0].decode()
        names = [line.partition(":")[0] for line in head.splitlines() if not line.startswith(" ")]
        assert "Bcc" not in names
        assert "MMHS-Primary-Precedence" in names
        assert "Auto-Submitted: auto-generated" in head
    assert Mail("m", "h", 1, "a@b", ("c@d",)).message(ALERT)["MMHS-Primary-Precedence"] == "4"
    with pytest.raises(BearerError):
        Mail("m", "127.0.0.1", 1, "a@example.org", ("b@example.org",)).send(ALERT)


class Server(threading.Thread):
    """A mail server that wants TLS and a login before it takes anything; one connection."""

    def __init__(self, certificate: Path) -> None:
        super().__init__()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.said: list[tuple[bool, bytes]] = []
        """Lines of the client, each with whether it came under TLS."""

    def run(self) -> None:
        with self.listening, self.listening.accept()[0] as plain:
            with plain.makefile("rwb") as stream:
                if not self.talk(stream, secure=False):
                    return
            with (
                contextlib.suppress(ssl.SSLError, OSError),
                self.context.wrap_socket(plain, server_side=True) as tls,
                tls.makefile("rwb") as stream,
            ):
                self.talk(stream, secure=True)

    def talk(self, stream: Any, *, secure: bool) -> bool:
        """Answer until the client goes; True where it begins TLS."""
        answers = {
            b"EHLO": b"250-mail\r\n250 AUTH PLAIN" if secure else b"250-mail\r\n250 STARTTLS",
            b"QUIT": b"221 bye",
        }
        answers |= {b"STAR": b"220 go on", b"AUTH": b"235 welcome", b"DATA": b"354 go on"}
        data = False
        if not secure:
            stream.write(b"220 mail\r\n")
            stream.flush()
        while line := stream.readline():
            self.said.append((secure, line.rstrip()))
            if data and line != b".\r\n":
                continue
            word = line[:4].upper()
            stream.write(b"250 ok" if data else answers.get(word, b"250 ok"))
            stream.write(b"\r\n")
            stream.flush()
            data = not data and word == b"DATA"
            if word == b"STAR":
                return True
        return False


def certificate_for(path: Path, name: str) -> Path:
    """A key with a certificate that it signed itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(
        subject,
        subject,
        key.public_key(),
        x509.random_serial_number(),
        now - timedelta(days=1),
        now + timedelta(days=1),
    ).add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
    signed = made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + signed)
    return path


def test_mail_logs_in_under_tls_and_only_under_a_certificate_that_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted, other = certificate_for(tmp_path / "one.pem", "mail"), certificate_for(tmp_path / "two.pem", "mail")
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    login = base64.b64encode(b"\0parley\0the password")
    for certificate, held in ((trusted, True), (other, False)):
        server = Server(certificate)
        server.start()
        to = ("watch@example.org",)
        mail = Mail("m", "127.0.0.1", server.port, "parley@example.org", to, user="parley", password="the password")
        why = try_channel(mail, trial_alert())
        server.join(60)
        assert (why is None) == held, why
        secret = [secure for secure, line in server.said if login in line]
        assert secret == ([True] if held else []), "a password goes over TLS that holds, or not at all"
        taken = any(secure and b"MMHS-Primary-Precedence: 1" in line for secure, line in server.said)
        assert taken == held


def test_the_command_tries_each_channel_and_says_which_were_taken(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    meeting.init_party(home, "north", "Northland", ["en"])
    assert json.loads(CliRunner().invoke(app, ["alerts", "list", "--home", str(home.path), "--json"]).stdout) == []
    (home.path / "hook.secret").write_bytes(SECRET)
    with hook() as (port, came):
        text = f'[[alert]]\nkind = "webhook"\nname = "soc"\nurl = "http://127.0.0.1:{port}/"\n'
        text += 'secret_file = "hook.secret"\n'
        (home.path / "config.toml").write_text(
            text + '[[alert]]\nkind = "syslog"\nname = "log"\nserver = "127.0.0.1:1"\n'
        )
        done = CliRunner().invoke(app, ["alerts", "test", "--home", str(home.path), "--json"])
        assert [(r["name"], r["taken"]) for r in json.loads(done.stdout)] == [("soc", True), ("log", False)]
        assert done.exit_code == 1
        assert CliRunner().invoke(app, ["alerts", "test", "soc", "--home", str(home.path)]).exit_code == 0
        assert [json.loads(body)["code"] for _, body in came] == ["test", "test"]
    unknown = CliRunner().invoke(app, ["alerts", "test", "none", "--home", str(home.path), "--json"])
    assert json.loads(unknown.stdout)["error"]["code"] == "alert-unknown"


def test_a_failing_channel_is_told_once_and_its_alerts_come_later() -> None:
    told: list[str] = []

    async def scene() -> None:
        with socket.create_server(("127.0.0.1", 0)) as reserved:
            port = reserved.getsockname()[1]
        channel: Channel = Syslog("soc", "127.0.0.1", port, heartbeat_s=1)
        alerts = Alerts([channel], lambda _, event: told.append(event["code"]), retry_s=0.02)
        alerts.start()
        alerts.take("trial", {"event": "watch", "code": "flash", "message": "south-3f2a-12"})
        alerts.take("trial", {"event": "arrived", "code": "not told"})
        alerts.take("trial", {"event": "notice", "code": "no-armed-console", "text": "nobody would hear an alarm."})
        while told != ["alert-failed"]:
            await asyncio.sleep(0.01)
        came: list[bytes] = []
        done = asyncio.Event()

        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            came.append(await reader.read())
            writer.close()
            if sum(b"heartbeat" in line for line in came) >= 2:
                done.set()

        server = await asyncio.start_server(take, "127.0.0.1", port)
        await asyncio.wait_for(done.wait(), 60)
        await alerts.close()
        server.close()
        await server.wait_closed()
        assert [sum(code in line for line in came) for code in (b'code="flash"', b'code="no-armed-console"')] == [1, 1]
        assert not any(b"not told" in line for line in came)

    asyncio.run(scene())
    assert told == ["alert-failed", "alert-works"]


GOOD = """
[[alert]]
kind = "webhook"
name = "soc"
url = "https://soc.example.org/parley"
secret_file = "soc.secret"
[[alert]]
kind = "mail"
name = "office"
server = "mail.example.org:587"
from = "parley@example.org"
to = ["watch@example.org"]
heartbeat_s = 3600
[[alert]]
kind = "syslog"
name = "log"
server = "[::1]:601"
"""


def test_channels_are_configured_and_mistakes_are_told(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    assert load_channels(path) == []
    (tmp_path / "soc.secret").write_bytes(SECRET + b"\n")
    path.write_text(GOOD)
    hooked, mail, log = load_channels(path)
    assert (hooked.name, mail.heartbeat_s) == ("soc", 3600)
    assert isinstance(log, Syslog)
    assert (log.host, log.port) == ("::1", 601)
    for old, new in (
        ("https://", "http://"),
        ("soc.secret", "none"),
        ('"webhook"', '"pigeon"'),
        ("3600", "0"),
        (":587", ""),
        ('name = "log"', 'name = "soc"'),
        ('kind = "syslog"', 'kind = "syslog"\ncolour = 1'),
        ("[[alert]]", "[[alert"),
    ):
        path.write_text(GOOD.replace(old, new))
        with pytest.raises(UsageError) as error:
            load_channels(path)
        assert error.value.code == "config", (old, new)
    (tmp_path / "soc.secret").write_bytes(b"short")
    path.write_text(GOOD)
    with pytest.raises(UsageError):
        load_channels(path)
