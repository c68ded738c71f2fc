"""The check as one would write it first: FastAPI, pydantic, redis-py, one GET of an entry for each question.

Token and rights from memory, the body validated by pydantic, the number digested (AES-256, one block), one
HGET, the answer a pydantic model. It believes the cache as it is: no ledger, no watermark, no deadline, no
evidence. It answers numbers only, for COMMERCIAL messages, and no retailer's question.
"""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Final, Literal

import redis.asyncio as redis
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from fastapi import Depends, FastAPI, HTTPException, Request  # noqa: TID251  # a rival has no edge of ours
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field

FACTS: Final = json.loads(Path(os.environ["RIVAL_FACTS"]).read_text())  # noqa: TID251  # its only setting
BRANDS: Final = {int(code): brand for code, brand in FACTS["brands"].items()}


PLACES: Final = {
    ("MESAJ", "BIREYSEL"): 1,
    ("ARAMA", "BIREYSEL"): 3,
    ("MESAJ", "TACIR"): 27,
    ("ARAMA", "TACIR"): 81,
}
OUTCOMES: Final = {
    "BIREYSEL": ("NO_RECORD", "CONSENT", "REFUSED"),
    "TACIR": ("REGISTER_ADDRESS_FIRST", "MERCHANT_ON_RECORD", "REFUSED"),
}
STATUSES: Final = (None, "ONAY", "RET")


class Question(BaseModel):
    """What is asked."""

    model_config = ConfigDict(extra="forbid")

    brand_code: Annotated[int, Field(alias="brandCode")]
    type: Literal["MESAJ", "ARAMA"]
    recipient: Annotated[str, Field(pattern=r"^\+[1-9][0-9]{7,13}$")]
    recipient_type: Annotated[Literal["BIREYSEL", "TACIR"], Field(alias="recipientType")] = (
        "BIREYSEL"
    )


class Answer(BaseModel):
    """What is answered."""

    allowed: bool
    reason: str
    status: str | None
    position: int | None


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the connection pool and the cipher."""
    app.state.cache = redis.Redis(unix_socket_path=FACTS["valkey"])
    key = bytes.fromhex(FACTS["phone_key"])
    app.state.block = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305  # single blocks
    yield
    await app.state.cache.aclose()


app = FastAPI(lifespan=lifespan)
bearer = HTTPBearer()


async def caller(
    credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)],
) -> dict[str, object]:
    """Return the rights of whoever asks."""
    rights: dict[str, object] | None = FACTS["tokens"].get(credentials.credentials)
    if rights is None:
        raise HTTPException(401)
    return rights


@app.post("/check")
async def check(
    question: Question, request: Request, rights: Annotated[dict[str, object], Depends(caller)]
) -> Answer:
    """Decide about one address."""
    brand = BRANDS.get(question.brand_code)
    if brand is None or not brand["active"]:
        return Answer(allowed=False, reason="SENDER_NOT_REGISTERED", status=None, position=None)
    if not rights["every_brand"]:
        return Answer(allowed=False, reason="NOT_AUTHORISED", status=None, position=None)
    digest = request.app.state.block.update(question.recipient.encode().ljust(16, b"\0"))
    bucket = int.from_bytes(digest[:4], "big") >> (32 - brand["bits"])
    key = f"{{{question.brand_code}}}{brand['generation']}:{bucket}"
    found = await request.app.state.cache.hget(key, digest[4:12])
    digit = int(found or 0) // PLACES[question.type, question.recipient_type] % 3
    return Answer(
        allowed=digit == 1,
        reason=OUTCOMES[question.recipient_type][digit],
        status=STATUSES[digit],
        position=brand["position"],
    )
