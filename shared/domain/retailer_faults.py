"""What can be wrong with a retailer, and with the access that it gets: one class per fault (iys-api 5, 6).

As published, faults of a retailer's own fields name no place and echo no value: these are numbers and names
of persons.
"""

from shared.domain.faults import Fault


class RetailerFieldsWrong(Fault, code="H016"):
    """A field that must be there is not, or one is there that a retailer does not have."""


class RetailerTextTooLong(Fault, code="H017"):
    """One of the texts is longer than 255 characters."""


class RetailerNotFound(Fault, code="H058"):
    """The brand has no retailer with this code."""


class RetailerLinked(Fault, code="H061"):
    """Some consent names the retailer, so it stays. Answered with 400: nothing is broken."""


class NoRetailerCodeLeft(Fault, code="H067"):
    """The brand has as many retailers as it may have, or no code of eight digits is free."""


class RetailerRequestUnusable(Fault, code="H090"):
    """The body is JSON, but not one retailer; also, not one grant of access."""


class AccessMissing(Fault, code="H169"):
    """`retailerAccess` is not there."""


class ReplacementUnusable(Fault, code="H171"):
    """The body is JSON, but not one replacement of access."""


class RemovalUnusable(Fault, code="H172"):
    """The body is JSON, but not one removal of access."""


class AccessQueryUnusable(Fault, code="H173"):
    """The body is JSON, but not one question about access."""


class AllWrong(Fault, code="H184"):
    """`all` in the query is neither true nor false."""


class ShortWrong(Fault, code="H185"):
    """`short` in the query is neither true nor false."""


class RetailerStatusUnknown(Fault, code="H201"):
    """`status` is none of active, passive and suspended."""


class TitleEmpty(Fault, code="H214"):
    """`title` is there, but with nothing in it."""


class NameEmpty(Fault, code="H215"):
    """`name` is there, but with nothing in it."""


class TcknEmpty(Fault, code="H216"):
    """`tckn` is there, but with nothing in it."""


class CityEmpty(Fault, code="H217"):
    """`city` has nothing in it, or is no object."""


class CityCodeEmpty(Fault, code="H218"):
    """`city.code` is missing or empty."""


class CityNameEmpty(Fault, code="H219"):
    """`city.name` is missing or empty."""


class TownEmpty(Fault, code="H220"):
    """`town` has nothing in it, or is no object."""


class TownCodeEmpty(Fault, code="H221"):
    """`town.code` is missing or empty."""


class TownNameEmpty(Fault, code="H222"):
    """`town.name` is missing or empty."""


class MobileMalformed(Fault, code="H224"):
    """`mobile` is no E.164 number in use."""


class TcknInvalid(Fault, code="H225"):
    """`tckn` has eleven characters, but its check digits do not fit."""


class TcknLengthWrong(Fault, code="H226"):
    """`tckn` does not have eleven characters."""


class MersisInvalid(Fault, code="H227"):
    """`mersis` has sixteen characters, but is no number, or begins with 0 and no VKN follows."""


class MersisLengthWrong(Fault, code="H228"):
    """`mersis` does not have sixteen characters."""


class TextNotAlphanumeric(Fault, code="H229"):
    """`title`, `name` or `alias` holds something else than letters, digits and the signs of a firm's name."""


class MersisTaken(Fault, code="H230"):
    """Another retailer of this provider has the same `mersis`."""


class TcknTaken(Fault, code="H231"):
    """Another retailer of this provider has the same `tckn`."""


class TinInvalid(Fault, code="H243"):
    """`tin` is neither a VKN nor a TCKN: its check digit does not fit."""


class TinLengthWrong(Fault, code="H244"):
    """`tin` does not have ten or eleven characters."""


class PassiveTwin(Fault, code="H253"):
    """A passive retailer of this provider has the same `mersis` or `tckn`."""


class TinEmpty(Fault, code="H288"):
    """`tin` is there, but with nothing in it."""
