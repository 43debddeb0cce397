"""People who shop: names and addresses in several scripts, because real ones are."""

from __future__ import annotations

import random
from typing import Any

PEOPLE = (
    ("Ada", "Lovelace", "ada.lovelace", "12 St James's Square", "London", "SW1Y 4JH", "GB"),
    ("Zoë", "Müller-Strauß", "zoe.mueller", "Königstraße 7", "Köln", "50667", "DE"),
    ("Søren", "Ørsted", "soren.orsted", "Ærøgade 3", "København", "2100", "DK"),
    ("Łukasz", "Żółkiewski", "lukasz.zolkiewski", "ul. Świętokrzyska 14", "Łódź", "90-001", "PL"),
    ("François", "L'Hôpital", "francois.lhopital", "5 rue de l'Église", "Besançon", "25000", "FR"),
    ("María José", "Núñez Peña", "mj.nunez", "Calle Señor 22, 3º", "A Coruña", "15001", "ES"),
    ("佐藤", "花子", "hanako.sato", "千代田1-1", "東京都", "100-0001", "JP"),
    ("Ольга", "Ковалёва", "olga.kovaleva", "вул. Хрещатик 1", "Київ", "01001", "UA"),
    ("Νίκος", "Παπαδόπουλος", "nikos.pap", "Ερμού 18", "Αθήνα", "105 63", "GR"),
    ("Siobhán", "Ó Murchú", "siobhan", "4 Sráid na Trá", "Gaillimh", "H91 X2E8", "IE"),
    ("Grace", "Hopper", "grace.hopper", "1 Navy Yard", "Arlington", "22202", "US"),
    ("Nguyễn", "Thị Hương", "huong.nguyen", "24 Phố Huế", "Hà Nội", "100000", "VN"),
)


def person(chance: random.Random) -> dict[str, Any]:
    """A shopper; two of three have a customer account."""
    which = chance.randrange(len(PEOPLE))
    first, last, mailbox, street, city, postal_code, country = PEOPLE[which]
    return {
        "id": f"C{which + 1:03}" if chance.random() < 2 / 3 else None,
        "email": f"{mailbox}@example.com",
        "first_name": first,
        "last_name": last,
        "company": "",
        "phone": "",
        "street1": street,
        "city": city,
        "postal_code": postal_code,
        "country_code": country,
    }
