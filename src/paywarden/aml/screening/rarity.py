"""How much a word tells: the weight of a word in a name, from 0 (nothing) to 1 (rare).

The shipped prior knows the commonest words of names of many peoples, in tiers; an index adds what
it counted in the loaded lists. Written from general knowledge; no list of persons went into it.
"""

from __future__ import annotations

from paywarden.aml.screening.word_sets import word_set

_VERY_COMMON = word_set(
    """
muhammad mohammad mohammed mohamed ahmad ahmed ali hassan hasan hussein husain abdul abd khan
kim lee park wang li zhang chen liu maria jose juan john david michael ivan singh kumar nguyen
abdullah abdallah mahmud mahmoud ibrahim omar umar yusuf haji saleh salih ismail
"""
)
_COMMON = word_set(
    """
james robert william joseph thomas charles daniel mark paul george richard peter mary anna elena
olga sergei sergey alexander aleksandr vladimir dmitri andrei nikolai mikhail igor viktor yuri
alexei petrov ivanov smirnov popov smith johnson brown jones garcia rodriguez martinez hernandez
lopez gonzalez perez sanchez ramirez silva santos costa ferreira carlos luis antonio francisco
manuel pedro miguel jesus ana jean pierre hans karim rahman rahim khalid mustafa said aziz latif
hamid rashid salim nasir qasim jamal tariq bashir habib yahya musa isa daud shah jan gul agha
wali noor nur mir akbar rasul choi jung kang cho yoon jang lim han huang zhao wu zhou xu sun zhu
lin guo he gao luo zheng liang tran le pham hoang sharma gupta patel das devi yong chol song
jong sok hyok kwang chun myong min jin hyon il un nam ho su won guk young michel marie martin
bernard simon andre stefan anne laura sarah sara fatima aisha zainab khalil amin malik haqqani
osman sulayman sultan hadi mansur nasser samir walid adel wilson taylor anderson moore jackson
white harris clark lewis walker hall allen king wright scott green baker adams nelson carter
mitchell roberts turner phillips campbell parker evans edwards collins stewart morris rogers
reed cook morgan bell murphy bailey cooper richardson cox howard ward peterson gray watson
brooks kelly sanders price bennett wood barnes ross henderson coleman jenkins perry powell
patterson hughes jennifer linda patricia susan jessica karen nancy lisa betty margaret sandra
ashley kimberly emily donna michelle carol amanda melissa deborah stephanie rebecca matthew
anthony donald steven andrew kenneth kevin brian edward ronald timothy jason jeffrey ryan jacob
gary nicholas eric jonathan stephen larry justin brandon benjamin samuel gregory frank raymond
patrick jack dennis jerry arthur meyer mueller schmidt schneider fischer weber wagner becker
rossi russo ferrari andersson johansson nielsen hansen jensen larsen olsen dubois durand leroy
moreau fernandez gomez diaz torres rivera flores morales reyes ortiz cruz castillo ramos pereira
oliveira souza rodrigues alves lima suzuki tanaka sato yamamoto nakamura kobayashi ito watanabe
cohen levi raul eduardo jaime javier fernando alejandro roberto jorge ricardo mario pablo
"""
)


def prior(word: str) -> float:
    """Weight of a word of a person's name before any list has been counted."""
    if word in _VERY_COMMON:
        return 0.62
    if word in _COMMON:
        return 0.78
    return 1.0 if len(word) > 3 else 0.8
