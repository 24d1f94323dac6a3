"""How an OPC UA session is locked: signed and encrypted, with a certificate of one's own.

The only policy offered is Basic256Sha256 with signing and encryption: what is older is broken, and signing
alone keeps nothing secret.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from asyncua.client.client import Client
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from asyncua.crypto.uacrypto import CertProperties
from asyncua.ua import MessageSecurityMode
from cryptography.x509.oid import ExtendedKeyUsageOID

from twin.ingest.fields import Fields

POLICY = "Basic256Sha256"
ANY = "any"
URI = "urn:park-twin:opcua"


@dataclass(frozen=True, slots=True)
class Lock:
    """A session's lock.

    Attributes
    ----------
    certificate, key : Path
        Of this side, DER and PEM; made at the first start where they are not there.
    server : Path or None
        The server's certificate; without it whatever certificate it shows is taken, which must be asked for.
    """

    certificate: Path
    key: Path
    server: Path | None

    async def close(self, client: Client) -> None:
        """Lock a client before it connects.

        Raises
        ------
        OSError, UaError
            A certificate cannot be read, or the server has no such endpoint.
        """
        if not (self.certificate.exists() and self.key.exists()):
            use, name = [ExtendedKeyUsageOID.CLIENT_AUTH], {"commonName": "park-twin"}
            await setup_self_signed_certificate(self.key, self.certificate, URI, "park-twin", use, name)
            self.key.chmod(0o600)
        client.application_uri = URI
        await client.set_security(
            SecurityPolicyBasic256Sha256,
            _read(self.certificate),
            _read(self.key),
            server_certificate=None if self.server is None else _read(self.server),
            mode=MessageSecurityMode.SignAndEncrypt,
        )


def _read(path: Path) -> CertProperties:
    """Read a certificate or key; the library tells its form by the name, which may be any."""
    content = path.read_bytes()
    return CertProperties(content, extension="pem" if content.startswith(b"-----") else "der")


def read_lock(f: Fields) -> Lock | None:
    """Read the lock of one `[[opcua]]`; None for a session that is not locked.

    Raises
    ------
    ConfigError
        A setting cannot be used.
    """
    policy = f.choice("security", ("none", POLICY), "none")
    certificate, key, server = (f.text(name, "") for name in ("certificate", "key", "server_certificate"))
    trust = f.choice("trust", ("certificate", ANY), "certificate")
    if policy == "none":
        if certificate or key or server:
            raise f.wrong(f"certificates are given, and security = {POLICY!r} is not")
        return None
    if not certificate or not key:
        raise f.wrong(f"security = {POLICY!r} needs certificate and key")
    if bool(server) is (trust == ANY):
        raise f.wrong(
            f"security = {POLICY!r} needs server_certificate, or trust = {ANY!r} to believe whoever answers"
        )
    return Lock(Path(certificate), Path(key), Path(server) if server else None)
