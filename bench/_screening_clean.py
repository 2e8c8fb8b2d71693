"""Names of nobody in particular, in many scripts and of all kinds: whoever alerts is a false alarm.

Persons are common given and family names of each language put together at random; firms and ships
are made of invented words and of words that many carry. Written from general knowledge; seeded.
"""

from __future__ import annotations

import random

PERSONS = {
    "Arabic": (
        "أحمد محمود يوسف كريم سامر ليلى نور هدى رانيا فادي زياد جميل منى سلمى طارق وائل",
        "الحداد النجار خوري منصور حمدان العلي سعيد درويش الشريف قاسم عثمان بركات شاهين عطية",
    ),
    "Armenian": (
        "Արամ Տիգրան Նարեկ Անի Մարիամ Դավիթ Գոռ Լիլիթ Հայկ Սոնա Արտակ Նունե",
        "Հակոբյան Գրիգորյան Սարգսյան Մկրտչյան Հովհաննիսյան Կարապետյան Ավետիսյան Մարտիրոսյան",
    ),
    "Cyrillic": (
        "Алексей Мария Павел Екатерина Роман Светлана Антон Ирина Денис Юлия Максим Оксана",
        "Волков Соколова Лебедев Новикова Морозов Зайцев Павлов Семёнов Голубев Бондаренко",
    ),
    "Devanagari": (
        "अमित राहुल प्रिया अनिता सुनील दीपक नेहा रोहित पूजा विजय संजय कविता मनोज",
        "वर्मा गुप्ता पटेल यादव मिश्रा जोशी नायर मेहता देसाई चौहान अग्रवाल त्रिपाठी",
    ),
    "Georgian": (
        "გიორგი ნინო დავით თამარ ლევან ანა ზურაბ ეკა ირაკლი მანანა ლაშა სალომე",
        "ბერიძე კაპანაძე გელაშვილი მაისურაძე ლომიძე ხარაძე ქავთარაძე ჯაფარიძე",
    ),
    "Greek": (
        "Γιώργος Μαρία Νίκος Ελένη Κώστας Δήμητρα Παναγιώτης Σοφία Ανδρέας Χριστίνα",
        "Παπαδόπουλος Νικολάου Γεωργίου Δημητρίου Αντωνίου Βασιλείου Οικονόμου Καραγιάννης",
    ),
    "Han": (
        "伟 芳 秀英 敏 静 丽 强 磊 洋 艳 勇 娟 涛 明 超 建国 晓东 志强 文静 海燕 雨欣 子涵",
        "王 李 张 刘 陈 杨 赵 黄 周 吴 徐 孙 胡 朱 高 林 何 郭 马 罗 梁 宋 郑 谢 韩 唐",
    ),
    "Hangul": (
        "민준 서연 지훈 수빈 현우 지은 동현 은지 준호 혜진 성민 유진 재현 미경 영호 하은",
        "김 이 박 최 정 강 조 윤 장 임 한 오 서 신 권 황 안 송 류 홍",
    ),
    "Hebrew": (
        "דניאל נועם תמר יעל אורי מיכל איתן שירה יונתן רות עמית ליאור",
        "לוי מזרחי פרץ ביטון אברהם פרידמן אזולאי כץ גבאי שפירא רוזנברג",
    ),
    "Latin": (
        "Emma Liam Sofia Lucas Hannah Mateo Chloé Jonas Ingrid Paulo "
        "Agnieszka Mehmet Ayşe Linh Fatou Kwame Amara Ravi Priya Siti Joko "
        "Noor Carmen Björn",
        "Martin Weber Rossi Novak Kowalski Jensen Silva García Müller Dubois "
        "Yılmaz Nguyễn Okafor Mensah Sharma Patel Santoso Haddad Andersson "
        "O'Brien de Vries van Dijk",
    ),
    "Thai": (
        "สมชาย สมหญิง ณัฐพล กนกวรรณ วิชัย พิมพ์ชนก ธนากร อรทัย ปิยะ สุดารัตน์",
        "แสงทอง ศรีสุข วงศ์ใหญ่ ใจดี ทองดี รักไทย บุญมี สุขสวัสดิ์ พรหมมา",
    ),
}
"""Given names and family names, apart by blanks."""
FAMILY_FIRST = frozenset({"Han", "Hangul"})


def word_list(text: str) -> list[str]:
    """Words of a text, in order."""
    return text.split()


SOUNDS = word_list(
    """
ba be da do fa fe ga go ka ke la le lo ma me mi na no pa po ra ri sa so ta te va vi za
    """
)
ENDS = word_list(
    """
lux tec nor dan mar bel fin gen ros vik tan mont ston well field gate
    """
)
TRADES = word_list(
    """
Trading Shipping Energy Logistics Foods Textiles Engineering Consulting Holdings Pharma
Construction Motors Electronics Travel Mining Capital Investments Furniture
    """
)
SEA = word_list(
    """
Ocean Sea Star Pearl Queen Lady Golden Blue Northern Pacific Atlantic Spirit Dawn Wave
Princess Eagle Dolphin Crown Silver Morning Horizon Breeze
    """
)
FORMS = [
    "Ltd", "LLC", "GmbH", "S.A.", "Inc", "B.V.", "AG", "Pte Ltd", "SARL", "ООО", "S.p.A.", "Oy",
    "Limited", "Co., Ltd.",
]  # fmt: skip


def persons(script: str, count: int, seed: int) -> list[str]:
    """Names of one script."""
    rnd = random.Random(f"{script}{seed}")
    given, family = (words.split() for words in PERSONS[script])
    made = []
    for _ in range(count):
        first, last = rnd.choice(given), rnd.choice(family)
        if script in FAMILY_FIRST:
            made.append(last + first)
        else:
            middle = f" {rnd.choice(given)}" if rnd.random() < 0.2 else ""
            made.append(f"{first}{middle} {last}")
    return made


def firms(count: int, seed: int) -> list[str]:
    """Names of companies: an invented word, often a trade, mostly a legal form."""
    rnd = random.Random(f"firms{seed}")
    made = []
    for _ in range(count):
        words = [_invented(rnd)] if rnd.random() < 0.75 else [rnd.choice(SEA), rnd.choice(SEA)]
        words += rnd.sample(TRADES, rnd.choice((0, 1, 1, 2)))
        words += [rnd.choice(FORMS)] if rnd.random() < 0.85 else []
        made.append(" ".join(words))
    return made


def ships(count: int, seed: int) -> list[str]:
    """Names of vessels: words of the sea, a number, or an invented word."""
    rnd = random.Random(f"ships{seed}")
    made = []
    for _ in range(count):
        words = rnd.sample(SEA, 2) if rnd.random() < 0.6 else [_invented(rnd), rnd.choice(SEA)]
        words += [str(rnd.randint(2, 30))] if rnd.random() < 0.25 else []
        made.append(" ".join(words))
    return made


def _invented(rnd: random.Random) -> str:
    return ("".join(rnd.choices(SOUNDS, k=rnd.choice((2, 2, 3)))) + rnd.choice(ENDS)).capitalize()
