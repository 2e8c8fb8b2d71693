"""Words that people and their machines carry: names, mail domains, user agents, postal ranges.

Mail domains end in `.example` (RFC 2606), so no message ever reaches anybody; throw-away domains
are real ones from public lists of such services, because address checks know only those.
"""

from __future__ import annotations

GIVEN = (
    "Anna", "Ben", "Clara", "David", "Elena", "Felix", "Greta", "Hugo", "Ines", "Jonas", "Karin",
    "Luca", "Marie", "Noah", "Olga", "Paul", "Quirin", "Rosa", "Simon", "Tessa", "Ulrich", "Vera",
    "Wim", "Xenia", "Yusuf", "Zoe", "Amelie", "Bruno", "Carmen", "Dario", "Emma", "Filip",
    "Gilles", "Hanna", "Ivan", "Julia", "Kasper", "Leonie", "Mateo", "Nina", "Oscar", "Petra",
    "Rafael", "Sofia", "Tomas", "Ursula", "Victor", "Wanda", "Aisha", "Bilal", "Chen", "Diego",
    "Esra", "Farid", "Grace", "Haruto", "Imran", "Jin", "Keiko", "Lerato", "Mei", "Nadia", "Omar",
    "Priya",
)  # fmt: skip
FAMILY = (
    "Adler", "Bauer", "Castel", "Dubois", "Evers", "Fischer", "Garcia", "Hansen", "Ivers",
    "Jansen", "Keller", "Laurent", "Meyer", "Novak", "Olsen", "Peeters", "Quint", "Rossi",
    "Schmidt", "Tanner", "Urban", "Visser", "Weber", "Xavier", "Young", "Zeller", "Almeida",
    "Brandt", "Conti", "Diaz", "Ekman", "Ferrari", "Gruber", "Hughes", "Ito", "Jovic", "Kowalski",
    "Lopez", "Martin", "Nowak", "Okafor", "Patel", "Roux", "Santos", "Turner", "Ueda", "Varga",
    "Wojcik", "Wright", "Yilmaz", "Zhang", "Archer", "Blanc", "Cole", "Dahl", "Eriksen", "Flores",
    "Grant", "Hartman", "Iqbal", "Jensen", "Klein", "Lindt", "Moreau", "Nguyen", "Oliveira",
    "Petit", "Reyes", "Sato", "Tran", "Ullman", "Verhoeven",
)  # fmt: skip

MAIL_DOMAINS = (
    "postbox.example", "mail.example", "inbox.example", "webpost.example", "freemail.example",
    "letter.example", "telenet.example", "homeline.example", "cable.example", "office.example",
    "studio.example", "campus.example", "mailinator.com", "guerrillamail.com", "yopmail.com",
    "temp-mail.org",
)  # fmt: skip
FIRST_THROWAWAY_DOMAIN = 12

AGENTS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) Mobile Safari/605.1",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) Mobile Safari/605.1",
    "Mozilla/5.0 (Linux; Android 16; Pixel 10) Chrome/141.0 Mobile",
    "Mozilla/5.0 (Linux; Android 15; SM-S921B) Chrome/140.0 Mobile",
    "Mozilla/5.0 (Linux; Android 13; moto g) Chrome/138.0 Mobile",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/141.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Firefox/143.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Edg/141.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari/605.1",
    "Mozilla/5.0 (X11; Linux x86_64) Firefox/143.0",
    "Mozilla/5.0 (X11; Linux x86_64) Chrome/139.0",
)
AGENT_WEIGHTS = (0.2, 0.1, 0.12, 0.14, 0.05, 0.17, 0.05, 0.06, 0.08, 0.02, 0.01)
LANGUAGES = ("de", "fr", "nl", "en", "es", "it", "pl", "ja", "tr", "pt", "ru", "zh")
POSTAL_DIGITS = 5
