"""Code → HTTP status and Turkish text: the only place that knows either of them.

The codes and statuses are those of the published wire (iys-api 12); the texts are our own. A text
may name facts, which are fields of the fault's class. What a client can use stays in: the current
status at the end of H174, the allowed values after the colon.
"""

from enum import Enum
from typing import Final, NamedTuple

from shared.domain.consent import Channel, RecipientType, Source, Status


class Message(NamedTuple):
    """What goes on the wire for a code."""

    status: int
    text: str


def _values(*members: Enum) -> str:
    return ", ".join(str(member.value) for member in members)


_STATUSES: Final = _values(*Status)
_RECIPIENT_TYPES: Final = _values(*RecipientType)
_CHANNELS: Final = _values(*Channel)
_SOURCES: Final = _values(*(s for s in Source if s.from_provider))
_FIRST_SOURCES: Final = _values(
    *(s for s in Source if s.from_provider and s is not Source.PROVIDER_DECISION)
)
CONSENT_PROPERTIES: Final = (
    *("recipient", "type", "source", "status", "consentDate"),
    *("recipientType", "retailerCode", "retailerAccess"),
)
_PROPERTIES: Final = ", ".join(CONSENT_PROPERTIES)

_ROUTING: Final = {
    "H001": (404, "Bu İYS numarasıyla (iysCode) kayıtlı bir hizmet sağlayıcı yok."),
    "H014": (400, "İstek gövdesi okunamadı: geçerli bir JSON değil."),
    "H015": (500, "İstek, sunucudaki bir arıza nedeniyle tamamlanamadı."),
    "H016": (400, "Bayi bilgilerinde eksik ya da tanınmayan alanlar var."),
    "H017": (400, "Bayi bilgilerindeki metin alanlarından biri izin verilenden uzun."),
    "H018": (404, "Bu numarayla (brandCode) kayıtlı bir marka yok."),
    "H031": (404, "Bu adla kayıtlı bir kullanıcı yok."),
    "H058": (404, "Bu numarayla (retailerCode) kayıtlı bir bayi yok."),
    "H060": (500, "Bayi kaydı güncellenirken sunucuda arıza oluştu."),
    "H061": (500, "Bayi kaydı silinirken sunucuda arıza oluştu."),
    "H062": (500, "Bayi kaydı oluşturulurken sunucuda arıza oluştu."),
    "H067": (400, "Verilebilecek sekiz haneli bayi numaralarının tamamı tükendi."),
    "H082": (400, "İl ve ilçe listesi hazırlanamadı."),
    "H085": (400, "Gönderilen izin kaydı işlenebilecek biçimde değil."),
    "H090": (400, "Gönderilen bayi isteği işlenebilecek biçimde değil."),
    "H092": (400, "Toplu izin gönderimi bir JSON dizisi olmalıdır."),
    "H093": (422, "Zorunlu bir bilgi gönderilmedi: transactionId, username ya da password."),
    "H095": (400, "İşlem sorgusu işlenebilecek biçimde değil."),
    "H097": (400, "İzin sorgusu işlenebilecek biçimde değil."),
    "H098": (400, "Günlük değişiklik sorgusu işlenebilecek biçimde değil."),
    "H100": (500, "Yedek kayıt yazılırken sunucuda arıza oluştu."),
    "H101": (500, "Kayıt yazılırken sunucuda arıza oluştu."),
    "H102": (500, "Veri şifrelenirken sunucuda arıza oluştu."),
    "H103": (500, "Kayıt aranırken sunucuda arıza oluştu."),
    "H105": (500, "Şifreli veri açılırken sunucuda arıza oluştu."),
    "H106": (500, "Durum raporu hazırlanırken sunucuda arıza oluştu."),
    "H107": (500, "İzin listesi hazırlanırken sunucuda arıza oluştu."),
    "H123": (400, "Servis şu anda yoğun; isteğinizi bir süre sonra yineleyin."),
    "H129": (404, "Bu numarayla kayıtlı bir entegratör yok."),
    "H176": (400, "Bu işlem yalnızca yönetici hesaplarına açıktır."),
    "H179": (500, "İzin tarihleri karşılaştırılırken sunucuda arıza oluştu."),
    "H181": (500, "Bayi listesi hazırlanırken sunucuda arıza oluştu."),
    "H190": (422, "iysCode tam sayı olarak yazılmalıdır."),
    "H191": (422, "brandCode tam sayı olarak yazılmalıdır."),
    "H192": (503, "İstek süresi içinde yanıtlanamadı; daha sonra yineleyin."),
    "H195": (403, "Marka bilgisine ulaşılamadı."),
    "H196": (403, "Hesabın İYS numarası (iysCode) okunamadı."),
    "H197": (422, "Aranacak metin (text) gönderilmedi."),
    "H241": (400, "İl ya da ilçe kaydı getirilemedi."),
    "H245": (400, "Bu İYS numarası (iysCode) bir entegratöre ait değil."),
    "H250": (400, "Kullanıcı adı ile parola birlikte gönderilmelidir."),
    "H251": (401, "Kullanıcı adı ya da parola yanlış."),
    "H252": (400, "Kimlik bilgisi gönderilmediği için oturum doğrulanamadı."),
    "H266": (400, "İstekte zorunlu bir kod eksik: {name}"),
    "H267": (400, "İstekteki bir kod boş gönderilmiş: {name}"),
    "H268": (404, "Bu İYS numarasına (iysCode) bağlı entegratör hesabı yok."),
    "H351": (401, "Erişim jetonu gönderilmedi, süresi doldu ya da tanınmıyor."),
    "H353": (403, "İstekteki kod hesabınızın yetkili olduğu kayıtlar arasında değil: {name}"),
    "H355": (404, "Hesabınıza açık böyle bir servis yok: {right}"),
    "H363": (400, "Bu servis, hesabınızın türüne ya da bu istek biçimine açık değil."),
    "H402": (400, "Yetkili marka sorgusu işlenebilecek biçimde değil."),
    "H403": (400, "İzin durumu sorgusu işlenebilecek biçimde değil."),
    "H404": (422, "Aranacak metin (text) boş bırakılamaz."),
    "H405": (400, "Marka sorgusu işlenebilecek biçimde değil."),
    "H412": (500, "İstek, sunucudaki bir arıza nedeniyle yarıda kaldı."),
    "H437": (404, "Bu numaraya ait bir abonelik kaydı yok."),
    "H470": (500, "İzin, sunucudaki bir arıza nedeniyle kaydedilemedi; daha sonra yineleyin."),
    "H476": (500, "İstek, sunucudaki bir arıza nedeniyle işlenemedi; daha sonra yineleyin."),
    "H520": (403, "Abonelik etkin değil, yalnızca abonelik sorgusu açık. Abonelik durumu: {state}"),
    "H521": (403, "Abonelik kapatıldı (CLOSED); API kullanıma kapalı."),
    "H522": (400, "Bu servis yalnızca entegratör API hesaplarına açıktır."),
    "H524": (403, "Bu İYS numarasına ait abonelik yok: {iys_code}"),
    "H525": (422, "Aboneliğin izin kotası doldu; yeni izin kaydedilmedi."),
    "H586": (403, "Abonelik paketiniz API erişimini kapsamıyor."),
}

