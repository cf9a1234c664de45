"""The words by which mail programs mark what they quote, in the languages of the product and their neighbours."""

import re

_LABELS = {
    "from": """
        from von van de od da från fra lähettäjä 发件人 寄件者 寄件人 差出人 送信者 از от від gönderen kimden feladó
        từ 보낸_사람 보낸사람 من
        """,
    "sent": """
        sent gesendet verzonden verstuurd envoyé enviado enviada enviado_el enviada_em enviado_em wysłano wysłane
        inviato skickat sendt lähetetty 发送时间 傳送時間 寄件日期 送信日時 ارسال_شده отправлено 보낸_날짜 odesláno
        elküldve gönderildi تم_الإرسال
        """,
    "date": "date datum data fecha dato päivämäärä 日期 日付 日時 تاریخ дата 날짜 التاريخ",
    "to": "to an aan à a para do til till vastaanottaja 收件人 收件者 宛先 به кому komu 받는_사람 받는사람 إلى",
    "subject": """
        subject betreff onderwerp objet asunto assunto oggetto temat ämne emne aihe 主题 主題 件名 標題 موضوع тема
        předmět tárgy konu 제목 الموضوع
        """,
}
LABELS: dict[str, str] = {label.replace("_", " "): kind for kind, labels in _LABELS.items() for label in labels.split()}
"""Labels of the header lines that stand above a quoted mail, in lower case."""

_FORM = """
    message name phone order nachricht bericht telefoon telefon mensaje mensagem messaggio wiadomość téléphone
    お問い合わせ内容 内容 留言 پیام
    """
FORM_LABELS = frozenset(_FORM.split())
"""Labels of a contact form: a block of headers that goes on with one of them quotes nothing."""

_OPENERS = """
    on op am le el em il no_dia a w_dniu dnia den på 在 于 於 در_تاریخ در في v dne vào tarihinde il_giorno em_data
    """
OPENERS = tuple(word.replace("_", " ") for word in _OPENERS.split())
"""How a line begins that says who wrote what follows, where it does not begin with the day itself."""

_WEEKDAYS = """
    mon tue wed thu fri sat sun ma di wo do vr za zo mo mi fr sa so pon wt śr czw pt sob niedz lun mar mer jeu ven sam
    dim mié jue vie sáb dom seg ter qua qui sex gio mån tis ons tor tors fre lör sön man tir søn lør ke pe la su ti
    пн вт ср чт пт сб вс pá po út st čt ne
    """
_ANY_WEEKDAY = "|".join(sorted(set(_WEEKDAYS.split()), key=len, reverse=True))
WEEKDAY = re.compile(
    rf"(?:{_ANY_WEEKDAY})[a-zéáçśłäöøå]{{0,9}}[-.]?,?\s(?=.{{0,20}}\d)",
    re.IGNORECASE,
)

VERB = re.compile(
    r"\b(?:wrote|writes|sent|schreef|geschreven|schrieb|pisze|napisa[łl](?:\(a\)|a)?|écrit|ecrit|escribi[óo]|escreveu"
    r"|ha scritto|scrive|skrev|kirjoitti|napsal(?:\(a\)|a)?|написал[а]?|пише|viết|yazdı|írta)\b"
    r"|写道|寫道|书きました|書きました|のメール|نوشت|كتب|بواسطة|작성"
)
PRONOUN = re.compile(
    r"\b(?:I|my|me|you|your|we|our|she|they|ik|mijn|jij|uw|jullie|wij|ich|mein|meine|mir|Ihr|Ihre|wir|je|vous|votre|mon"
    r"|nous|yo|mi|usted|nosotros|eu|meu|minha|você|nós|ja|mój|moja|państwo)\b"
)
"""Words of a sentence, which a line that names a date and a writer has none of."""

ORIGINAL = re.compile(
    r"original message|original appointment|reply message|ursprüngliche nachricht|urspr\. nachricht|originalnachricht"
    r"|antwort nachricht|oorspronkelijk bericht|origineel bericht|message d['’]origine|message original|message initial"
    r"|mensaje original|mensagem original|messaggio originale|wiadomość oryginalna|oryginalna wiadomość"
    r"|wiadomość źródłowa|ursprungligt meddelande|originalmeddelande|oprindelig meddelelse|original meddelelse"
    r"|opprinnelig melding|alkuperäinen viesti|原始邮件|原始郵件|原邮件|元のメッセージ|オリジナルメッセージ|پیام اصلی"
    r"|исходное сообщение|původní zpráva|원본 메일|원본 메시지",
    re.IGNORECASE,
)
FORWARDED = re.compile(
    r"forwarded message|forwarded by|weitergeleitete|doorgestuurd|message transféré|message réexpédié|mensaje reenviado"
    r"|mensagem (?:reen|en)caminhada|messaggio inoltrato|przekazan[aey]|przekazywan|vidarebefordra|videresend"
    r"|转发|轉寄|転送"
    r"|بازارسال|هدایت[ \u200c]?شده|пересыла|пересланн|přeposlan|전달된",
    re.IGNORECASE,
)
SENT_FROM = re.compile(
    r"(?:sent (?:from|via|with|using) (?:my |the |an? )?\S"
    r"|(?:von meinem|mit (?:der|meinem)) .{1,60} gesendet|gesendet (?:von|mit|aus|über) "
    r"|(?:verzonden|verstuurd) (?:vanaf|met|via|vanuit) |envoyé (?:de|depuis|à partir de) (?:mon )?"
    r"|enviado (?:desde|do|de|a partir) |enviada (?:do|de) |inviato (?:da|dal) |wysłan[eyo] (?:z|za pomocą) "
    r"|skickat från |sendt fra |lähetetty |get outlook for |outlook (?:für|voor|pour|para|per|dla) (?:ios|android)"
    r"|(?:download|hol|télécharger|obtenez|obtener|obtenha|pobierz) outlook"
    r"|发自我的|從我的 .{1,40}傳送|从我的 .{1,40}发送|.{1,40}から送信"
    r"|.{0,10}ارسال(?: شده)? از |فرستاده شده از |отправлено с )",
    re.IGNORECASE,
)
"""What telephones and programs put under a mail."""
