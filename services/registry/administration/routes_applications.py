"""Applications over HTTP: filing, looking after, papers, and what staff decides.

An applicant whom we do not know sends its secret where others send a token:
`Authorization: Bearer applied_…`.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Request, Response

from services.registry.administration.openapi import (
    AfterCode,
    Limit,
    administration,
    nothing,
    page_of,
)
from services.registry.administration.schemas_applications import (
    AccountAnswer,
    ApplicationBody,
    ApplicationFiled,
    ApplicationItem,
    ApplicationStateWord,
    ApprovalAnswer,
    ApprovalBody,
    BrandApplicationBody,
    DocumentKept,
    HeaderApplicationBody,
    KindWord,
    OwnApplicationFiled,
    RejectionBody,
)
from services.registry.administration.schemas_lists import Page
from shared.domain.document_type import DocumentType
from shared.domain.networks import customer_of
from shared.web.client_address import origin_of
from shared.web.json_body import read_body
from shared.web.own_surface import PathCode, authorization, problems

router = APIRouter()
Reference = Annotated[str, Path(pattern="^B[0-9A-Z]{9}$")]
Number = Annotated[int, Path(ge=1, le=10, description="The brand's place in the application.")]
_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}


@router.post(
    "/applications",
    status_code=201,
    operation_id="applyAsProvider",
    summary="Apply to become a provider (anybody)",
    responses=problems("TOO_MANY_REQUESTS"),
)
async def apply_as_provider(request: Request, body: ApplicationBody) -> ApplicationFiled:
    """File an application; the secret looks after it and is shown here and never again."""
    reference, secret = await administration(request).filing.for_provider(
        body.asked, body.contact, network=customer_of(origin_of(request.scope))
    )
    return ApplicationFiled(reference=reference, secret=secret, state="OPEN")


@router.post(
    "/providers/{iys_code}/brand-applications",
    status_code=201,
    operation_id="applyForBrand",
    summary="Apply for a brand (its provider, staff)",
    responses=problems("UNKNOWN_PROVIDER", "TOO_MANY_REQUESTS"),
)
async def apply_for_brand(
    request: Request, iys_code: PathCode, body: BrandApplicationBody
) -> OwnApplicationFiled:
    """File an application for one more brand; its trademark certificate is put beside it."""
    reference = await administration(request).filing.for_brand(
        authorization(request), iys_code, body.asked
    )
    return OwnApplicationFiled(reference=reference, state="OPEN")


@router.post(
    "/brands/{brand_code}/header-applications",
    status_code=201,
    operation_id="applyForHeader",
    summary="Apply for a header (its brand's provider, staff)",
    responses=problems("UNKNOWN_BRAND", "TOO_MANY_REQUESTS"),
)
async def apply_for_header(
    request: Request, brand_code: PathCode, body: HeaderApplicationBody
) -> OwnApplicationFiled:
    """File an application for a header with the proof that it is the firm's own (regulation E9)."""
    reference = await administration(request).filing.for_header(
        authorization(request), body.asked(brand_code)
    )
    return OwnApplicationFiled(reference=reference, state="OPEN")


@router.get(
    "/applications",
    operation_id="listApplications",
    summary="List applications (staff; a provider its own)",
    responses=problems(),
)
async def list_applications(
    request: Request,
    state: ApplicationStateWord | None = None,
    kind: KindWord | None = None,
    after: AfterCode = 0,
    limit: Limit = 50,
) -> Page[ApplicationItem]:
    """Return a page of applications, the oldest first."""
    rows = await administration(request).review.page(
        authorization(request), state=state, kind=kind, after=after, limit=limit + 1
    )
    return page_of(
        rows,
        ApplicationItem.of,
        limit=limit,
        cursor=lambda shown: shown.application.application_id,
    )


