"""From a name in any script to lower-case Latin words, one table per script where it matters.

Guards, in order: length (`MAX_CHARACTERS`, so that a long name costs no more than a long name),
compatibility forms (Unicode NFKC), invisible and direction characters, look-alike letters of a
second alphabet inside one word, then transliteration: Arabic, Hebrew, Hangul and Han by rules of
their own, everything else by `anyascii`. Not done here: what the words mean (`parsing.py`).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from anyascii import anyascii

from paywarden.aml.screening.hangul import family_name

MAX_CHARACTERS = 400
"""Characters of a name that are read; the longest listed name seen has 318."""

ABJADS = frozenset({"ARABIC", "HEBREW"})
"""Scripts that leave most vowels out."""
SYLLABLES = frozenset({"HAN", "HANGUL"})
"""Scripts whose letters are syllables."""
_CYRILLIC = "аеорсухіјѕкмтвнАЕОРСУХІЈЅКМТВН"
_LATIN = "aeopcyxijskmtbhAEOPCYXIJSKMTBH"
_CYRILLIC_TO_LATIN = str.maketrans(_CYRILLIC + "ԁԛԝ", _LATIN + "dqw")
_GREEK_TO_LATIN = str.maketrans("αειονρτυχκΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "aeiovptuxkABEZHIKMNOPTYX")
_LATIN_TO_CYRILLIC = str.maketrans(_LATIN, _CYRILLIC)
_ARABIC = {
    "ا": "a", "أ": "a", "إ": "i", "آ": "a", "ٱ": "a", "ب": "b", "پ": "p", "ت": "t", "ث": "th",
    "ج": "j", "چ": "ch", "ح": "h", "خ": "kh", "د": "d", "ذ": "dh", "ر": "r", "ز": "z", "ژ": "zh",
    "س": "s", "ش": "sh", "ص": "s", "ض": "d", "ط": "t", "ظ": "z", "ع": "", "غ": "gh", "ف": "f",
    "ڤ": "v", "ق": "q", "ك": "k", "ک": "k", "گ": "g", "ل": "l", "م": "m", "ن": "n", "ه": "h",
    "ة": "a", "ۀ": "e", "و": "u", "ؤ": "u", "ي": "i", "ی": "i", "ى": "a", "ئ": "i", "ء": "",
    "ٹ": "t", "ڈ": "d", "ڑ": "r", "ں": "n", "ہ": "h", "ھ": "h", "ے": "e",
}  # fmt: skip
_SYLLABLE = re.compile(r"[A-Z][a-z']*")
_UNSPOKEN = frozenset({"Cf", "Cn", "Co", "So"})
"""Categories of characters that are never part of a name: directions, unassigned, pictures."""
_CLOSING = {"g": "k", "d": "t", "b": "p"}
_SEPARATORS = re.compile(r"[·・‧•]")
_HEBREW = {
    "א": "a", "ב": "b", "ג": "g", "ד": "d", "ה": "h", "ו": "u", "ז": "z", "ח": "h", "ט": "t",
    "י": "i", "כ": "k", "ך": "k", "ל": "l", "מ": "m", "ם": "m", "נ": "n", "ן": "n", "ס": "s",
    "ע": "", "פ": "p", "ף": "f", "צ": "ts", "ץ": "ts", "ק": "k", "ר": "r", "ש": "sh", "ת": "t",
}  # fmt: skip
_GENERIC_HAN = {
    "有限责任公司": " company limited ", "有限公司": " company limited ", "股份": " joint stock ",
    "公司": " company ", "集团": " group ", "集團": " group ", "银行": " bank ", "銀行": " bank ",
    "国际": " international ", "國際": " international ", "贸易": " trading ", "貿易": " trading ",
    "技术": " technology ", "技術": " technology ", "科技": " technology ", "工业": " industry ",
    "工業": " industry ", "石油": " petroleum ", "投资": " investment ", "投資": " investment ",
    "航运": " shipping ", "航運": " shipping ", "电子": " electronics ", "電子": " electronics ",
    "中国": " china ", "中國": " china ", "北京": " beijing ", "上海": " shanghai ",
}  # fmt: skip
_TRADITIONAL = (
    "張陳劉楊趙黃吳孫馬羅鄭謝許鄧馮葉蘇盧蔣賈魏鄒陸廖萬賴顧錢湯龍嚴關譚齊賀龔莊詹習國華東鳳麗貴蘭玉寶強偉傑軍"
    "榮榮興業愛慶雲飛燕曉陽靜瓊瑩潔鵬義禮銀鋼鐵鐘銘錦長門開閏聰聲學寧賓實為導師澤濤淵滿漢濱潤達遠進連運過選鄉鄺"
    "鄔韓順須頌頤顏願類風養駿驥驍鳴鴻鷹齡貞財賢資質贊趕車軒輝輪輔農記訓許設詩誠語諾謙譽讓豐貝買費衛術製親覺觀"
    "觸維綱經綺緒線練縱繼續纓絲約紅純紹終組結給統絡絢絹紀級網羣義習聖聞職書會來倫個偉側備傳傑億優兒劍劃勁動務"
    "勝勞勳區協單厲發變圓圖團塊堅場塗壇壯壽夢奮婁嬌孝孫宮審寢屆岡島峽崗嶺師帥帶幫幹廠廣廳彈彥後徑從徵惠惡愷慈慮"
)
_SIMPLIFIED = (
    "张陈刘杨赵黄吴孙马罗郑谢许邓冯叶苏卢蒋贾魏邹陆廖万赖顾钱汤龙严关谭齐贺龚庄詹习国华东凤丽贵兰玉宝强伟杰军"
    "荣荣兴业爱庆云飞燕晓阳静琼莹洁鹏义礼银钢铁钟铭锦长门开闰聪声学宁宾实为导师泽涛渊满汉滨润达远进连运过选乡邝"
    "邬韩顺须颂颐颜愿类风养骏骥骁鸣鸿鹰龄贞财贤资质赞赶车轩辉轮辅农记训许设诗诚语诺谦誉让丰贝买费卫术制亲觉观"
    "触维纲经绮绪线练纵继续缨丝约红纯绍终组结给统络绚绢纪级网群义习圣闻职书会来伦个伟侧备传杰亿优儿剑划劲动务"
    "胜劳勋区协单厉发变圆图团块坚场涂坛壮寿梦奋娄娇孝孙宫审寝届冈岛峡岗岭师帅带帮干厂广厅弹彦后径从征惠恶恺慈虑"
)
_ONE_HAN = str.maketrans(_TRADITIONAL, _SIMPLIFIED)


@lru_cache(maxsize=65_536)
def latin(text: str) -> str:
    """The name in lower-case ASCII, words apart by blanks; punctuation is kept for the parser."""
    clean = _visible(text[:MAX_CHARACTERS])
    if clean.isascii():
        return clean
    parts = _SEPARATORS.sub(" ", clean).split()
    return " ".join(_latin_word(part, len(parts) == 1) for part in parts)


def native(text: str) -> str:
    """Letters and digits in their own script, traditional Han as simplified; for comparing alike
    with alike."""
    return "".join(char for char in text if char.isalnum()).lower().translate(_ONE_HAN)


def scripts(text: str) -> frozenset[str]:
    """Scripts of the letters: LATIN, CYRILLIC, ARABIC, HAN, HANGUL, KANA, or another's name."""
    found = {_script(char) for char in text[:MAX_CHARACTERS] if char.isalpha()}
    return frozenset(found)


