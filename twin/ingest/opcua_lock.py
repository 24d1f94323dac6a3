"""How an OPC UA session is locked: signed and encrypted, with a certificate of one's own.

The only policy offered is Basic256Sha256 with signing and encryption: what is older is broken, and signing
alone keeps nothing secret.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from socket import gethostname

from asyncua.client.client import Client
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from asyncua.crypto.uacrypto import CertProperties
from asyncua.ua import MessageSecurityMode
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_der_x509_certificate, load_pem_x509_certificate
from cryptography.x509.oid import ExtendedKeyUsageOID

from twin.ingest.fields import Fields

POLICY = "Basic256Sha256"
ANY = "any"
URI = "urn:park-twin:opcua"
_MODE, _URI_OF_POLICY = MessageSecurityMode.SignAndEncrypt, SecurityPolicyBasic256Sha256.URI


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

    async def make(self) -> None:
        """Make a certificate of one's own where there is none."""
        if not (self.certificate.exists() and self.key.exists()):
            use, name = [ExtendedKeyUsageOID.CLIENT_AUTH], {"commonName": "park-twin"}
            await setup_self_signed_certificate(self.key, self.certificate, URI, gethostname(), use, name)
            self.key.chmod(0o600)

    async def doubt(self, url: str, timeout_s: float) -> str:
        """Say what of a server's own offer does not fit the lock; empty where it does.

        A server that is asked with another's certificate can read nothing and hangs up without a word.

        Raises
        ------
        OSError, UaError, TimeoutError
            The server does not answer.
        """
        offers = await Client(url, timeout=timeout_s).connect_and_get_server_endpoints()
        mine = [e for e in offers if (e.SecurityMode, e.SecurityPolicyUri) == (_MODE, _URI_OF_POLICY)]
        if not mine:
            return f"the server at {url} offers no session that is signed and encrypted by {POLICY}"
        if self.server is None:
            return ""
        try:
            known = _fingerprint(self.server.read_bytes())
        except (OSError, ValueError) as error:
            return f"the certificate that is believed cannot be read: {error}"
        shown = _fingerprint(mine[0].ServerCertificate)
        if known == shown:
            return ""
        return (
            f"the server at {url} shows the certificate {shown}, and {known} is believed ({self.server}): "
            "if it was renewed, put the new one there; else somebody stands between"
        )

    async def close(self, client: Client) -> None:
        """Lock a client before it connects.

        Raises
        ------
        OSError, UaError
            A certificate cannot be read, or the server has no such endpoint.
        """
        await self.make()
        client.application_uri = URI
        await client.set_security(
            SecurityPolicyBasic256Sha256,
            _read(self.certificate),
            _read(self.key),
            server_certificate=None if self.server is None else _read(self.server),
            mode=_MODE,
        )


def _fingerprint(content: bytes) -> str:
    """Return the beginning of a certificate's SHA-256, in the pairs that tools show."""
    read = load_pem_x509_certificate if content.startswith(b"-----") else load_der_x509_certificate
    return read(content).fingerprint(SHA256())[:8].hex(":").upper()


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
