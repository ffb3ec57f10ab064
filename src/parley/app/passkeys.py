"""Passkeys: what a browser is asked for, and the check of what it answers (WebAuthn level 3, by ``webauthn``).

``SoftwarePasskey`` is an authenticator in software, for the demonstration and for tests: it has no person at it and
keeps its key in a file. It tells so in its AAGUID, and who is enrolled with one is marked everywhere.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from parley.errors import SignatureInvalid, UsageError
from parley.later import later
from parley.wire.assertion import Assertion, check_public_key, key_of, read_assertion

if TYPE_CHECKING:
    import cbor2
    import webauthn
    from webauthn import helpers
    from webauthn.helpers import cose, exceptions, structs
else:
    cbor2, webauthn, helpers = later("cbor2"), later("webauthn"), later("webauthn.helpers")
    structs, exceptions = later("webauthn.helpers.structs"), later("webauthn.helpers.exceptions")
    cose = later("webauthn.helpers.cose")

SOFTWARE: Final = b"parley software!"
"""The AAGUID of ``SoftwarePasskey``."""
ALGORITHMS: Final = (-7, -8, -257)
"""COSE numbers of ES256, EdDSA, RS256: what passkeys in use have; spec/officers.md lists the same."""
CHALLENGE_BYTES: Final = 32
_TIMEOUT_MS: Final = 120_000
_MAX_RESPONSE: Final = 16 * 1024
_PRESENT, _VERIFIED, _ATTESTED = 0x01, 0x04, 0x40


@dataclass(frozen=True, slots=True)
class Site:
    """Where passkeys are used: the page's ``origin``, and its host, which is the relying party's id."""

    origin: str

    @property
    def rp(self) -> str:
        """The relying party's id."""
        return urlsplit(self.origin).hostname or ""


def site_of(origin: str) -> Site:
    """``localhost``, or a name with TLS: elsewhere browsers give no passkeys. Raises UsageError ``console-origin``."""
    parts = urlsplit(origin)
    host = parts.hostname or ""
    named = not host.replace(".", "").isdigit() and ":" not in host
    secure = (parts.scheme == "https" and "." in host) or (parts.scheme in ("http", "https") and host == "localhost")
    if not (named and secure) or origin != f"{parts.scheme}://{parts.netloc}" or "@" in parts.netloc:
        raise UsageError(
            f"{origin!r} cannot be the console's origin.",
            code="console-origin",
            next_step="Set http://localhost:PORT, or https://NAME with TLS: browsers give passkeys nowhere else.",
        )
    return Site(origin)


@dataclass(frozen=True, slots=True)
class Registered:
    """A passkey that was made here, verified."""

    credential: bytes
    public_key: bytes
    sign_count: int
    software: bool


@dataclass(frozen=True, slots=True)
class Given:
    """An assertion that was verified, and the counter that it came with."""

    assertion: Assertion
    credential: bytes
    sign_count: int


def registration_options(site: Site, challenge: bytes, user: bytes, name: str, known: list[bytes]) -> dict[str, Any]:
    """What ``navigator.credentials.create`` is given, as JSON. ``known`` may not be registered a second time."""
    options = webauthn.generate_registration_options(
        rp_id=site.rp,
        rp_name="Parley",
        user_name=name,
        user_id=user,
        challenge=challenge,
        timeout=_TIMEOUT_MS,
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[structs.PublicKeyCredentialDescriptor(id=c) for c in known],
        supported_pub_key_algs=_algorithms(),
    )
    return helpers.options_to_json_dict(options)


def assertion_options(site: Site, challenge: bytes, credential: bytes | None = None) -> dict[str, Any]:
    """What ``navigator.credentials.get`` is given, as JSON. Without ``credential`` the passkey says whose it is."""
    options = webauthn.generate_authentication_options(
        rp_id=site.rp,
        challenge=challenge,
        timeout=_TIMEOUT_MS,
        allow_credentials=[structs.PublicKeyCredentialDescriptor(id=credential)] if credential else None,
        user_verification=structs.UserVerificationRequirement.REQUIRED,
    )
    return helpers.options_to_json_dict(options)


def verify_registration(site: Site, response: object, challenge: bytes) -> Registered:
    """The passkey that the browser made. Raises SignatureInvalid ``passkey-invalid``."""
    try:
        found = webauthn.verify_registration_response(
            credential=_bounded(response),
            expected_challenge=challenge,
            expected_rp_id=site.rp,
            expected_origin=site.origin,
            require_user_verification=True,
            supported_pub_key_algs=_algorithms(),
        )
    except (exceptions.WebAuthnException, ValueError, TypeError, KeyError) as error:
        raise _invalid(str(error)) from error
    check_public_key(found.credential_public_key)
    software = found.aaguid == helpers.aaguid_to_string(SOFTWARE)
    return Registered(found.credential_id, found.credential_public_key, found.sign_count, software)


def credential_of(response: object) -> bytes:
    """Which credential an answer claims to be from. Raises SignatureInvalid ``passkey-invalid``."""
    try:
        return helpers.parse_authentication_credential_json(_bounded(response)).raw_id
    except (exceptions.WebAuthnException, ValueError, TypeError, KeyError) as error:
        raise _invalid(str(error)) from error