@lru_cache(maxsize=4_096)
def _script(char: str) -> str:
    name = unicodedata.name(char, "UNKNOWN").split(" ")[0]
    return {"CJK": "HAN", "HIRAGANA": "KANA", "KATAKANA": "KANA", "FULLWIDTH": "LATIN"}.get(
        name, name
    )


def _visible(text: str) -> str:
    if text.isascii():
        return text
    folded = unicodedata.normalize("NFKC", text)
    kept = (" " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char for char in folded)
    return "".join(char for char in kept if unicodedata.category(char) not in _UNSPOKEN)


def _latin_word(word: str, alone: bool) -> str:
    if word.isascii():
        return word
    found = scripts(word)
    if "LATIN" in found and found & {"CYRILLIC", "GREEK"}:
        word = _one_alphabet(word)
        found = scripts(word)
    if "ARABIC" in found:
        return "".join(_ARABIC.get(char, anyascii(char)) for char in _undotted(word))
    if "HEBREW" in found:
        spelt = "".join(_HEBREW.get(char, anyascii(char)) for char in word if char.isalnum())
        return "v" + spelt[1:] if word.startswith("ו") else spelt
    if "HANGUL" in found:
        return _hangul(word, alone)
    if "HAN" in found:
        return _han(word, alone)
    return anyascii(unicodedata.normalize("NFC", word))


def _one_alphabet(word: str) -> str:
    """A word of two alphabets in one: look-alikes go to the alphabet that has more letters."""
    counts = [_script(char) for char in word if char.isalpha()]
    if counts.count("LATIN") * 2 >= len(counts):
        return word.translate(_CYRILLIC_TO_LATIN).translate(_GREEK_TO_LATIN)
    if "CYRILLIC" in counts:
        return word.translate(_LATIN_TO_CYRILLIC)
    return word


def _undotted(word: str) -> str:
    """Arabic without vowel points and stretching, the article apart."""
    plain = "".join(char for char in word if not unicodedata.combining(char) and char != "ـ")
    return "ال " + plain[2:] if plain.startswith("ال") and len(plain) > 4 else plain


def _hangul(word: str, alone: bool) -> str:
    """A Korean word: a whole name (family name first) where it stands alone, else a part."""
    syllables = [_spoken(part) for part in _SYLLABLE.findall(anyascii(word))] or [anyascii(word)]
    if len(word) == 1 or (alone and len(word) <= 4):
        family, used = family_name(word, syllables)
        return " ".join([family, "".join(syllables[used:])]).strip()
    return "".join(syllables)


def _spoken(syllable: str) -> str:
    """A closing g, d, b is heard and written as k, t, p."""
    closed = syllable[-1:] in _CLOSING and not syllable.endswith("ng")
    return syllable[:-1] + _CLOSING[syllable[-1]] if closed else syllable


def _han(word: str, alone: bool) -> str:
    for form, meaning in _GENERIC_HAN.items():
        word = word.replace(form, meaning)
    parts = word.split()
    whole = alone and len(parts) == 1
    return " ".join(part if part.isascii() else _han_part(part, whole) for part in parts)


def _han_part(part: str, alone: bool) -> str:
    """A Chinese name of two or three characters has one for the family; of four, usually two."""
    syllables = _SYLLABLE.findall(anyascii(part)) or [anyascii(part)]
    if alone and 2 <= len(part) <= 4 and len(syllables) == len(part):
        family = 2 if len(part) == 4 else 1
        return " ".join(["".join(syllables[:family]), "".join(syllables[family:])])
    return "".join(syllables)
