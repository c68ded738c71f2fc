"""The time-stamping authority of this installation: RFC 3161 tokens under a root of its own.

Its keys are derived from the key file's sealing keys, and its certificates from nothing else. So every
process that has the key file has the same authority, no further secret lies anywhere, and what it stamped can
be verified as long as somebody has the root certificate. A sealing key that is retired stays an authority
whose stamps are good; new ones are of the active key.

It proves that a file has not changed since it was stamped to whoever trusts this installation. Whoever wants
that from a third party sets IZIN_TSA_URL.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256, sha384
from typing import Final

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.asn1 import GeneralizedTime, SetOf
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from services.registry.reconciliation import stamp_structures as tsp
from shared.sealing.keyring import KeyRing, derive

CURVE: Final = ec.SECP384R1()
# A number of our own, without asking anybody for one (X.667).
POLICY: Final = x509.ObjectIdentifier("2.25.211568835913221128744279560431631861052")
VALID_FROM: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""Not when the keys were made: certificates that are made anew must be the same."""
VALID_UNTIL: Final = datetime(2076, 1, 1, tzinfo=UTC)

_SEED_BYTES: Final = 64
_SERIAL_BYTES: Final = 19  # 20 are allowed, and the first bit is the sign
_SIGNED_DATA_VERSION: Final = 3  # since its content is not plain data (RFC 5652, 5.1)
_SHA384: Final = tsp.element(asn1.encode_der(tsp.SHA384))
_PLAIN_SHA384: Final = tsp.PlainAlgorithm(algorithm=tsp.SHA384)


@dataclass(frozen=True, slots=True)
class Authority:
    """What one sealing key stands for: a root certificate, and a signer under it."""

    root: x509.Certificate
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


class OwnAuthority:
    """Stamps by itself, in about half a millisecond."""

    def __init__(self, ring: KeyRing) -> None:
        self._authorities = {
            key_id: _authority_of(secret) for key_id, secret in sorted(ring.sealing_keys.items())
        }
        self._active = self._authorities[ring.sealing_key_id]
        certificate = self._active.certificate
        self._certificate = tsp.element(certificate.public_bytes(Encoding.DER))
        self._signer = tsp.element(
            asn1.encode_der(
                tsp.IssuerAndSerial(
                    issuer=tsp.element(certificate.issuer.public_bytes()),
                    serial_number=certificate.serial_number,
                )
            )
        )

    @property
    def root_pem(self) -> bytes:
        """The root certificates, the active one first: what `openssl ts -verify` takes as -CAfile."""
        roots = {self._active.root, *(one.root for one in self._authorities.values())}
        ordered = sorted(roots, key=lambda root: root != self._active.root)
        return b"".join(root.public_bytes(Encoding.PEM) for root in ordered)

    async def stamp(self, file_hash: bytes, *, now: datetime) -> bytes:
        """Return the `.tsr` file for a SHA-384 hash, dated `now`."""
        info = asn1.encode_der(_statement(file_hash, now))
        attributes = tsp.set_of(self._attributes(info))
        signer = tsp.SignerInfo(
            version=1,
            signer=self._signer,
            digest_algorithm=[_SHA384],
            signed_attributes=tsp.element(tsp.retagged(attributes, 0xA0)),
            signature_algorithm=[tsp.element(asn1.encode_der(tsp.ECDSA_WITH_SHA384))],
            signature=self._active.key.sign(attributes, ec.ECDSA(SHA384())),
            unsigned_attributes=None,
        )
        signed = tsp.SignedData(
            version=_SIGNED_DATA_VERSION,
            digest_algorithms=tsp.element(tsp.set_of_algorithms(_PLAIN_SHA384)),
            content=tsp.EncapsulatedContent(type=tsp.TST_INFO, content=info),
            certificates=[self._certificate],
            revocation_lists=None,
            signers=SetOf([signer]),
        )
        return asn1.encode_der(
            tsp.TimeStampResponse(
                status=tsp.Status(status=0, texts=None, failure=None),
                token=tsp.Token(type=tsp.SIGNED_DATA, content=signed),
            )
        )

    def _attributes(self, info: bytes) -> list[tsp.Attribute]:
        fingerprint = self._active.certificate.fingerprint(SHA384())
        used = tsp.CertificateId(hash_algorithm=_PLAIN_SHA384, certificate_hash=fingerprint)
        signing = tsp.SigningCertificate(
            certificates=[tsp.element(asn1.encode_der(used))], policies=None
        )
        return [
            _attribute(tsp.CONTENT_TYPE, asn1.encode_der(tsp.TST_INFO)),
            _attribute(tsp.MESSAGE_DIGEST, asn1.encode_der(sha384(info).digest())),
            _attribute(tsp.SIGNING_CERTIFICATE_V2, asn1.encode_der(signing)),
        ]