_LIMITS: Final = {
    "H083": (429, "Saniyelik istek sınırı aşıldı; kısa bir süre bekleyin."),
    "H084": (429, "Saatlik jeton isteği sınırı aşıldı; süre dolmadan yinelemeyin."),
    "H086": (429, "Saatlik izin durumu sorgusu sınırı aşıldı; süre dolunca yineleyin."),
    "H089": (429, "Saatlik izin geçmişi sorgusu sınırı aşıldı; süre dolunca yineleyin."),
    "H124": (429, "Saniyelik istek sınırı aşıldı; biraz bekleyip yineleyin."),
}

_CONSENT: Final = {
    "H091": (422, "Tek gönderimde kabul edilen izin sayısı en fazla: {allowed}"),
    "H110": (422, "İzin durumu (status) eksik."),
    "H111": (422, "İzin türü (type) eksik."),
    "H112": (422, "İzin tarihi (consentDate) eksik."),
    "H113": (422, "İzin kaynağı (source) eksik."),
    "H114": (422, "Alıcı adresi (recipient) eksik."),
    "H115": (422, f"status alanı tanınmıyor. Geçerli değerler: {_STATUSES}"),
    "H116": (422, f"recipientType alanı tanınmıyor. Geçerli değerler: {_RECIPIENT_TYPES}"),
    "H117": (422, f"type alanı tanınmıyor. Geçerli değerler: {_CHANNELS}"),
    "H118": (422, f"İstek tanınmayan bir alan içeriyor. Kullanılabilecek alanlar: {_PROPERTIES}"),
    "H119": (422, f"source alanı tanınmıyor. Geçerli değerler: {_SOURCES}"),
    "H120": (422, "recipient geçerli bir e-posta adresi değil."),
    "H121": (422, "recipient geçerli bir telefon numarası değil; E.164: +[ülke kodu][numara]."),
    "H122": (422, "recipient ne geçerli bir telefon numarası ne de geçerli bir e-posta adresi."),
    "H125": (422, "Bir listede en çok 1000 izin gönderilebilir."),
    "H126": (422, "retailerAccess listesi çok uzun. En çok: {count_max}"),
    "H127": (422, "recipients listesi çok uzun. En çok: {count_max}"),
    "H155": (422, "HS_2015 kaynaklı izinlerin tarihi 2015-05-01 00:00:00 olmak zorundadır."),
    "H156": (422, "İzin tarihi (consentDate) 1 Mayıs 2015 tarihinden eski olamaz."),
    "H157": (422, "consentDate takvimde olmayan bir tarih gösteriyor."),
    "H158": (422, "consentDate YYYY-AA-GG SS:dd:ss biçiminde yazılmalıdır."),
    "H160": (422, "Telefon numarası 15 karakteri aşıyor."),
    "H162": (422, "İzin tarihi (consentDate) gelecekte olamaz."),
    "H163": (422, "Bayi listesi (retailerAccess) en az bir bayi içermelidir."),
    "H164": (422, "Alıcı listesi (recipients) en az bir adres içermelidir."),
    "H166": (422, "Sorgulanan telefon numarası 15 karakteri aşıyor."),
    "H168": (422, "Alıcı listesi (recipients) eksik."),
    "H169": (422, "Bayi listesi (retailerAccess) eksik."),
    "H170": (422, "Alıcı türü (recipientType) eksik."),
    "H171": (400, "Bayi erişimi verme isteği işlenebilecek biçimde değil."),
    "H172": (400, "Bayi erişimi kaldırma isteği işlenebilecek biçimde değil."),
    "H173": (400, "Bayi erişimi sorgusu işlenebilecek biçimde değil."),
    "H174": (400, "Kayıt zaten bu durumda, değişiklik yok. Kayıtlı durum: {current}"),
    "H175": (400, "Bu adresin henüz kaydı yok; ilk kayıt RET olamaz."),
    "H178": (400, "Daha yeni ya da aynı tarihli bir kayıt var; consentDate ondan sonra olmalıdır."),
    "H180": (403, "Bu numarayla (retailerCode) tanımlı bir bayiniz yok."),
    "H193": (422, "Aynı adres listede birden çok kez geçiyor."),
    "H194": (422, "Aynı recipientType, type ve recipient üçlüsü listede birden çok kez geçiyor."),
    "H401": (400, "Bu adres için kayıtlı bir izin yok."),
    "H408": (422, "HS_KARAR kaynağı yalnızca RET bildirmek için kullanılabilir."),
    "H459": (422, "Telefon numarası yalnızca MESAJ ve ARAMA türünde kullanılabilir."),
    "H462": (400, "Var olan bir TACIR kaydı değiştirilirken consentDate zorunludur."),
    "H463": (400, "Var olan bir TACIR kaydı değiştirilirken source zorunludur."),
    "H464": (422, "Adresin biçimi istenen türe (type) uymuyor: {channel}"),
    "H467": (422, "İzin, alındığı günü izleyen üç iş günü içinde kaydedilmelidir; süre geçti."),
    "H478": (422, "recipients bir dizi olarak gönderilmelidir."),
    "H486": (400, f"Bu kayıtta bu kaynak kullanılamaz. Geçerli değerler: {_FIRST_SOURCES}"),
}

