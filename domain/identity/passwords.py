"""Which passwords are refused: too short, too long, or among the first that a guesser tries."""

import re
from itertools import pairwise
from typing import Final

from domain.errors import InvalidField

SHORTEST: Final = 8
LONGEST: Final = 128

# The words that lists of leaked passwords begin with. A password is compared after its digits and
# signs at both ends are taken off and the usual letters-as-signs are read back, so that each word
# stands for the hundreds that are made from it (Password1, p@ssw0rd!, 123qwerty).
_COMMON: Final = frozenset(
    """
    password passwort passwd passw pass motdepasse contrasena senha wachtwoord haslo parola
    qwerty qwertz azerty qwertyui qwertyuiop qwertzuiop azertyuiop asdf asdfgh asdfghjk asdfghjkl
    zxcv zxcvbn zxcvbnm qazwsx qazwsxedc wsxedc qweasd qweasdzxc poiuytrewq lkjhgfdsa mnbvcxz
    abc abcd abcde abcdef abcdefg abcdefgh abcabc aaa aaaaaa xxx xxxxxx
    admin administrator root toor user guest test tester testing testtest demo default system
    login signin letmein letmein welcome willkommen hello hallo bonjour hola changeme change
    secret geheim secure security private access master superuser manager office company service
    iloveyou ilove iloveu loveyou love lovely lover lovers forever sweetheart sweety honey baby
    babygirl babyboy angel angels princess prince queen king kingdom daddy mommy mother father
    sunshine sunflower summer winter spring autumn fall january february march april june july
    august september october november december monday tuesday wednesday thursday friday saturday
    sunday flower flowers butterfly rainbow star stars starlight moonlight diamond crystal
    dragon dragons monkey tiger tigers lion lions eagle eagles falcon panther wolf shadow phoenix
    killer hunter ranger soldier warrior ninja samurai pirate pirates wizard merlin gandalf
    batman superman spiderman ironman joker pokemon pikachu naruto mario zelda sonic tekken
    starwars startrek matrix trinity neo hobbit potter harrypotter simpsons snoopy garfield
    football baseball basketball soccer hockey tennis golf golfer rugby liverpool arsenal chelsea
    barcelona realmadrid juventus manchester united bayern dortmund celtic rangers yankees cowboys
    steelers lakers packers raiders redsox broncos dolphins patriots chicago boston london paris
    berlin madrid munich london newyork america england germany france italia espana canada mexico
    brazil india pakistan china japan russia turkey texas florida california arizona austin dallas
    michael jennifer jessica ashley michelle daniel thomas robert joshua matthew andrew jordan
    anthony william charlie george harley amanda nicole stephanie melissa samantha elizabeth
    hannah maggie sophie emily sarah laura maria martin peter patrick steven richard alexander
    alexandra nicholas christian christopher benjamin brandon justin tyler taylor dakota madison
    victoria veronica vanessa patricia sandra angela barbara heather jasmine rebecca rachel
    david james jonathan joseph kevin brian jason john johnny jack jackson oliver oscar lucas
    buster pepper ginger cookie cookies bailey buddy max lucky rocky bear teddy snowball smokey
    banana orange apple cherry strawberry chocolate cheese pizza coffee whiskey corona guinness
    mustang corvette ferrari porsche mercedes yamaha suzuki honda toyota camaro harley
    computer internet google facebook twitter youtube linkedin instagram microsoft windows apple
    samsung nokia iphone android linux ubuntu oracle database server network wireless
    money dollar million gold silver platinum blessed blessing jesus christ jesuschrist heaven
    freedom liberty peace happy happiness smile smiles beautiful beauty pretty cutie sexy
    whatever nothing something anything nobody somebody trustno trustme trust unknown
    genius einstein success winner champion legend hero heroes power powerful magic mystery
    thunder lightning storm fire flame ocean river mountain island paradise galaxy cosmos universe
    purple yellow orange green black white silver blue red scarlet
    metallica slipknot nirvana eminem beatles rockstar guitar music dancer dance hiphop
    quartermaster requisition inventory equipment workshop makerspace laboratory university
    school student teacher professor library hardware snipeit
    """.split()  # noqa: SIM905  words read better as text
)
_UNLEET: Final = str.maketrans("@4031$5!7", "aaoeissit")
_ENDS: Final = re.compile(r"^[\W\d_]+|[\W\d_]+$")


def check_password(password: str, *known: str) -> None:
    """Raise ``InvalidField`` unless ``password`` may be used by somebody with these names.

    Any characters may occur, none must.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidField(("password",), f"A password has {SHORTEST} to {LONGEST} characters.")
    folded = password.casefold()
    if any("\ud800" <= character <= "\udfff" for character in password):
        raise InvalidField(("password",), "This holds a character that cannot be stored.")
    if len(set(folded)) <= 2 or _is_run(folded):  # noqa: PLR2004  two characters, repeated
        raise InvalidField(("password",), "This password is too easy to guess.")
    core = _core(folded)
    forms = {folded, core, core.translate(_UNLEET), _core(folded.translate(_UNLEET))}
    if forms & (_COMMON | _parts(known)):
        raise InvalidField(("password",), "This password is too easy to guess.")


def _core(folded: str) -> str:
    return _ENDS.sub("", folded)


def _is_run(folded: str) -> bool:
    """1234567890, abcdefgh, 87654321."""
    steps = {ord(after) - ord(before) for before, after in pairwise(folded)}
    return len(steps - {-9, 9}) == 1 and steps <= {-1, 1, -9, 9}


def _parts(known: tuple[str, ...]) -> set[str]:
    folded = [name.casefold() for name in known]
    parts = {*folded, *(name.partition("@")[0] for name in folded), *map(_core, folded)}
    return parts - {""}
