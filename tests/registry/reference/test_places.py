"""The data file is complete: as many provinces and districts as the country has, each once."""

from collections import Counter

from services.registry.reference.places import read_places

ALPHABET = "abcçdefgğhıijklmnoöprsştuüvyz"
# Founded after the published list of 970 was drawn up.
YOUNG = {971: "Kemalpaşa / Artvin", 972: "Derecik", 973: "Sultanhanı"}
# As the published document numbers them.
PUBLISHED = {1: "Seyhan", 104: "Artvin Merkez", 429: "Kadıköy", 970: "Kaynaşlı"}
# Their names were others when the numbers were given out.
RENAMED = {"Mersin", "Şanlıurfa"}
METROPOLES = {1, 6, 7, 9, 10, 16, 20, 21, 25, 26, 27, 31, 33, 34, 35, 38, 41, 42, 44, 45, 46, 47}
METROPOLES |= {48, 52, 54, 55, 59, 61, 63, 65}

places = read_places()


def in_turkish(text: str) -> list[int]:
    lowered = text.replace("I", "ı").replace("İ", "i").lower()
    return [ALPHABET.index(letter) for letter in lowered if letter in ALPHABET]


def test_there_are_81_provinces_with_their_traffic_codes() -> None:
    assert list(places.cities) == list(range(1, 82))
    assert [places.cities[code].name for code in (1, 6, 34, 35, 81)] == [
        *("Adana", "Ankara", "İstanbul", "İzmir", "Düzce")
    ]
    assert len({city.name for city in places.cities.values()}) == 81


def test_traffic_codes_follow_the_turkish_alphabet_up_to_67() -> None:
    names = [places.cities[code].name for code in range(1, 68)]
    # Kahramanmaraş was Maraş then, and stands between Manisa and Mardin still.
    steady = [in_turkish(name.removeprefix("Kahraman")) for name in names if name not in RENAMED]
    assert len(steady) == 65
    assert steady == sorted(steady)


def test_there_are_973_districts_each_with_one_code_and_one_name() -> None:
    assert list(places.towns) == list(range(1, 974))
    names = Counter((town.name, town.city_code) for town in places.towns.values())
    assert len(names) == 973
    assert len({town.name for town in places.towns.values()}) == 973


def test_every_province_has_its_districts() -> None:
    districts = Counter(town.city_code for town in places.towns.values())
    assert set(districts) == set(places.cities)
    assert min(districts.values()) == 3
    assert (districts[34], districts[42], districts[69], districts[8]) == (39, 31, 3, 9)


def test_a_central_district_carries_its_province_s_name_but_in_metropolitan_provinces() -> None:
    central = {town.city_code for town in places.towns.values() if town.name.endswith(" Merkez")}
    assert central == set(places.cities) - METROPOLES
    for town in places.towns.values():
        if town.name.endswith(" Merkez") or " / " in town.name:
            assert places.cities[town.city_code].name in town.name


def test_published_codes_hold_and_young_districts_stand_behind_them() -> None:
    assert {code: places.towns[code].name for code in PUBLISHED} == PUBLISHED
    assert {code: places.towns[code].name for code in YOUNG} == YOUNG
    # Renamed by law, or mangled by somebody's spreadsheet.
    assert [places.towns[code].name for code in (78, 426, 744)] == [
        *("Kahramankazan", "Eyüpsultan", "19 Mayıs")
    ]


def test_names_are_turkish_and_tidy() -> None:
    names = [city.name for city in places.cities.values()]
    names += [town.name for town in places.towns.values()]
    for name in names:
        assert name == " ".join(name.split())
        assert all(letter.isalpha() or letter in " /19" for letter in name), name