def _statement(file_hash: bytes, now: datetime) -> tsp.TimeStampInfo:
    """Say that this hash was there now. Nobody asked over a wire, so there is no nonce."""
    return tsp.TimeStampInfo(
        version=1,
        policy=POLICY,
        message_imprint=tsp.MessageImprint(hash_algorithm=[_SHA384], hashed_message=file_hash),
        serial_number=x509.random_serial_number(),
        generated_at=GeneralizedTime(now.astimezone(UTC).replace(microsecond=0)),
        accuracy=tsp.Accuracy(seconds=1, millis=None, micros=None),
        ordering=False,
        nonce=None,
        authority=None,
        extensions=None,
    )


def _attribute(kind: x509.ObjectIdentifier, value: bytes) -> tsp.Attribute:
    return tsp.Attribute(type=kind, values=SetOf([tsp.element(value)]))


def _authority_of(secret: bytes) -> Authority:
    root_key = _derived_key(secret, b"izin root of time stamps")
    key = _derived_key(secret, b"izin signer of time stamps")
    name = _name("izin zaman damgası kökü", root_key)
    root = _certificate(
        (name, root_key),
        (name, root_key),
        [
            (x509.BasicConstraints(ca=True, path_length=0), True),
            (_usage(certificates=True), True),
        ],
    )
    certificate = _certificate(
        (_name("izin zaman damgası", key), key),
        (name, root_key),
        [
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (_usage(certificates=False), True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), False),
        ],
    )
    return Authority(root, certificate, key)


def _derived_key(secret: bytes, purpose: bytes) -> ec.EllipticCurvePrivateKey:
    """Return a key that only this secret gives: a number below the group's order, and not zero."""
    seed = int.from_bytes(derive(secret, purpose, _SEED_BYTES), "big")
    return ec.derive_private_key(seed % (CURVE.group_order - 1) + 1, CURVE)


def _name(title: str, key: ec.EllipticCurvePrivateKey) -> x509.Name:
    """Name a certificate so that those of two installations are not mistaken for each other."""
    return x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, f"{title} {_fingerprint(key)[:4].hex()}")]
    )


def _fingerprint(key: ec.EllipticCurvePrivateKey) -> bytes:
    public = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return sha256(public).digest()


def _certificate(
    subject: tuple[x509.Name, ec.EllipticCurvePrivateKey],
    issuer: tuple[x509.Name, ec.EllipticCurvePrivateKey],
    extensions: list[tuple[x509.ExtensionType, bool]],
) -> x509.Certificate:
    public = subject[1].public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject[0])
        .issuer_name(issuer[0])
        .public_key(public)
        .serial_number(int.from_bytes(_fingerprint(subject[1])[:_SERIAL_BYTES], "big"))
        .not_valid_before(VALID_FROM)
        .not_valid_after(VALID_UNTIL)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(issuer[1], SHA384(), ecdsa_deterministic=True)


def _usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates,
        content_commitment=not certificates,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
