"""The ASN.1 of time stamps: RFC 3161 (requests, tokens), RFC 5652 (signatures), RFC 5035 (certificates).

Field names are ours, their order and types the standards'. What only passes through, and what others write in
more than one lawful way, stays a raw element (`TLV`).
"""

from typing import Annotated, Final, TypeVar

from cryptography.hazmat import asn1
from cryptography.hazmat.asn1 import (
    TLV,
    BitString,
    Default,
    Explicit,
    GeneralizedTime,
    Implicit,
    SetOf,
)
from cryptography.x509 import ObjectIdentifier

T = TypeVar("T")

SHA384: Final = ObjectIdentifier("2.16.840.1.101.3.4.2.2")
ECDSA_WITH_SHA384: Final = ObjectIdentifier("1.2.840.10045.4.3.3")
SIGNED_DATA: Final = ObjectIdentifier("1.2.840.113549.1.7.2")
TST_INFO: Final = ObjectIdentifier("1.2.840.113549.1.9.16.1.4")
CONTENT_TYPE: Final = ObjectIdentifier("1.2.840.113549.1.9.3")
MESSAGE_DIGEST: Final = ObjectIdentifier("1.2.840.113549.1.9.4")
SIGNING_CERTIFICATE: Final = ObjectIdentifier("1.2.840.113549.1.9.16.2.12")
SIGNING_CERTIFICATE_V2: Final = ObjectIdentifier("1.2.840.113549.1.9.16.2.47")

# An algorithm with its parameters, which some leave out and others write as NULL.
Algorithm = list[TLV]


@asn1.sequence
class PlainAlgorithm:
    """An algorithm as we write it, without parameters (RFC 5754)."""

    algorithm: ObjectIdentifier


@asn1.sequence
class MessageImprint:
    """The hash that is stamped."""

    hash_algorithm: Algorithm
    hashed_message: bytes


@asn1.sequence
class TimeStampRequest:
    """What an authority is asked."""

    version: int
    message_imprint: MessageImprint
    nonce: int
    certificate_requested: Annotated[bool, Default(False)]  # noqa: FBT003  # a type, not a call of ours


@asn1.sequence
class Accuracy:
    """By how much the authority's clock may be wrong."""

    seconds: int | None
    millis: Annotated[int | None, Implicit(0)]
    micros: Annotated[int | None, Implicit(1)]


@asn1.sequence
class TimeStampInfo:
    """What an authority says (TSTInfo)."""

    version: int
    policy: ObjectIdentifier
    message_imprint: MessageImprint
    serial_number: int
    generated_at: GeneralizedTime
    accuracy: Accuracy | None
    ordering: Annotated[bool, Default(False)]  # noqa: FBT003  # a type, not a call of ours
    nonce: int | None
    authority: Annotated[list[TLV] | None, Implicit(0)]
    extensions: Annotated[list[TLV] | None, Implicit(1)]


@asn1.sequence
class Attribute:
    """One signed statement about the content."""

    type: ObjectIdentifier
    values: SetOf[TLV]


@asn1.sequence
class IssuerAndSerial:
    """Which certificate: the issuer's name, and its number."""

    issuer: TLV
    serial_number: int


@asn1.sequence
class SignerInfo:
    """Who signed and how. `signed_attributes` is a SET OF Attribute under the tag [0]."""

    version: int
    signer: TLV
    digest_algorithm: Algorithm
    signed_attributes: TLV
    signature_algorithm: Algorithm
    signature: bytes
    unsigned_attributes: Annotated[list[TLV] | None, Implicit(1)]


@asn1.sequence
class EncapsulatedContent:
    """The stamped statement inside its signature."""

    type: ObjectIdentifier
    content: Annotated[bytes, Explicit(0)]


@asn1.sequence
class SignedData:
    """A signature with its content and certificates."""

    version: int
    digest_algorithms: TLV
    content: EncapsulatedContent
    certificates: Annotated[list[TLV] | None, Implicit(0)]
    revocation_lists: Annotated[list[TLV] | None, Implicit(1)]
    signers: SetOf[SignerInfo]


@asn1.sequence
class Token:
    """The time stamp token."""

    type: ObjectIdentifier
    content: Annotated[SignedData, Explicit(0)]


@asn1.sequence
class Status:
    """0 granted, 1 granted with changes; anything else is a refusal."""

    status: int
    texts: list[TLV] | None
    failure: BitString | None


@asn1.sequence
class TimeStampResponse:
    """What an authority answers: the content of a `.tsr` file."""

    status: Status
    token: Token | None


@asn1.sequence
class CertificateId:
    """A certificate by its hash (ESSCertIDv2 with SHA-384)."""

    hash_algorithm: PlainAlgorithm
    certificate_hash: bytes


@asn1.sequence
class SigningCertificate:
    """The certificate that the signature was made with; of both versions, and unread beyond the first."""

    certificates: list[TLV]
    policies: list[TLV] | None


@asn1.sequence
class _SetOfAttributes:
    attributes: SetOf[Attribute]


@asn1.sequence
class _SetOfAlgorithms:
    algorithms: SetOf[PlainAlgorithm]


@asn1.sequence
class _Wrapped:
    element: TLV


@asn1.sequence
class _Listed:
    elements: list[TLV]


_SEQUENCE_TAG: Final = 0x30


def element(encoded: bytes) -> TLV:
    """Return one encoded value as an element that can stand in a structure."""
    return asn1.decode_der(TLV, encoded)


def encoded(tlv: TLV) -> bytes:
    """Return an element's own bytes."""
    return _content_of(asn1.encode_der(_Wrapped(element=tlv)))


def read(tlv: TLV, kind: type[T]) -> T:
    """Read an element as what it must be; raises ValueError when it is something else."""
    return asn1.decode_der(kind, encoded(tlv))


def elements(tlv: TLV) -> list[TLV]:
    """Return the values in a SEQUENCE or SET, whatever its tag; the order is not looked at."""
    sequence = element(retagged(encoded(tlv), _SEQUENCE_TAG))
    return asn1.decode_der(_Listed, asn1.encode_der(_Wrapped(element=sequence))).elements


def retagged(tlv_bytes: bytes, tag: int) -> bytes:
    """Return an encoded value under another tag of one byte."""
    return bytes([tag]) + tlv_bytes[1:]


def set_of(attributes: list[Attribute]) -> bytes:
    """Encode a SET OF Attribute: sorted, as DER wants it."""
    return _content_of(asn1.encode_der(_SetOfAttributes(attributes=SetOf(attributes))))


def set_of_algorithms(algorithm: PlainAlgorithm) -> bytes:
    """Encode a SET OF algorithms that holds one."""
    return _content_of(asn1.encode_der(_SetOfAlgorithms(algorithms=SetOf([algorithm]))))


def _content_of(sequence: bytes) -> bytes:
    """Return what stands in an encoded SEQUENCE."""
    return bytes(asn1.decode_der(TLV, sequence).data)
