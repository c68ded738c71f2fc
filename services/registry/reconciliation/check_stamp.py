"""Is this answer of a time-stamping authority what we asked for, and signed by somebody we trust (RFC 3161)?

Whatever is wrong, the stamp is worth nothing, and UnfitStampError says why in words for an operator.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.asn1 import TLV
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from services.registry.reconciliation import stamp_structures as tsp

CLOCK_DIFFERENCE_MAX: Final = timedelta(minutes=10)
"""An authority that has another time than we have is not believed."""

_GRANTED: Final = frozenset({0, 1})
_CHAIN_MAX: Final = 6
_SEQUENCE_TAG: Final = b"\x30"
_SET_TAG: Final = 0x31
_HASHES: Final[dict[str, type[hashes.HashAlgorithm]]] = {
    "2.16.840.1.101.3.4.2.1": hashes.SHA256,
    "2.16.840.1.101.3.4.2.2": hashes.SHA384,
    "2.16.840.1.101.3.4.2.3": hashes.SHA512,
    # signatures that name their hash
    "1.2.840.113549.1.1.11": hashes.SHA256,
    "1.2.840.113549.1.1.12": hashes.SHA384,
    "1.2.840.113549.1.1.13": hashes.SHA512,
    "1.2.840.10045.4.3.2": hashes.SHA256,
    "1.2.840.10045.4.3.3": hashes.SHA384,
    "1.2.840.10045.4.3.4": hashes.SHA512,
}
_RSA_ENCRYPTION: Final = "1.2.840.113549.1.1.1"
_UNREADABLE: Final = (
    *(ValueError, TypeError, LookupError, UnsupportedAlgorithm),
    *(x509.ExtensionNotFound, x509.DuplicateExtension),
)


class UnfitStampError(Exception):
    """The answer is no time stamp of ours; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for at a moment: a SHA-384 hash, and a number that comes back (None: no number)."""

    file_hash: bytes
    nonce: int | None
    now: datetime


def check_stamp(response: bytes, asked: Asked, roots: Sequence[x509.Certificate]) -> None:
    """Raise UnfitStampError unless this answers the question under one of these certificates.

    A certificate in `roots` need not be a root: what is in the list is trusted.
    """
    try:
        answer = asn1.decode_der(tsp.TimeStampResponse, response)
        if answer.status.status not in _GRANTED or answer.token is None:
            raise UnfitStampError(f"the authority refused, with status {answer.status.status}")
        _check_token(answer.token, asked, roots)
    except _UNREADABLE as error:
        raise UnfitStampError(f"not a time stamp that we can read: {error}") from error


def _check_token(token: tsp.Token, asked: Asked, roots: Sequence[x509.Certificate]) -> None:
    content = token.content.content
    if token.type != tsp.SIGNED_DATA or content.type != tsp.TST_INFO:
        raise UnfitStampError("not a time stamp token")
    _check_statement(asn1.decode_der(tsp.TimeStampInfo, content.content), asked)
    signers = token.content.signers.as_list()
    if len(signers) != 1:
        raise UnfitStampError(f"{len(signers)} signatures instead of one")
    certificates = _certificates(token.content.certificates or [])
    signer = _check_signature(signers[0], content.content, certificates)
    _check_purpose(signer)
    _check_chain(signer, certificates, roots, asked.now)


def _check_statement(info: tsp.TimeStampInfo, asked: Asked) -> None:
    imprint = info.message_imprint
    if imprint.hashed_message != asked.file_hash or _oid(imprint.hash_algorithm) != _dotted(
        tsp.SHA384
    ):
        raise UnfitStampError("it is about another file")
    if info.nonce != asked.nonce:
        raise UnfitStampError("it answers another question")
    if abs(info.generated_at.as_datetime() - asked.now) > CLOCK_DIFFERENCE_MAX:
        raise UnfitStampError("the authority's clock differs from ours")


def _check_signature(
    signer: tsp.SignerInfo, content: bytes, certificates: Sequence[x509.Certificate]
) -> x509.Certificate:
    """Verify what was signed, and that the content is what the signature speaks of."""
    signed = tsp.retagged(tsp.encoded(signer.signed_attributes), _SET_TAG)
    attributes = _attributes(signer.signed_attributes)
    if tsp.read(attributes[_dotted(tsp.CONTENT_TYPE)], x509.ObjectIdentifier) != tsp.TST_INFO:
        raise UnfitStampError("it signs something else than a time stamp")
    digest = hashes.Hash(_hash(_oid(signer.digest_algorithm)))
    digest.update(content)
    if tsp.read(attributes[_dotted(tsp.MESSAGE_DIGEST)], bytes) != digest.finalize():
        raise UnfitStampError("its content was changed")
    certificate = _used(attributes, certificates)
    try:
        _verify(certificate, signer, signed)
    except InvalidSignature:
        raise UnfitStampError("its signature is wrong") from None
    return certificate


def _verify(certificate: x509.Certificate, signer: tsp.SignerInfo, signed: bytes) -> None:
    named = _oid(signer.signature_algorithm)
    algorithm = _hash(_oid(signer.digest_algorithm) if named == _RSA_ENCRYPTION else named)
    key = certificate.public_key()
    match key:
        case rsa.RSAPublicKey():
            key.verify(signer.signature, signed, padding.PKCS1v15(), algorithm)
        case ec.EllipticCurvePublicKey():
            key.verify(signer.signature, signed, ec.ECDSA(algorithm))
        case _:
            raise UnfitStampError("its signature is of a kind that we cannot verify")


def _used(attributes: dict[str, TLV], certificates: Sequence[x509.Certificate]) -> x509.Certificate:
    """Return the certificate that the signature says it was made with, by its hash (RFC 5816)."""
    wanted, algorithm = _named_certificate(attributes)
    for certificate in certificates:
        if certificate.fingerprint(algorithm) == wanted:
            return certificate
    raise UnfitStampError("the certificate that it was signed with is not in it")


def _named_certificate(attributes: dict[str, TLV]) -> tuple[bytes, hashes.HashAlgorithm]:
    second = attributes.get(_dotted(tsp.SIGNING_CERTIFICATE_V2))
    first = attributes.get(_dotted(tsp.SIGNING_CERTIFICATE))
    named = second or first
    if named is None:
        raise UnfitStampError("it does not say which certificate signed it")
    parts = tsp.elements(tsp.read(named, tsp.SigningCertificate).certificates[0])
    if (
        second is None
    ):  # the first version knows SHA-1 alone, as a name for a certificate that is here
        return tsp.read(parts[0], bytes), hashes.SHA1()  # noqa: S303  # the signature is not made with it
    if parts[0].tag_bytes == _SEQUENCE_TAG:
        return tsp.read(parts[1], bytes), _hash(_oid(tsp.elements(parts[0])))
    return tsp.read(parts[0], bytes), hashes.SHA256()


def _check_purpose(certificate: x509.Certificate) -> None:
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    if not usage.critical or list(usage.value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise UnfitStampError("its certificate is not for time stamps, and for nothing else")


def _check_chain(
    signer: x509.Certificate,
    certificates: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
    now: datetime,
) -> None:
    """Go from the signer up to somebody whom we trust, over certificates that hold now."""
    current = signer
    for _ in range(_CHAIN_MAX):
        if not current.not_valid_before_utc <= now <= current.not_valid_after_utc:
            raise UnfitStampError("a certificate in it has expired, or does not hold yet")
        if current in roots:
            return
        issuer = next((one for one in (*roots, *certificates) if _issued(one, current)), None)
        if issuer is None:
            break
        current = issuer
    raise UnfitStampError("nobody whom we trust stands behind its certificate")


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints)
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, *_UNREADABLE):
        return False
    return constraints.value.ca


def _certificates(elements: Sequence[TLV]) -> list[x509.Certificate]:
    """Read the certificates; other kinds, which stand under tags of their own, are left out."""
    return [
        x509.load_der_x509_certificate(tsp.encoded(element))
        for element in elements
        if element.tag_bytes == _SEQUENCE_TAG
    ]


def _attributes(tlv: TLV) -> dict[str, TLV]:
    """Return the one value of each signed attribute, by the attribute's name."""
    found = [tsp.read(one, tsp.Attribute) for one in tsp.elements(tlv)]
    return {_dotted(one.type): one.values.as_list()[0] for one in found}


def _oid(algorithm: tsp.Algorithm) -> str:
    return _dotted(tsp.read(algorithm[0], x509.ObjectIdentifier))


def _dotted(identifier: x509.ObjectIdentifier) -> str:
    return identifier.dotted_string


def _hash(oid: str) -> hashes.HashAlgorithm:
    try:
        return _HASHES[oid]()
    except KeyError:
        raise UnfitStampError(f"the algorithm {oid} is not one that we use") from None
