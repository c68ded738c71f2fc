"""What `GET /limits` answers with."""

from pydantic import BaseModel, Field


class LimitShown(BaseModel):
    """At most `quota` requests in any `windowSeconds`. What is left is there where the caller is known."""

    name: str = Field(description="docs/limits.md says what counts for it.")
    per: str = Field(description="Whose requests are counted together: address, account, username.")
    quota: int
    windowSeconds: int  # noqa: N815  # JSON members are in camel case here
    code: str = Field(description="The wire's code for one request too many, status 429.")
    remaining: int | None = Field(default=None, description="How many requests are left now.")
    resetSeconds: int | None = Field(  # noqa: N815  # the same
        default=None, description="In how many seconds the first of those used comes back."
    )


class SizeShown(BaseModel):
    """The largest number of something that one request may hold."""

    name: str
    max: int
    code: str
    setting: str | None = None


class LimitsAnswer(BaseModel):
    """Everything that limits a caller."""

    profile: str
    limits: list[LimitShown]
    sizes: list[SizeShown]
    neverLimited: list[str]  # noqa: N815  # the same