_QUERIES: Final = {
    "H182": (422, "Sayfalama değeri geçerli bir tam sayı olmalıdır: {name}"),
    "H183": (422, "Sayfa için geçerli bir tam sayı gönderilmelidir: {name}"),
    "H184": (422, "all yalnızca true ya da false olabilir."),
    "H185": (422, "short yalnızca true ya da false olabilir."),
    "H186": (422, "Bir sayfada 100 kayıttan fazlası istenemez."),
    "H187": (422, "limit sıfır olamaz."),
    "H198": (422, "requestId 36 karakteri aşıyor."),
    "H199": (422, "requestId harf dışında karakter de içermelidir."),
    "H400": (422, "requestId rakam dışında karakter de içermelidir."),
    "H501": (422, "reportDate YYYY-AA-GG biçiminde yazılmalıdır."),
    "H502": (
        422,
        "reportDate dünden eskiye doğru sayılan günlerden olmalıdır, gün sayısı: {days_back}",
    ),
    "H506": (422, "Değişiklik kaynağı (source) tanınmıyor. Geçerli değerler: HS, IYS"),
    "H507": (422, "Bir değişiklik sayfasında 1000 kayıttan fazlası istenemez."),
    "H512": (422, "agreementStatus yalnızca true olabilir."),
}

