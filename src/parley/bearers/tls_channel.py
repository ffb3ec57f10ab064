"""One TLS 1.3 connection over an asyncio transport, through OpenSSL memory buffers (D17).

TLS is outer armour: what it carries is sealed already. It must be post-quantum (X25519MLKEM768) and mutual,
or there is no connection. A server makes no TLS object before a whole ClientHello is there.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Protocol

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from OpenSSL import SSL, crypto

from parley import limits
from parley.errors import BearerError
from parley.ids import MemberNumber

GROUP: Final = "X25519MLKEM768"
_ALPN: Final = b"parley/1"
_HELLO_LIMIT: Final = 16 * 1024
_RECORD_HEADER: Final = 5
_HANDSHAKE: Final = 22
_ANY: Final = 1 << 32
"""More records than there are: while the handshake goes on, nobody has counted."""
_READ: Final = 17 * 1024
"""Bytes taken from OpenSSL at a time: a whole record. A larger buffer is zeroed in vain at every read."""
_AT_ONCE: Final = 16
"""Datagrams of one read that are handed over whatever waits: who floods keeps nobody else out of the node."""
_HOLD_S: Final = 0.001
HIGH_WATER: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class TlsIdentity:
    """Our key and self-signed certificate in PEM; peers know them by SHA-256 of the public key info."""

    key_pem: bytes
    certificate_pem: bytes


def public_key_digest(certificate: x509.Certificate) -> bytes:
    """SHA-256 of the certificate's SubjectPublicKeyInfo: what a charter's node certificate pins."""
    info = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return sha256(info).digest()


def make_context(
    identity: TlsIdentity, *, server: bool, pins: Callable[[], Mapping[bytes, MemberNumber]]
) -> SSL.Context:
    """A context that speaks TLS 1.3 alone and accepts no certificate but those pinned."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD if server else SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_3_VERSION)
    context.set_max_proto_version(SSL.TLS1_3_VERSION)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_COMPRESSION)
    context.use_certificate(x509.load_pem_x509_certificate(identity.certificate_pem))
    key = load_pem_private_key(identity.key_pem, None)
    if not isinstance(key, Ed25519PrivateKey):
        raise BearerError("the TLS key is not an Ed25519 key.", code="key-malformed")
    context.use_privatekey(key)

    def pinned(_connection: SSL.Connection, presented: crypto.X509, _errno: int, depth: int, _ok: int) -> bool:
        return depth == 0 and public_key_digest(presented.to_cryptography()) in pins()

    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, pinned)
    if server:
        context.set_alpn_select_callback(
            lambda _c, offered: _ALPN if _ALPN in offered else SSL.NO_OVERLAPPING_PROTOCOLS
        )
    else:
        context.set_alpn_protos([_ALPN])
    return context


class ChannelOwner(Protocol):
    """What a channel tells its bearer."""

    def channel_open(self, channel: TlsChannel, peer: MemberNumber) -> None:
        """The handshake is done and the peer is who it must be."""
        ...

    def channel_closed(self, channel: TlsChannel, reason: str) -> None:
        """It is over; told once."""
        ...

    def channel_ready(self, channel: TlsChannel) -> None:
        """What was queued has drained."""
        ...

    def channel_received(self, datagram: bytes) -> None:
        """A datagram came."""
        ...

    def room(self) -> bool:
        """False while the node has enough waiting."""
        ...


class _Records:
    """Counts the TLS records in a stream by their lengths (RFC 8446 section 5.1)."""

    def __init__(self) -> None:
        self._header = b""
        self._left = 0
        """Bytes that the record in progress still lacks."""

    def whole(self, data: bytes) -> int:
        """How many records end within ``data``, which follows what was given before."""
        count, at = 0, 0
        while at < len(data):
            if not self._left:
                need = _RECORD_HEADER - len(self._header)
                self._header += data[at : at + need]
                at += need
                if len(self._header) < _RECORD_HEADER:
                    break
                self._left, self._header = int.from_bytes(self._header[3:], "big"), b""
            else:
                taken = min(self._left, len(data) - at)
                at += taken
                self._left -= taken
            if not self._left:
                count += 1
        return count


