"""Words of names that mean the same or next to nothing: titles, particles, nicknames, variants.

Written for this product from general knowledge of how names are spelled; no list of persons went
into it. A row is one name and its spellings; a word stands in one row only, the first wins.
"""

from __future__ import annotations

from paywarden.aml.screening.word_sets import word_set

PARTICLES = word_set(
    """
al el ul ur as ad ar an ash at bin ben ibn bint bnt abu abou de da do dos das del della di du la
le las los van von der den ter ten zu zum y e i af av and the of bar ap na ud uz us
"""
)
TITLES = word_set(
    """
mr mrs ms miss dr prof professor sir dame lord lady sheikh shaykh shaikh sheik cheikh haji hajji
hadji hajj mullah mulla maulavi maulawi mawlawi molvi maulana mawlana sayyid sayed syed sayyed
president praesident prasident general gen colonel col major capt captain lt sgt herr frau
monsieur madame mme senor senora don dona ustad qari hafiz alhaj engineer eng brigadier admiral
minister king prince princess queen comrade imam ayatollah rev father gospodin hon honourable
honorable his her excellency
"""
)
SUFFIXES = word_set(
    """
jr sr junior senior ii iii iv phd md esq mba obe cbe
"""
)

VARIANTS = """
muhammad mohammad mohammed muhammed mohamed mohamad muhamad mehmed mehmet mohd mohamud mochammad
ahmad ahmed achmad ahmet achmed
mahmud mahmoud mahmood
hussein husain hussain husayn hossein hossain huseyin husein
hassan hasan hasson
yusuf yousef youssef yousuf yusif yosef joseph josef jose giuseppe iosif jozef yusof
ibrahim ibraheem abraham ebrahim avraham
ismail ismael ishmael esmail
ishaq isaac ishak isak yitzhak
yaqub yaqoub yakub jacob jakob yaakov yakov yaqoob
sulayman suleiman solomon soleiman sulaiman suleyman sulejman
dawud david daoud dawood daud davud
musa moses moussa mousa moshe
isa eissa issa
yahya yahia jahja
umar omar omer oumar
uthman osman othman usman ousmane
ali aly
khalid khaled khalil
said saeed sayeed saed saiid
mustafa mostafa moustafa mustapha
osama usama ousama
aziz azeez
rahman rehman rachman rahmaan
rahim raheem
karim kareem
qasim qassem kassim qasem gasim kasim kassem
tariq tarek tarik tareq
salih saleh salah
jamal gamal djamel jamel
abdullah abdallah abdulla abdoulaye abdulah abdalla
alexander aleksandr aleksander alexandr aleksandar oleksandr alejandro alessandro alexandre iskander
alexei aleksei alexey aleksey oleksiy oleksii alexej
sergei sergey serhiy serhii sergej sergejs siarhei serge sergio serej serguei
vladimir volodymyr wladimir uladzimir wolodymyr vladimer
dmitri dmitry dmitriy dmytro dimitri dimitry dzmitry
nikolai nikolay mykola nicholas nicolas mikalai nikolaus nicola nikolas niklas
mikhail michael mykhailo michail miguel michel mihail mikhael michal mikael
andrei andrey andriy andrew andrej andreas andre andrzej andrii andres
yuri yury yuriy iurii yurii juri jurij george yuriy
georgi georgy georgiy heorhii jorge georg jiri
ivan john johann johannes juan jean giovanni jan ioannis joao yahya ian hans
pyotr petr petro peter pedro pierre pietro piotr
pavel pavlo paul pablo paulo paolo pawel
igor ihor
oleg oleh
evgeny yevgeny evgeniy yevgeniy yevhen eugene evgenij yevgenii
viktor victor wiktor
konstantin kostiantyn constantine
grigory hryhorii gregory gregor
fyodor fedor theodore teodor feodor
frederick friedrich frederik fredrik frederic fridrich federico
william wilhelm guillaume guillermo willem
james jacques jaime diego santiago jakub
charles carlos karl carl carlo
henry heinrich enrique henri enrico hendrik
louis luis luigi ludwig
francis francisco francois franz francesco frank
philip philippe felipe filip phillip
stephen steven stefan esteban stephane stepan
matthew matteo mateo mathieu matthias matvei
mark marc marco marcos markus
luke luca lucas lukas
catherine katherine ekaterina kateryna katarina katharina yekaterina catalina
elizabeth elisabeth yelizaveta elizaveta isabel
helen elena yelena olena helena
mary maria marie mariya mariia miriam maryam mariam
anna ann anne hanna hannah ana
benjamin binyamin benyamin veniamin benjamim
margarita margaret margarete marguerite
natalia natalya nataliya nathalie natalie
tatiana tatyana tetiana tetyana
sophia sofia sofiya sophie zofia
kim gim ghim
lee yi rhee li ri ree lie
park pak bak
choi choe
jung jeong chong chung jong
jang chang zhang cheung cheong
kang gang
cho jo joh
yoon yun
lim rim im lam
ryu yoo yu
shin sin
ko go koh
noh roh no ro
seo suh
wang wong ong
chen chan tan chin chern
huang hwang wee
liu lau low
wu ng goh
xu hsu tsui chui
zhou chow chou chew
zhao chao chiu
zheng cheng tay
xie hsieh tse cheah
guo kuo kwok quek
jiang chiang keung
yang yeung yeo
zhu chu choo
tsai cai choy
gonzalez gonzales
rodriguez rodrigues
hernandez fernandez fernandes
smith schmidt schmitt schmid
"""
NICKNAMES = """
william bill billy will willie liam
robert bob bobby rob robbie
richard dick rick ricky rich
edward ed eddie ted ned
theodore ted teddy
barack barry
james jim jimmy jamie
john jack johnny jon
joseph joe joey
michael mike mick mickey misha
thomas tom tommy
charles charlie chuck
elizabeth liz beth betty lisa eliza
margaret maggie meg peggy
katherine kate kathy katie katya
alexander alex sasha sascha sandy
dmitri dima mitya
vladimir volodya vova
mikhail misha
nikolai kolya nick
sergei seryozha
evgeny zhenya gene
anthony tony
daniel dan danny
david dave
samuel sam
benjamin ben benny
patrick pat paddy
christopher chris
matthew matt
andrew andy drew
gregory greg
stephen steve
timothy tim
kenneth ken
ronald ron
donald don
lawrence larry
gerald gerry jerry
peter pete
nicholas nick
philip phil
frederick fred freddy fritz
francisco paco pancho
jose pepe
ignacio nacho
jennifer jen jenny
susan sue
deborah debbie
victoria vicky
"""
ORDINALS = {
    "1st": "first", "2nd": "second", "3rd": "third", "4th": "fourth", "5th": "fifth",
    "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
    "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "twenty": "20",
    "thirty": "30", "forty": "40", "fourty": "40", "fifty": "50", "hundred": "100",
    "ii": "2", "iii": "3", "iv": "4", "vi": "6", "vii": "7", "viii": "8", "ix": "9", "xi": "11",
    "xii": "12", "xiii": "13",
    "labour": "labor", "centre": "center", "organisation": "organization",
    "intl": "international", "int": "international", "natl": "national", "govt": "government",
    "univ": "university", "dept": "department", "mfg": "manufacturing", "bros": "brothers",
    "sankt": "saint", "st": "saint",
}  # fmt: skip


LAST_NUMERALS = {"i": "1", "v": "5", "x": "10"}
"""Roman numerals that are one letter: read so only as the last word."""


def rows(table: str) -> tuple[tuple[str, ...], ...]:
    """The rows of a table of words."""
    return tuple(tuple(line.split()) for line in table.strip().splitlines())


def _classes(table: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for number, row in enumerate(rows(table)):
        for word in row:
            found.setdefault(word, number)
    return found


VARIANT_OF = _classes(VARIANTS)
"""Word -> number of the row of spellings it stands in."""
_LINES = rows(NICKNAMES)
NICKNAMES_OF: dict[str, frozenset[int]] = {
    word: frozenset(number for number, row in enumerate(_LINES) if word in row)
    for word in {word for row in _LINES for word in row}
}
"""Word -> rows of nicknames it stands in (`ted` stands in two)."""
