"""Which person is this: one table of spellings, and who is excluded when somebody imitates
somebody.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.catalogue.catalogue import ERASED, Person
from gate.core.catalogue.identity import Excluded, Identities, keys, normalised
from tests.core.windows import make_catalogue

ADA = Person(
    "ada",
    "Ada",
    emails=("ada@example.com", "Ada.L@old.example.com"),
    github=("Ada-GH",),
    gitlab=("ada.gl",),
    slack="U0ADA",
)
BEN = Person("ben", "Ben", emails=("ben@exämple.de",), github=("ben-gh",), gitlab=("twin",))
CY = Person("cy", "Cy", emails=("цой@пример.рф",), github=("twin",))
EVE = Person("eve", "Eve", emails=("eve@example.com",), github=("123-eve",))
KNOWN = Identities(make_catalogue(ADA, BEN, CY, EVE))

CYRILLIC_A = "\u0430"


@pytest.mark.parametrize(
    ("text", "person"),
    [
        pytest.param("", None, id="nothing"),
        pytest.param("   ", None, id="spaces"),
        pytest.param("@", None, id="an at sign alone"),
        pytest.param("adb@example.com", None, id="another address"),
        pytest.param("ada@example.org", None, id="another domain"),
        pytest.param("ada", None, id="the id of a person is no identity"),
        pytest.param("Ada", None, id="a name is no identity"),
        pytest.param("ada-gh[bot]", None, id="a bot that is called like her"),
        pytest.param("1+ada-gh[bot]@users.noreply.github.com", None, id="the same, by its address"),
        pytest.param(f"{CYRILLIC_A}da@example.com", None, id="a look-alike is not her"),
        pytest.param("ada\u200b@example.com", None, id="an invisible letter more is not her"),
        pytest.param("twin", None, id="a login that two people have on different hosts"),
        pytest.param("ada@example.com", "ada", id="her address"),
        pytest.param(" ADA@Example.COM ", "ada", id="in other case, with spaces around"),
        pytest.param("ada+gate@example.com", "ada", id="with a tag"),
        pytest.param("ada+a+b@example.com", "ada", id="with two tags"),
        pytest.param("ada.l@old.example.com", "ada", id="her old address"),
        pytest.param("ada@example.com.", "ada", id="a domain with its closing dot"),
        pytest.param("Ada Lovelace <ada@example.com>", "ada", id="as git writes it"),
        pytest.param("\uff41da@example.com", "ada", id="a full-width letter is the same letter"),
        pytest.param("\u24b6da@example.com", "ada", id="a circled capital is the same letter"),
        pytest.param("ada-gh", "ada", id="her login"),
        pytest.param("@Ada-GH", "ada", id="as people mention it"),
        pytest.param("github:ada-gh", "ada", id="with its host"),
        pytest.param("gitlab:ada-gh", None, id="with another host"),
        pytest.param("7+ada-gh@users.noreply.github.com", "ada", id="GitHub's no-reply address"),
        pytest.param("Ada-Gh@users.noreply.github.com", "ada", id="GitHub's old no-reply address"),
        pytest.param("7-ada.gl@users.noreply.gitlab.com", "ada", id="GitLab's no-reply address"),
        pytest.param("7-ada.gl@users.noreply.gitlab.example.com", "ada", id="of an own GitLab"),
        pytest.param("7+ada.gl@users.noreply.github.com", None, id="a GitLab login at GitHub"),
        pytest.param(
            "123-eve@users.noreply.github.com",
            "eve",
            id="a GitHub login that begins like GitLab's form",
        ),
        pytest.param("9-123-eve@users.noreply.gitlab.com", None, id="a GitHub login at GitLab"),
        pytest.param(
            "ada-gh@users.noreply.github.example.com", "ada", id="a login at some own server"
        ),
        pytest.param("u0ada", "ada", id="her Slack id"),
        pytest.param("ben@exa\u0308mple.de", "ben", id="a letter in two parts"),
        pytest.param("ben@xn--exmple-cua.de", "ben", id="a domain in Punycode"),
        pytest.param("ЦОЙ@пример.рф", "cy", id="another alphabet, in other case"),
        pytest.param("github:twin", "cy", id="a shared login with its host"),
        pytest.param("gitlab:twin", "ben", id="the same with the other host"),
    ],
)
def test_a_person_is_found_by_every_spelling_of_an_identity_and_no_other(
    text: str, person: str | None
) -> None:
    assert KNOWN.person(text) == person


@pytest.mark.parametrize(
    ("text", "excluded"),
    [
        pytest.param("", Excluded(frozenset(), ()), id="nobody"),
        pytest.param("ada@example.com", Excluded(frozenset({"ada"}), ()), id="a person"),
        pytest.param(
            "Zoe+x@Example.com",
            Excluded(frozenset(), ("zoe@example.com",)),
            id="a stranger, normalised",
        ),
        pytest.param(
            "twin",
            Excluded(frozenset({"ben", "cy"}), (), shared=True),
            id="one identity of two people: both",
        ),
        pytest.param("dependabot[bot]", Excluded(frozenset(), ()), id="a bot"),
        pytest.param(
            "49699333+dependabot[bot]@users.noreply.github.com",
            Excluded(frozenset(), ()),
            id="a bot's address",
        ),
        *(
            pytest.param(text, Excluded(frozenset(), ()), id=f"A04 a machine of GitLab: {key}")
            for text, key in (
                ("project_12_bot_4ffca233d8298ea1", "project_12_bot_4ffca233d8298ea1"),
                ("GitLab:Group_9_Bot_a1", "gitlab:group_9_bot_a1"),
                ("project_12_bot2", "project_12_bot2"),
                ("project12_bot", "project12_bot"),
                (
                    "service_account_group_345_6018816a18e515214e0c34c2b33523fc",
                    "service_account_group_345_6018816a18e515214e0c34c2b33523fc",
                ),
                ("service_account_6018816a", "service_account_6018816a"),
                (
                    "1-project_12_bot_4f@users.noreply.gitlab.example.com",
                    "gitlab:project_12_bot_4f",
                ),
                (
                    "project_12_bot_4f@noreply.gitlab.example.com",
                    "project_12_bot_4f@noreply.gitlab.example.com",
                ),
            )
        ),
        *(
            pytest.param(text, Excluded(frozenset(), (text,)), id=f"A04 nobody's machine: {text}")
            for text in (
                "my_project_12_bot",
                "project_x_bot",
                "project_12_bottle-neck",
                "project_12_bot_4f@example.com",
                "github:project_1_bot_4f",
            )
        ),
        pytest.param(
            "noreply@github.com",
            Excluded(frozenset(), ()),
            id="GitHub's own committer",
        ),
        pytest.param(
            f"{CYRILLIC_A}da@example.com",
            Excluded(frozenset({"ada"}), (f"{CYRILLIC_A}da@example.com",)),
            id="whoever is imitated is excluded too",
        ),
        pytest.param(
            "\u0410DA@EXAMPLE.COM",
            Excluded(frozenset({"ada"}), (f"{CYRILLIC_A}da@example.com",)),
            id="imitated in capitals",
        ),
        pytest.param(
            "ada@ex\u0430mple.com",
            Excluded(frozenset({"ada"}), ("ada@ex\u0430mple.com",)),
            id="imitated in the domain",
        ),
        pytest.param(
            "ada@xn--exmple-4nf.com",
            Excluded(frozenset({"ada"}), ("ada@ex\u0430mple.com",)),
            id="the same in Punycode",
        ),
        pytest.param(
            "ad\u200ba@example.com",
            Excluded(frozenset({"ada"}), ("ad\u200ba@example.com",)),
            id="an invisible letter",
        ),
        pytest.param(
            "ada\x00@example.com",
            Excluded(frozenset({"ada"}), ("ada\x00@example.com",)),
            id="a control character",
        ),
        pytest.param(
            "ada",
            Excluded(frozenset({"ada"}), ("ada",)),
            id="somebody called like the id of a person",
        ),
        pytest.param(
            "gitlab:ada-gh",
            Excluded(frozenset({"ada"}), ("gitlab:ada-gh",)),
            id="her login on another host",
        ),
    ],
)
def test_a_text_excludes_whom_it_names_or_imitates(text: str, excluded: Excluded) -> None:
    assert KNOWN.excluded([text]) == excluded


def test_several_texts_exclude_everybody_once() -> None:
    texts = ["ada@example.com", "ada-gh", "zoe@example.com", "ZOE@example.com", "x[bot]", "X[bot]"]

    assert KNOWN.excluded(texts) == Excluded(frozenset({"ada"}), ("zoe@example.com",))


def test_a_bot_in_the_catalogue_is_no_person() -> None:
    known = Identities(
        make_catalogue(Person("robot", emails=("r@example.com",), github=("robot[bot]",)))
    )

    assert known.person("robot[bot]") is None
    assert known.excluded(["robot[bot]"]).people == frozenset()


def test_a04_a_machine_of_gitlab_in_the_catalogue_is_no_person() -> None:
    known = Identities(
        make_catalogue(
            Person(
                "robot",
                emails=("project_1_bot_4f@noreply.gitlab.com",),
                gitlab=("project_1_bot_4f",),
            )
        )
    )

    assert (
        known.person("project_1_bot_4f")
        is known.person("1-project_1_bot_4f@users.noreply.gitlab.com")
        is None
    )
    assert known.excluded(["project_1_bot_4f@noreply.gitlab.com"]).people == frozenset()


def test_an_erased_identity_is_nobody() -> None:
    known = Identities(
        make_catalogue(Person("gone", emails=(ERASED,), github=(ERASED,), slack=ERASED))
    )

    assert known.person(ERASED) is None
    assert known.excluded([ERASED]).people == frozenset()


def test_the_keys_of_a_person_are_all_spellings_folded() -> None:
    assert keys(ADA) == (
        "ada@example.com",
        "ada.l@old.example.com",
        "github:ada-gh",
        "gitlab:ada.gl",
        "slack:u0ada",
        "ada-gh",
        "ada.gl",
        "u0ada",
    )


@given(st.text(max_size=60))
def test_any_text_has_one_spelling_which_is_its_own(text: str) -> None:
    once = normalised(text)

    KNOWN.excluded([text])
    assert normalised(text.strip()) == once
    if once.count("@") <= 1 and "<" not in once and "users.noreply." not in once:
        assert normalised(once) == once


@pytest.mark.slow
@given(
    st.sampled_from(["ada@example.com", "ada-gh", "7-ada.gl@users.noreply.gitlab.com"]), st.data()
)
def test_case_and_full_width_never_change_who_it_is(text: str, data: st.DataObject) -> None:
    shapes = [
        data.draw(
            st.sampled_from(
                [letter, letter.upper(), chr(ord(letter) + 0xFEE0) if letter.isalpha() else letter]
            )
        )
        for letter in text
    ]

    assert KNOWN.person("".join(shapes)) == "ada"


FAY = Person(
    "fay", github=("fay-gh#12", "fay-second"), emails=("34-fay.gl@users.noreply.gitlab.com",)
)
GIL = Person("gil", github=("gil-gh",))
NUMBERED = Identities(make_catalogue(FAY, GIL))


@pytest.mark.parametrize(
    ("text", "excluded"),
    [
        pytest.param("github:fay-gh", {"fay"}, id="the login without a number"),
        pytest.param("github:fay-gh#12", {"fay"}, id="the login with the number"),
        pytest.param("github:another#12", {"fay"}, id="the account under another login"),
        pytest.param("12+another@users.noreply.github.com", {"fay"}, id="and by its address"),
        pytest.param("F <12+an@Users.noreply.github.com>", {"fay"}, id="as git writes it"),
        pytest.param("github:fay-gh#13", {"fay"}, id="whoever took the login names her, too"),
        pytest.param("gitlab:another#34", {"fay"}, id="a number that an address tells"),
        pytest.param("gitlab:another#12", set(), id="the same number at another host"),
        pytest.param("github:another#1", set(), id="another number"),
        pytest.param("12-another@users.noreply.github.com", set(), id="a login of that form"),
        pytest.param("github:gil-gh#7", {"gil"}, id="a person whose number nobody knows"),
        pytest.param("another#12", set(), id="no host, so no account"),
    ],
)
def test_an_account_is_excluded_under_whatever_login(text: str, excluded: set[str]) -> None:
    assert NUMBERED.excluded([text]).people == excluded


@pytest.mark.parametrize(
    ("text", "person"),
    [
        pytest.param("github:fay-gh", "fay", id="nobody gave the number"),
        pytest.param("github:fay-gh#12", "fay", id="her account"),
        pytest.param("github:fay-gh#13", None, id="somebody took her login"),
        pytest.param("github:fay-second#13", "fay", id="her login without a number there"),
        pytest.param("gitlab:fay-gh#13", None, id="at another host it is not hers"),
        pytest.param("github:another#12", None, id="a number alone lets nobody review"),
        pytest.param("github:gil-gh#7", "gil", id="the catalogue has no number"),
    ],
)
def test_whoever_takes_a_login_reviews_nothing_as_its_former_owner(
    text: str, person: str | None
) -> None:
    assert NUMBERED.reviewing(text) == (frozenset({person}) if person else frozenset())


def test_a_machine_with_a_number_is_a_machine() -> None:
    assert NUMBERED.excluded(["github:renovate[bot]#29"]) == Excluded(frozenset(), ())