_RETAILERS: Final = {
    "H201": (400, "Bayi durumu (status) tanınmıyor. Geçerli değerler: active, passive, suspended"),
    "H214": (400, "Bayinin unvanı (title) boş olamaz."),
    "H215": (400, "Bayi yetkilisinin adı (name) boş olamaz."),
    "H216": (400, "Bayi yetkilisinin kimlik numarası (tckn) boş olamaz."),
    "H217": (400, "Bayinin ili (city) boş olamaz."),
    "H218": (400, "Bayinin il kodu (city.code) boş olamaz."),
    "H219": (400, "Bayinin il adı (city.name) boş olamaz."),
    "H220": (400, "Bayinin ilçesi (town) boş olamaz."),
    "H221": (400, "Bayinin ilçe kodu (town.code) boş olamaz."),
    "H222": (400, "Bayinin ilçe adı (town.name) boş olamaz."),
    "H224": (400, "Bayinin telefonu (mobile) geçerli değil; E.164: +[ülke kodu][numara]."),
    "H225": (400, "tckn geçerli bir kimlik numarası değil."),
    "H226": (400, "tckn tam 11 haneli olmalıdır."),
    "H227": (400, "mersis geçerli bir MERSİS numarası değil."),
    "H228": (400, "mersis tam 16 haneli olmalıdır."),
    "H229": (400, "title, name ve alias yalnızca harf ve rakam içerebilir."),
    "H230": (400, "Bu MERSİS numarasıyla kayıtlı başka bir bayi var."),
    "H231": (400, "Bu kimlik numarasıyla (tckn) kayıtlı başka bir bayi var."),
    "H243": (400, "tin geçerli bir vergi kimlik numarası değil."),
    "H244": (400, "tin 10 ya da 11 haneli olmalıdır."),
    "H253": (400, "Aynı MERSİS ya da kimlik numarasıyla pasif durumda bir bayi zaten var."),
    "H288": (400, "Vergi kimlik numarası (tin) boş bırakılamaz."),
}

_PUSH: Final = {
    "H530": (422, "Bildirim bağlantısı kurulamadı ya da kaldırılamadı."),
    "H531": (422, "Bildirim adresi (url) https:// ile başlamak zorundadır."),
    "H568": (422, "Bağlantı yalnızca ONAY durumundaki adresler için üretilir."),
}

# Codes that the publication uses for more than one thing: the text goes by the name of the fault's class.
_TEXTS_OF_FAULTS: Final = {
    "CredentialMissing": "Bildirim adresinin kullanıcı adı (username) ya da parolası (password) eksik.",
    "ReceiverTimedOut": "Bildirim adresi beş saniye içinde yanıt vermedi; bağlantı kurulamadı.",
    "ConnectionFailed": "Bildirim bağlantısı kurulamadı.",
    "ConnectionNotRemoved": "Bildirim bağlantısı kaldırılamadı: böyle bir bağlantı yok.",
    "RetailerLinked": "Bu bayi izinlerle ilişkili olduğu için silinemez.",
    "NoRetailerCodeLeft": "Markaya yeni bayi eklenemez: bayi sayısı ya da bayi numaraları tükendi.",
}

MESSAGES: Final = {
    code: Message(*entry)
    for table in (_ROUTING, _LIMITS, _CONSENT, _QUERIES, _RETAILERS, _PUSH)
    for code, entry in table.items()
}


def text_of(fault: object, code: str) -> str:
    """Return the message of a code, with the facts that the fault carries filled in."""
    text = _TEXTS_OF_FAULTS.get(type(fault).__name__, MESSAGES[code].text)
    return text.format_map(_Facts(fault)).rstrip(" :")


class _Facts(dict[str, str]):
    """Reads a fact when a text asks for it; one that is not there is left out."""

    def __init__(self, fault: object) -> None:
        super().__init__()
        self._fault = fault

    def __missing__(self, name: str) -> str:
        return _show(getattr(self._fault, name, ""))


def _show(fact: object) -> str:
    if isinstance(fact, Enum):
        return str(fact.value)
    return str(fact) if isinstance(fact, (str, int)) else ""