class TlsChannel(asyncio.Protocol):
    """Frames datagrams with a 2-byte length inside TLS records."""

    def __init__(
        self,
        owner: ChannelOwner,
        context: SSL.Context,
        pins: Callable[[], Mapping[bytes, MemberNumber]],
        *,
        server: bool,
    ) -> None:
        self._owner = owner
        self._context = context
        self._pins = pins
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._tls: SSL.Connection | None = None
        self._hello = bytearray()
        self._plain = bytearray()
        self._records = _Records()
        self._paused = False
        self._held = False
        self._again: asyncio.TimerHandle | None = None
        self._closed = False
        self._shaken = False
        self.peer: MemberNumber | None = None
        self.source = ""
        self.stream: socket.socket | None = None

    # -- asyncio ---------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Set the socket so that a dead path is noticed: TCP's own patience is measured in minutes."""
        self._transport = transport  # type: ignore[assignment]
        stream = self.stream = transport.get_extra_info("socket")
        if stream is not None:
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in (
                ("TCP_KEEPIDLE", 5),
                ("TCP_KEEPINTVL", 2),
                ("TCP_KEEPCNT", 3),
                ("TCP_USER_TIMEOUT", 8000),
            ):
                if hasattr(socket, option):
                    stream.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
        name = transport.get_extra_info("peername")
        self.source = str(name[0]) if name else ""
        if self._transport is not None:
            self._transport.set_write_buffer_limits(high=HIGH_WATER)
        if not self._server:
            self._begin()
            self._shake()

    def data_received(self, data: bytes) -> None:
        """Bytes from the network."""
        if self._closed:
            return
        if self._tls is None:
            self._hello += data
            if not self._whole_hello():
                return
            self._begin()
            data, self._hello = bytes(self._hello), bytearray()
        tls = self._tls
        if tls is None:
            return
        try:
            # The memory buffer takes what it can; feed it in steps so that nothing is left out.
            for at in range(0, len(data), 16384):
                chunk = data[at : at + 16384]
                tls.bio_write(chunk)
                records = self._records.whole(chunk)
                if not self._shaken:
                    self._shake()
                    records = _ANY
                if self._shaken:
                    self._read(records)
        except SSL.Error as error:
            self.close(f"TLS failed: {error}")

    def connection_lost(self, exc: Exception | None) -> None:
        """The network closed it."""
        self.close(f"connection lost: {exc}" if exc else "closed by the peer")

    def pause_writing(self) -> None:
        """The transport's buffer is above its mark."""
        self._paused = True

    def resume_writing(self) -> None:
        """The transport's buffer has drained."""
        self._paused = False
        if self.peer is not None:
            self._owner.channel_ready(self)

    # -- the bearer ------------------------------------------------------------------------------------

    @property
    def began(self) -> bool:
        """True once a whole ClientHello has come, or was sent."""
        return self._tls is not None

    @property
    def ready(self) -> bool:
        """True when a datagram would begin to leave at once."""
        return self.peer is not None and not self._paused and not self._closed

    def send(self, datagram: bytes) -> None:
        """Send one datagram, in one TLS record where it fits."""
        if self._tls is None or self.peer is None or self._closed:
            return
        try:
            framed = len(datagram).to_bytes(2, "big") + datagram
            for at in range(0, len(framed), 16384):
                self._tls.send(framed[at : at + 16384])
                self._flush()
        except SSL.Error as error:
            self.close(f"TLS failed: {error}")

    def close(self, reason: str) -> None:
        """End it, for ``reason``; told to the owner once."""
        if self._closed:
            return
        self._closed = True
        if self._again is not None:
            self._again.cancel()
        if self._transport is not None:
            self._transport.abort()
        self._owner.channel_closed(self, reason)

    # -- TLS -------------------------------------------------------------------------------------------

    def _whole_hello(self) -> bool:
        """A whole ClientHello is there; anything else is dropped before it costs anything."""
        data = self._hello
        if len(data) > _HELLO_LIMIT or (data and data[0] != _HANDSHAKE):
            self.close("no TLS ClientHello")
            return False
        message = bytearray()
        at = 0
        while at + _RECORD_HEADER <= len(data):
            end = at + _RECORD_HEADER + int.from_bytes(data[at + 3 : at + 5], "big")
            if end > len(data):
                break
            message += data[at + _RECORD_HEADER : end]
            at = end
        return len(message) >= 4 and len(message) >= 4 + int.from_bytes(message[1:4], "big")  # noqa: PLR2004

    def _begin(self) -> None:
        tls = SSL.Connection(self._context, None)
        if self._server:
            tls.set_accept_state()
        else:
            tls.set_connect_state()
        self._tls = tls

    def _shake(self) -> None:
        tls = self._tls
        if tls is None:
            return
        try:
            tls.do_handshake()
        except SSL.WantReadError:
            self._flush()
            return
        except SSL.Error as error:
            self._flush()
            self.close(f"TLS handshake failed: {error}")
            return
        self._flush()
        self._check_peer(tls)

    def _check_peer(self, tls: SSL.Connection) -> None:
        group = tls.get_group_name()
        certificate = tls.get_peer_certificate()
        if group != GROUP:
            self.close(f"TLS group {group} is not post-quantum; {GROUP} is wanted")
        elif tls.get_alpn_proto_negotiated() != _ALPN or certificate is None:
            self.close("the other side does not speak parley/1")
        else:
            peer = self._pins().get(public_key_digest(certificate.to_cryptography()))
            if peer is None:
                self.close("the other side's key is in no certificate of this line")
                return
            self._shaken = True
            self.peer = peer
            self._owner.channel_open(self, peer)

    def _read(self, records: int) -> None:
        """Take what at most ``records`` records hold. To ask OpenSSL for one that is not there is not cheap."""
        tls = self._tls
        while records and tls is not None and not self._closed:
            records -= 1
            try:
                self._plain += tls.recv(_READ)
            except SSL.WantReadError:
                break
            except SSL.ZeroReturnError:
                self.close("closed by the peer")
                return
        if self._again is None:
            self._deliver(_AT_ONCE)

    def _deliver(self, due: int) -> None:
        """Hand over ``due`` datagrams, and more while the node has room; the rest waits here, and then at the peer."""
        self._again = None
        plain = self._plain
        while len(plain) >= 2 and not self._closed:  # noqa: PLR2004
            length = int.from_bytes(plain[:2], "big")
            if len(plain) < 2 + length:
                break
            if due <= 0 and not self._owner.room():
                self._hold()
                return
            due -= 1
            datagram = bytes(plain[2 : 2 + length])
            del plain[: 2 + length]
            self._owner.channel_received(datagram)
        if self._held and self._transport is not None and not self._closed:
            self._held = False
            self._transport.resume_reading()

    def _hold(self) -> None:
        """Read no more for now."""
        if not self._held and self._transport is not None:
            self._held = True
            self._transport.pause_reading()
        self._again = asyncio.get_running_loop().call_later(_HOLD_S, self._deliver, 0)

    def _flush(self) -> None:
        tls, transport = self._tls, self._transport
        while tls is not None and transport is not None:
            try:
                data = tls.bio_read(_READ)
            except SSL.WantReadError:
                return
            transport.write(data)
            if len(data) < _READ:
                return


def check_mtu(datagram: bytes) -> None:
    """Raises BearerError for a datagram that no bearer may carry."""
    if len(datagram) >= limits.MAX_DATAGRAM:
        raise BearerError(f"a datagram of {len(datagram)} bytes.", code="datagram-size")
