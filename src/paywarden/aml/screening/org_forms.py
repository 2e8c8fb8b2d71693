"""Legal forms of organisations in many languages, as classes; a form alone never makes a match.

Facts: common abbreviations of company law; ISO 20275 (entity legal forms) names the forms in full.
`FORMS` maps the words of a form, in ASCII, to a class: two forms of one class agree (GmbH and
limited liability company), of two classes they disagree, and neither names anybody.
"""

from __future__ import annotations

from paywarden.aml.screening.word_sets import word_set

_CLASSES = {
    "llc": (
        "llc|l l c|limited liability company|ooo|o o o|obshchestvo s ogranichennoi otvetstvennostyu"
        "|obshchestvo s ogranichennoy otvetstvennostyu|tov|tzov|gmbh|g m b h|mbh"
        "|gesellschaft mit beschrankter haftung|gesellschaft mit beschraenkter haftung|sarl|s a r l"
        "|societe a responsabilite limitee|srl|s r l|societatea cu raspundere limitata"
        "|societa a responsabilita limitata|sociedad de responsabilidad limitada|s de r l|sl|s l"
        "|sociedad limitada|sp z o o|spzoo|sp zoo|spolka z ograniczona odpowiedzialnoscia|ltda"
        "|limitada|lda|bv|b v|bvba|b v b a|besloten vennootschap|doo|d o o|ood|eood|kft|oy|aps"
        "|a p s|sia|uab|osauhing|fze|fzc|fz llc|fzco|fz llc|wll|w l l|spc|sro|s r o"
    ),
    "ltd": "ltd|limited|pty ltd|pty limited|pte ltd|pte limited|pvt ltd|private limited|pt|p t"
    "|co ltd|co limited|company limited|corporation limited|sdn bhd|pvt|pty|pte|yk|kk|k k",
    "plc": (
        "plc|p l c|public limited company|jsc|j s c|joint stock company|joint stock compan|ojsc|oao"
        "|o a o|open joint stock company|pjsc|pao|p a o|public joint stock company|ao|a o|cjsc|zao"
        "|closed joint stock company|aktsionernoe obshchestvo|otkrytoe aktsionernoe obshchestvo"
        "|publichnoe aktsionernoe obshchestvo|ag|a g|akg|aktiengesellschaft|aktiengeselschaft|sa"
        "|s a|societe anonyme|sociedad anonima|sociedade anonima|s p a|spa|societa per azioni|nv"
        "|n v|naamloze vennootschap|ab|aktiebolag|oyj|asa|a s|as|aktieselskab|se|s e|nyrt|zrt|rt|ad"
        "|a d|akcionarsko drustvo|a o o t|tbk|bhd|berhad|sab de cv|sa de cv|s a de c v"
        "|anonim sirketi"
        "|joynt stock company|joint stock"
    ),
    "inc": "inc|incorporated|corp|corporation|co inc|na|n a|national association",
    "lp": "lp|l p|limited partnership|llp|l l p|limited liability partnership|kg|k g|ohg|gbr|sas"
    "|s a s|sasu|snc|cv|ev|e v|kgaa|gmbh co kg|gmbh und co kg",
    "npo": "ano|a n o|ngo|nko|fgup|gup|mup|fgbu|foundation|stiftung|charity|eingetragener verein",
    "co": "co|company|cie|compagnie|compania|cia|firma",
}
FORMS: dict[tuple[str, ...], str] = {
    tuple(form.split()): name for name, forms in _CLASSES.items() for form in forms.split("|")
}
LONG_WORDS = ("limited", "company", "corporation", "incorporated")
"""Words of forms that are long enough to be known when a letter is wrong."""
LONGEST = max(len(form) for form in FORMS)
COMMON = word_set(
    """
international national global group groupe gruppe holding holdings trading general trade bank
banking banco banque finance financial capital investment investments fund trust insurance
services service solutions systems system technology technologies tech industries industrial
industry enterprise enterprises management consulting construction engineering development
import export importing exporting shipping maritime marine lines line airlines airways aviation
air transport logistics energy oil gas petroleum petrochemical steel mining electric electronics
telecom media motor motors works plant factory university institute academy center research
scientific science association organization society committee council ministry department agency
office bureau state government federal republic people united islamic arab american european
asian foreign commercial company brothers sons partners corporation limited real estate property
properties food foods medical pharmaceutical equipment products supply establishment house
branch new first
"""
)
"""Words that many organisations share: they count, but little."""
PLACES = word_set(
    """
afghanistan africa algeria america angeles arabia argentina asia australia austria beijing
belarus belgium boston brazil britain bulgaria canada chile china colombia congo cuba cyprus
czech denmark deutschland dubai egypt emirates england espana europe finland france germany
greece hong hungary iceland india indonesia iran iraq ireland israel italy japan kenya kong
korea kuwait latvia lebanon libya lithuania london luxembourg macau malaysia mexico moscow
nederland netherlands nigeria norge norway pakistan paris peru philippines poland portugal qatar
romania russia russian saudi serbia shanghai singapore slovakia somalia spain sudan sweden
switzerland syria taiwan tehran thailand tunisia turkey ukraine uk us usa venezuela vietnam
yemen york zealand zimbabwe
"""
)
"""Countries and great cities: a sister company elsewhere is another company."""
AFTER_PERSONS = word_set("llc ltd limited inc corp gmbh plc jsc ooo oao sa srl sarl")
"""Forms that are cut off behind a person's name; others are also names (`An`, `Se`, `Ag`)."""
VESSEL_PREFIXES = word_set(
    """
mv mt ms ss mts fv rv mvs tss mys mtv
"""
)
