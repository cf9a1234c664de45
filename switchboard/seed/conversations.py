"""What the demo's customers write: whole conversations in nine languages, in their own words."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Story:
    """One customer's matter: the language, the subject of a mail, and the messages one after the other."""

    language: str
    subject: str
    lines: tuple[str, ...]


STORIES: tuple[Story, ...] = (
    Story(
        "en",
        "Where is my order 10482?",
        (
            "Hello, I ordered a city bike nine days ago and the tracking page has said 'label created' ever since. "
            "Could you tell me where my order is?",
            "The order number is 10482, sorry, I forgot to write it.",
            "Thanks, good to know that it left the warehouse after all.",
        ),
    ),
    Story(
        "en",
        "Wrong saddle in the box",
        (
            "The bike arrived today and it looks great, but there is a grey saddle in the box and I ordered the brown "
            "one. Can you exchange it?",
            "I can send a photo of the label if that helps.",
        ),
    ),
    Story(
        "en",
        "Charged twice",
        (
            "My bank shows two payments of 489.00 for one order. Please check this and refund one of them today.",
            "It is still there this morning. This is urgent for me, my rent is due.",
        ),
    ),
    Story("en", "Opening hours", ("Hi! Can I collect my order in your shop in the evening, or only during the day?",)),
    Story(
        "nl",
        "Bestelling nog niet binnen",
        (
            "Goedemiddag, ik heb vorige week een fietstas besteld en nog niets ontvangen. "
            "Weten jullie waar het pakket is?",
            "Het gaat om bestelling 10511. Ik ben overdag aan het werk, dus graag een berichtje wanneer het komt.",
        ),
    ),
    Story(
        "nl",
        "Ketting loopt aan",
        (
            "De ketting van mijn nieuwe fiets loopt steeds van het tandwiel. Kan ik ermee langskomen in de werkplaats?",
            "Morgen na vijven zou voor mij het beste uitkomen.",
        ),
    ),
    Story("nl", "Retour", ("Ik wil de helm graag terugsturen, hij is een maat te klein. Hoe gaat dat in zijn werk?",)),
    Story(
        "de",
        "Rücksendung",
        (
            "Guten Tag, ich möchte den Fahrradkorb zurückgeben, er passt leider nicht auf meinen Gepäckträger. "
            "Wie bekomme ich ein Rücksendeetikett?",
            "Die Bestellnummer lautet 10467, bezahlt habe ich mit Kreditkarte.",
        ),
    ),
    Story(
        "de",
        "Licht flackert",
        (
            "Seit gestern flackert das Vorderlicht an meinem Fahrrad, obwohl es erst drei Wochen alt ist. "
            "Ist das ein Garantiefall?",
        ),
    ),
    Story(
        "de",
        "Rechnung fehlt",
        ("Könnten Sie mir bitte die Rechnung zu meiner letzten Bestellung noch einmal als PDF zuschicken?",),
    ),
    Story(
        "fr",
        "Lampe cassée à l'arrivée",
        (
            "Bonjour, la lampe que j'ai reçue ce matin était cassée dans son emballage. "
            "Est-il possible d'en recevoir une nouvelle rapidement ?",
            "C'est un cadeau pour samedi, j'espère vraiment que ce sera possible.",
        ),
    ),
    Story(
        "fr",
        "Changer l'adresse de livraison",
        ("Je viens de passer commande mais je me suis trompé d'adresse. Pouvez-vous la modifier avant l'expédition ?",),
    ),
    Story(
        "es",
        "¿Dónde está mi pedido?",
        (
            "Buenas tardes, hice un pedido hace diez días y todavía no me ha llegado nada. ¿Me pueden decir qué pasa?",
            "El número es 10498. Me mandaron un correo diciendo que salía el lunes.",
        ),
    ),
    Story(
        "es",
        "Bombilla equivocada",
        ("La lámpara es preciosa, pero la bombilla que venía en la caja no encaja. ¿Cuál tengo que comprar?",),
    ),
    Story(
        "es",
        "Devolución del dinero",
        ("Devolví la lámpara hace dos semanas y sigo sin ver el dinero en mi cuenta. ¿Cuánto tarda el reembolso?",),
    ),
    Story(
        "pt",
        "Encomenda atrasada",
        (
            "Bom dia, a minha encomenda devia ter chegado na sexta-feira e ainda não recebi nada. Podem verificar?",
            "Obrigada, fico a aguardar a vossa resposta.",
        ),
    ),
    Story("pt", "Garantia", ("O candeeiro deixou de acender ao fim de um mês. A garantia cobre esta avaria?",)),
    Story(
        "pl",
        "Uszkodzona przesyłka",
        (
            "Dzień dobry, paczka z rowerem przyszła dzisiaj uszkodzona, a rama jest porysowana. Co mam teraz zrobić?",
            "Mogę przesłać zdjęcia. Kurier spisał protokół szkody.",
        ),
    ),
    Story("pl", "Zmiana zamówienia", ("Czy mogę jeszcze zmienić kolor roweru w moim zamówieniu, zanim je wyślecie?",)),
    Story(
        "ja",
        "注文した照明について",
        (
            "先週注文した照明がまだ届きません。配送状況を教えていただけますか。",
            "注文番号は10503です。よろしくお願いいたします。",
        ),
    ),
    Story("ja", "電球の種類", ("このランプに使える電球の種類を教えてください。明るいものを探しています。",)),
    Story("zh", "退款问题", ("你好，我上周退回的台灯什么时候可以收到退款？我一直没有收到通知。",)),
    Story("zh", "送货时间", ("请问送到阿姆斯特丹一般需要几天？我想在周末之前收到这盏灯。", "好的，谢谢你的帮助。")),
)

NAMES: dict[str, tuple[str, ...]] = {
    "en": ("Grace Hall", "Tom Baker", "Priya Shah", "Owen Reid"),
    "nl": ("Sanne Bakker", "Joris Smit", "Fatma Yildiz"),
    "de": ("Lena Vogel", "Jonas Keller", "Miriam Busch"),
    "fr": ("Camille Petit", "Hugo Leroy"),
    "es": ("Lucía Romero", "Javier Ortega", "Marta Gil"),
    "pt": ("Inês Carvalho", "Rui Santos"),
    "pl": ("Zofia Nowak", "Piotr Wójcik"),
    "ja": ("佐藤 花", "鈴木 健"),
    "zh": ("王芳", "李伟"),
}

LATER_WORDS: dict[str, tuple[str, ...]] = {
    "en": (
        "Thank you for the quick answer! One more thing: will I get a message when it is done?",
        "That helps, thanks. Do I have to do anything myself?",
    ),
    "nl": (
        "Fijn, dank je wel! Krijg ik nog bericht als het geregeld is?",
        "Dank voor het antwoord. Moet ik zelf iets doen?",
    ),
    "de": (
        "Vielen Dank für die schnelle Antwort! Muss ich selbst noch etwas tun?",
        "Danke! Wie lange dauert das ungefähr?",
    ),
    "fr": ("Merci pour votre réponse ! Dois-je faire quelque chose de mon côté ?",),
    "es": ("¡Muchas gracias! ¿Me avisarán cuando esté listo?",),
    "pt": ("Muito obrigado pela resposta! Recebo um aviso quando estiver resolvido?",),
    "pl": ("Dziękuję za odpowiedź! Czy dostanę wiadomość, kiedy będzie gotowe?",),
    "ja": ("ご返信ありがとうございます。手続きが終わったら連絡をいただけますか。",),
    "zh": ("谢谢你的回复！处理好之后会通知我吗？",),
}
"""What customers write when they were answered, by language."""