@router.get(
    "/applications/{reference}",
    operation_id="showApplication",
    summary="Show an application (staff, who asks)",
    responses=problems("UNKNOWN_APPLICATION"),
)
async def show_application(request: Request, reference: Reference) -> ApplicationItem:
    """Return an application with its contact, and what has become of it."""
    shown = await administration(request).review.show(authorization(request), reference)
    return ApplicationItem.of(shown)


@router.delete(
    "/applications/{reference}",
    status_code=204,
    operation_id="withdrawApplication",
    summary="Take an application back (who asks, staff)",
    responses=problems("UNKNOWN_APPLICATION", "CONFLICT"),
)
async def withdraw_application(request: Request, reference: Reference) -> Response:
    """Withdraw an open application; its papers are forgotten."""
    return await nothing(administration(request).filing.withdraw(authorization(request), reference))


@router.put(
    "/applications/{reference}/documents/{number}",
    operation_id="putDocument",
    summary="Put a paper beside an application (who asks, staff)",
    responses=problems(
        "UNKNOWN_APPLICATION", "CONFLICT", "UNSUPPORTED_MEDIA_TYPE", "REQUEST_TIMEOUT"
    ),
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/octet-stream": _BINARY}}
    },
)
async def put_document(request: Request, reference: Reference, number: Number) -> DocumentKept:
    """Keep a PDF, PNG or JPEG, the file itself as the body; what it is called does not count."""
    content = await read_body(request)
    kind = await administration(request).documents.put(
        authorization(request), reference, number, content
    )
    return DocumentKept(number=number, mediaType=kind.value, bytes=len(content))


@router.get(
    "/applications/{reference}/documents/{number}",
    operation_id="getDocument",
    summary="Read a paper of an application (who asks, staff)",
    response_class=Response,
    responses={
        200: {
            "description": "The paper.",
            "content": {kind.value: _BINARY for kind in DocumentType},
        },
        **problems("UNKNOWN_APPLICATION", "UNKNOWN_DOCUMENT"),
    },
)
async def get_document(request: Request, reference: Reference, number: Number) -> Response:
    """Return a paper as it was put there; a browser is told to keep it, not to show it."""
    kind, content = await administration(request).documents.get(
        authorization(request), reference, number
    )
    name = f"{reference}-{number}.{kind.name.lower()}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type=kind.value, headers=headers)


@router.post(
    "/applications/{reference}/approval",
    operation_id="approveApplication",
    summary="Approve an application (staff)",
    responses=problems("UNKNOWN_APPLICATION", "CONFLICT", "ALREADY_EXISTS", "UNKNOWN_ACCOUNT"),
)
async def approve_application(
    request: Request, reference: Reference, body: ApprovalBody
) -> ApprovalAnswer:
    """Approve: provider, brands and API user, or brand, or header, are there from now on."""
    made = await administration(request).review.approve(
        authorization(request), reference, iys_code=body.iysCode
    )
    return ApprovalAnswer(
        reference=reference,
        state="APPROVED",
        iysCode=made.iys_code,
        brandCodes=list(made.brand_codes),
    )


@router.post(
    "/applications/{reference}/rejection",
    status_code=204,
    operation_id="rejectApplication",
    summary="Reject an application, and say why (staff)",
    responses=problems("UNKNOWN_APPLICATION", "CONFLICT"),
)
async def reject_application(
    request: Request, reference: Reference, body: RejectionBody
) -> Response:
    """Reject; whoever asked reads the reason."""
    return await nothing(
        administration(request).review.reject(authorization(request), reference, reason=body.reason)
    )


@router.post(
    "/applications/{reference}/account",
    operation_id="collectAccount",
    summary="Collect the account of an approved provider, once (the applicant, staff)",
    responses=problems("UNKNOWN_APPLICATION", "CONFLICT"),
)
async def collect_account(request: Request, reference: Reference) -> AccountAnswer:
    """Return the API user's name and its first password, shown here and never again."""
    secret = await administration(request).review.hand_out(authorization(request), reference)
    return AccountAnswer(username=secret.username, password=secret.password)
