from schemas import forgotten
from schemas.mention import Author

SALT = b"salt"


def test_a_key_names_nobody_and_needs_the_salt() -> None:
    key = forgotten.of_author("erika.m", SALT)
    assert "erika" not in key
    assert key != forgotten.of_author("erika.m")
    assert key != forgotten.of_author("erika.n", SALT)
    assert key != forgotten.of_id("erika.m", SALT)


def test_the_ways_to_write_a_handle_have_one_key() -> None:
    assert len({forgotten.of_author(name) for name in ("@Erika.M", " erika.m", "ERIKA.M")}) == 1


def test_a_pseudonym_is_the_same_for_the_same_author_and_hides_all_names() -> None:
    author = Author(id="17", handle="Erika", name="Erika M.", url="https://x/erika", followers=3)
    hidden = forgotten.anonymous(author, SALT)
    assert hidden == forgotten.anonymous(author, SALT)
    assert hidden.followers == 3
    assert not any("erika" in (name or "").lower() for name in forgotten.names(hidden))
    assert hidden.url is None
    assert hidden.handle == forgotten.pseudonym("@erika", SALT)
    assert forgotten.anonymous(Author(), SALT) == Author()