def verify_given(site: Site, response: object, challenge: bytes, public_key: bytes, sign_count: int) -> Given:
    """The assertion that the browser gave over ``challenge``. Raises SignatureInvalid ``passkey-invalid``.

    A counter that does not rise is refused, unless the passkey counts nothing (section 6.1.1).
    """
    bounded = _bounded(response)
    try:
        found = webauthn.verify_authentication_response(
            credential=bounded,
            expected_challenge=challenge,
            expected_rp_id=site.rp,
            expected_origin=site.origin,
            credential_public_key=public_key,
            credential_current_sign_count=sign_count,
            require_user_verification=True,
        )
        parts = helpers.parse_authentication_credential_json(bounded).response
        assertion = [key_of(public_key), parts.authenticator_data, parts.client_data_json, parts.signature]
        return Given(read_assertion(assertion), found.credential_id, found.new_sign_count)
    except (exceptions.WebAuthnException, ValueError, TypeError, KeyError) as error:
        raise _invalid(str(error)) from error


def _algorithms() -> list[cose.COSEAlgorithmIdentifier]:
    return [cose.COSEAlgorithmIdentifier(number) for number in ALGORITHMS]


def _bounded(response: object) -> str:
    text = json.dumps(response) if isinstance(response, dict) else str(response)
    if len(text) > _MAX_RESPONSE:
        raise _invalid(f"{len(text)} bytes, at most {_MAX_RESPONSE} wanted")
    return text


def _invalid(why: str) -> SignatureInvalid:
    return SignatureInvalid(
        f"the passkey's answer does not hold: {why}.",
        code="passkey-invalid",
        next_step="Try again. FLASH can be read and acknowledged without a passkey.",
    )


@dataclass(slots=True)
class SoftwarePasskey:
    """An authenticator in software: ES256, attestation ``none``, always "verified". Not for people on watch."""

    origin: str
    keys: dict[bytes, tuple[ec.EllipticCurvePrivateKey, bytes, str]] = field(default_factory=dict)
    """By credential: key, user handle, relying party."""
    count: int = 0

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """As ``navigator.credentials.create``. Raises UsageError when it has a key of those that it may not have."""
        known = {helpers.base64url_to_bytes(c["id"]) for c in options.get("excludeCredentials", ())}
        if known & set(self.keys):
            raise UsageError("this passkey is registered already.", code="passkey-known")
        key = ec.generate_private_key(ec.SECP256R1())
        numbers = key.public_key().public_numbers()
        cose = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")})
        credential = sha256(cose).digest()[:16]
        rp = str(options["rp"]["id"])
        self.keys[credential] = key, helpers.base64url_to_bytes(options["user"]["id"]), rp
        attested = SOFTWARE + struct.pack(">H", len(credential)) + credential + cose
        data = self._data(rp, _PRESENT | _VERIFIED | _ATTESTED) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client("webauthn.create", options["challenge"])
        return self._answer(
            credential,
            {
                "clientDataJSON": helpers.bytes_to_base64url(client),
                "attestationObject": helpers.bytes_to_base64url(attestation),
                "transports": ["internal"],
            },
        )

    def get(self, options: dict[str, Any]) -> dict[str, Any]:
        """As ``navigator.credentials.get``. Raises UsageError when it has no key for it."""
        allowed = [helpers.base64url_to_bytes(c["id"]) for c in options.get("allowCredentials") or ()]
        rp = str(options["rpId"])
        fitting = [c for c, (_, _, of) in self.keys.items() if of == rp and (not allowed or c in allowed)]
        if not fitting:
            raise UsageError(f"this passkey has no key for {rp}.", code="passkey-unknown")
        credential = fitting[-1]
        key, user, _ = self.keys[credential]
        self.count += 1
        data = self._data(rp, _PRESENT | _VERIFIED)
        client = self._client("webauthn.get", options["challenge"])
        signature = key.sign(data + sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(
            credential,
            {
                "clientDataJSON": helpers.bytes_to_base64url(client),
                "authenticatorData": helpers.bytes_to_base64url(data),
                "signature": helpers.bytes_to_base64url(signature),
                "userHandle": helpers.bytes_to_base64url(user),
            },
        )

    def encode(self) -> str:
        """As JSON, for a file of the owner's: the keys are in it."""
        rows = [
            {
                "credential": credential.hex(),
                "user": user.hex(),
                "rp": rp,
                "key": key.private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                ).decode(),
            }
            for credential, (key, user, rp) in self.keys.items()
        ]
        return json.dumps({"origin": self.origin, "count": self.count, "keys": rows})

    @classmethod
    def decode(cls, text: str) -> SoftwarePasskey:
        """What ``encode`` wrote. Raises UsageError ``passkey-unknown``."""
        try:
            table = json.loads(text)
            made = cls(table["origin"], count=int(table["count"]))
            for row in table["keys"]:
                key = serialization.load_pem_private_key(row["key"].encode(), None)
                if isinstance(key, ec.EllipticCurvePrivateKey):
                    made.keys[bytes.fromhex(row["credential"])] = key, bytes.fromhex(row["user"]), row["rp"]
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(f"no software passkey: {error}.", code="passkey-unknown") from error
        return made

    def _data(self, rp: str, flags: int) -> bytes:
        return sha256(rp.encode()).digest() + bytes([flags]) + struct.pack(">I", self.count)

    def _client(self, kind: str, challenge: str) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(said, separators=(",", ":")).encode()

    @staticmethod
    def _answer(credential: bytes, response: dict[str, Any]) -> dict[str, Any]:
        id_ = helpers.bytes_to_base64url(credential)
        return {
            "id": id_,
            "rawId": id_,
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
            "authenticatorAttachment": "platform",
        }
