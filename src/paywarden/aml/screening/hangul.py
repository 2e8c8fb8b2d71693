"""Korean family names as their bearers write them, which no letter-by-letter table gives."""

from __future__ import annotations

_DOUBLE = {
    "남궁": "namgung",
    "황보": "hwangbo",
    "제갈": "jegal",
    "사공": "sagong",
    "선우": "sunwoo",
}
_SINGLE = {
    "김": "kim", "이": "lee", "리": "ri", "박": "park", "최": "choi", "정": "jung", "강": "kang",
    "조": "cho", "윤": "yoon", "장": "jang", "임": "lim", "림": "rim", "한": "han", "오": "oh",
    "서": "seo", "신": "shin", "권": "kwon", "황": "hwang", "안": "ahn", "송": "song", "류": "ryu",
    "유": "yoo", "홍": "hong", "전": "jeon", "고": "ko", "문": "moon", "양": "yang", "손": "son",
    "배": "bae", "백": "baek", "허": "heo", "남": "nam", "심": "shim", "노": "noh", "로": "ro",
    "곽": "kwak", "성": "sung", "차": "cha", "주": "joo", "우": "woo", "구": "koo", "나": "na",
    "라": "ra", "진": "jin", "지": "ji", "엄": "eom", "채": "chae", "원": "won", "천": "cheon",
    "방": "bang", "공": "kong", "현": "hyun", "함": "ham", "변": "byun", "염": "yeom", "연": "yon",
}  # fmt: skip


def family_name(word: str, syllables: list[str]) -> tuple[str, int]:
    """The family name of a Korean name of 2 to 4 syllables, and how many syllables it took."""
    if word[:2] in _DOUBLE and len(word) > 2:
        return _DOUBLE[word[:2]], 2
    return _SINGLE.get(word[0], syllables[0]), 1
