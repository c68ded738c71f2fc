"""The shapes of the reference data, for the OpenAPI document (iys-api 10.4)."""

from pydantic import BaseModel, Field


class CityRow(BaseModel):
    """A province as the list shows it."""

    code: int = Field(examples=[34])
    name: str = Field(examples=["İstanbul"])


class CityAnswer(BaseModel):
    """A province by itself: here the published code is a text."""

    code: str = Field(examples=["34"])
    name: str = Field(examples=["İstanbul"])


class TownAnswer(BaseModel):
    """A district, with the code of its province."""

    code: int = Field(examples=[429])
    name: str = Field(examples=["Kadıköy"])
    city_code: int = Field(examples=[34])
