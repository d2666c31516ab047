"""What a release manager does in the morning: with the mouse, with the keyboard alone, and without
a script.
"""

import re
from urllib.parse import quote

from playwright.sync_api import Page, expect

from gate.flow.caller import Role
from tests.web.site import COOKIE, LARGE, Site

MANY_TABS = 8
"""A browser opens six connections to one server."""


def _queue(site: Site, words: str, page: Page) -> None:
    page.goto(f"{site.gate.url}/?q={quote(words)}")


def test_a_change_is_approved_with_the_mouse_and_a_comment(site: Site) -> None:
    change = site.submit("Mouse approves this")
    with site.as_person("ada") as page:
        _queue(site, "mouse approves", page)
        page.get_by_role("link", name="Mouse approves this").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Mouse approves this")
        page.get_by_label("Comment").first.fill("Looked at it.")
        page.get_by_role("button", name="Approve").click()

        expect(page.locator(".notice", has_text="Approved.")).to_be_visible()
        expect(page.locator(".change-head .state")).to_have_text("approved")
    after = site.read(change)
    assert (
        after["state"],
        [(one["name"], one["comment"]) for one in after["approvals"]["given"]],
    ) == (
        "approved",
        [("Ada Ekberg", "Looked at it.")],
    )


def test_a_rejection_needs_a_comment_and_then_ends_the_change(site: Site) -> None:
    change = site.submit("Mouse rejects this")
    with site.as_person("ada") as page:
        page.goto(f"{site.gate.url}/changes/{change['id']}")
        page.get_by_role("button", name="Reject").click()
        expect(page.get_by_text("A rejection needs a comment")).to_be_visible()
        assert site.read(change)["state"] == "pending"

        page.go_back()
        page.get_by_label("Comment").first.fill("Not on a Friday.")
        page.get_by_role("button", name="Reject").click()

        expect(page.locator(".change-head .state")).to_have_text("rejected")
    assert site.read(change)["state"] == "rejected"


def test_the_keyboard_alone_approves_and_rejects(site: Site) -> None:
    first, second = site.submit("Keyboard one"), site.submit("Keyboard two")
    with site.as_person("ada") as page:
        _queue(site, "keyboard", page)
        page.keyboard.press("j")
        expect(page.locator(f"#{first['id']}")).to_be_focused()
        page.keyboard.press("a")
        page.keyboard.type("Fine.")
        page.keyboard.press("Control+Enter")
        expect(page.locator(".notice", has_text="Approved.")).to_be_visible()

        page.keyboard.press("j")
        expect(page.locator(f"#{second['id']}")).to_be_focused()
        page.keyboard.press("r")
        page.keyboard.type("Not fine.")
        page.keyboard.press("Control+Enter")
        expect(
            page.get_by_text("Rejected. It cannot be deployed unless the rejection is lifted.")
        ).to_be_visible()
    assert [site.read(one)["state"] for one in (first, second)] == ["approved", "rejected"]


def test_a_rejection_that_was_typed_is_never_sent_as_an_approval(site: Site) -> None:
    change = site.submit("Typed and not chosen")
    with site.as_person("ada") as page:
        page.goto(f"{site.gate.url}/changes/{change['id']}")
        reject = page.get_by_role("button", name="Reject")
        page.get_by_label("Comment").first.fill("No: the migration locks orders.")
        page.keyboard.press("Control+Enter")
        expect(page.get_by_text("Nothing was sent.")).to_be_visible()
        assert site.read(change)["state"] == "pending"

        page.keyboard.press("Escape")
        page.keyboard.press("a")
        page.keyboard.press("Escape")
        page.keyboard.press("r")
        expect(reject).to_have_class(re.compile("meant"))
        expect(page.locator("button.meant")).to_have_count(1)
        page.keyboard.press("Control+Enter")
        expect(page.locator(".change-head .state")).to_have_text("rejected")
    given = site.read(change)["approvals"]["given"]
    assert (site.read(change)["state"], given) == ("rejected", [])


def test_a_batch_is_sent_by_its_keys_only_where_a_button_was_chosen(site: Site) -> None:
    changes = [site.submit(f"Keys of a batch {word}") for word in ("one", "two")]
    with site.as_person("ada") as page:
        _queue(site, "keys of a batch", page)
        for word in ("one", "two"):
            page.get_by_label(f"Tick Keys of a batch {word}").check()
        page.get_by_label("Comment for all").fill("Neither of them.")
        page.keyboard.press("Control+Enter")
        expect(page.get_by_text("Nothing was sent.")).to_be_visible()
    assert [site.read(one)["state"] for one in changes] == ["pending", "pending"]


def test_keys_say_what_they_do_and_can_be_switched_off(site: Site) -> None:
    change = site.submit("Keys are off")
    with site.as_person("ada") as page:
        _queue(site, "keys are off", page)
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_contain_text("approve")
        page.keyboard.press("Escape")

        page.get_by_role("button", name="Switch keys off").click()
        page.keyboard.press("j")
        expect(page.locator(f"#{change['id']}")).not_to_be_focused()
        page.reload()
        expect(page.get_by_role("button", name="Switch keys on")).to_be_visible()


def test_everything_works_without_a_script(site: Site) -> None:
    change = site.submit("No script here")
    with site.as_person("ben", java_script_enabled=False) as page:
        _queue(site, "no script", page)
        page.locator("#pane").get_by_label("Comment").fill("By hand.")
        page.get_by_role("button", name="Approve").first.click()

        expect(page.locator(".notice", has_text="Approved.")).to_be_visible()
        page.get_by_role("link", name=re.compile("^Decided")).click()
        expect(page.get_by_role("link", name="No script here")).to_be_visible()
    assert site.read(change)["state"] == "approved"


def test_several_are_decided_at_once_by_plain_selection(site: Site) -> None:
    first = site.submit("Batch one")
    other = site.submit(
        "Batch two",
        {"diff": {"lines_added": 150, "lines_deleted": 1, "files": ["a.py"], "files_changed": 1}},
    )
    left = site.submit("Batch three")
    with site.as_person("ada") as page:
        _queue(site, "batch", page)
        expect(page.locator("#many")).to_be_hidden()
        page.get_by_label("Tick Batch one").check()
        page.get_by_label("Tick Batch two").check()
        page.get_by_label("Comment for all").fill("Both looked at.")
        page.get_by_role("button", name="Approve the ticked").click()
        expect(page.get_by_text("Approved.", exact=True)).to_have_count(2)
    assert [site.read(one)["state"] for one in (first, other, left)] == [
        "approved",
        "approved",
        "pending",
    ]


def test_the_next_change_stands_in_the_pane_as_soon_as_one_is_decided(site: Site) -> None:
    first, second = [site.submit(f"One after another {word}") for word in ("one", "two")]
    with site.as_person("ada") as page:
        _queue(site, "one after another", page)
        pane = page.locator("#pane")
        expect(pane).to_contain_text("One after another one")
        page.keyboard.press("j")
        page.keyboard.press("j")
        expect(pane).to_contain_text("One after another two")
        page.keyboard.press("k")
        expect(pane).to_contain_text("One after another one")
        pane.get_by_role("button", name="Approve").click()

        expect(page.locator(".notice", has_text="Approved.")).to_be_visible()
        expect(pane).to_contain_text("One after another two")
    assert [site.read(one)["state"] for one in (first, second)] == ["approved", "pending"]


def test_a_change_that_somebody_else_decides_does_not_make_room_for_another_under_the_button(
    site: Site,
) -> None:
    first, second = [site.submit(f"Same button {word}") for word in ("one", "two")]
    with site.as_person("ada") as one, site.as_person("ben") as two:
        _queue(site, "same button", one)
        expect(one.locator("body")).to_have_attribute("data-stream", "on")
        pane = one.locator("#pane")
        expect(pane).to_contain_text("Same button one")

        two.goto(f"{site.gate.url}/changes/{first['id']}")
        two.get_by_role("button", name="Approve").click()

        expect(one.locator(f"#{first['id']}")).to_have_count(0)
        expect(pane.get_by_role("button", name="Approve")).to_have_count(0)
        expect(pane).to_contain_text("Same button one")
    assert site.read(second)["state"] == "pending"


def test_a_change_that_cannot_be_fetched_leaves_no_other_one_to_decide_on(site: Site) -> None:
    for word in ("one", "two"):
        site.submit(f"Not to be had {word}")
    with site.as_person("ada") as page:
        _queue(site, "not to be had", page)
        page.route("**/pane", lambda route: route.abort())

        page.keyboard.press("j")
        page.keyboard.press("j")

        expect(page.locator("#pane").get_by_role("button", name="Approve")).to_have_count(0)


def test_what_was_decided_again_since_shows_the_difference_instead(site: Site) -> None:
    change = site.submit("Moves under you", run={"id": "moves"})
    asked = {
        name: change[name]
        for name in (
            "commit",
            "artifacts",
            "service",
            "environment",
            "requested_by",
            "authors",
            "title",
        )
    }
    with site.as_person("ada", java_script_enabled=False) as page:
        page.goto(f"{site.gate.url}/changes/{change['id']}")
        page.get_by_label("Comment").first.fill("Looks good.")
        moved = site.post(
            "/v1/changes",
            {
                **asked,
                "run": {"id": "moves"},
                "facts": {"diff": {**LARGE["diff"], "lines_added": 150}},
            },
        )
        assert (moved["id"], moved["decision"]["number"]) == (change["id"], 2)

        page.get_by_role("button", name="Approve").click()

        expect(page.get_by_role("heading", name="It changed while you looked")).to_be_visible()
        expect(page.get_by_role("row", name=re.compile("diff.lines_added"))).to_contain_text("150")
        expect(page.get_by_label("Comment").first).to_have_value("Looks good.")
        assert site.read(change)["state"] == "pending"

        page.get_by_role("button", name="Approve").click()
    assert site.read(change)["state"] == "approved"


def test_two_browsers_see_new_changes_and_each_others_decisions_by_the_stream_alone(
    site: Site,
) -> None:
    with site.as_person("ada") as one, site.as_person("ben") as two:
        for page in (one, two):
            _queue(site, "together", page)
            expect(page.locator("body")).to_have_attribute("data-stream", "on")
        change = site.submit("Seen together")
        for page in (one, two):
            expect(page.get_by_role("link", name="Seen together")).to_be_visible()

        two.get_by_role("link", name="Seen together").click()
        two.get_by_role("button", name="Approve").click()
        expect(one.get_by_role("link", name="Seen together")).to_have_count(0)
    assert site.read(change)["state"] == "approved"


def test_more_tabs_than_a_browser_has_connections_are_all_live(site: Site) -> None:
    with site.as_person("ada") as page:
        tabs = [page, *(page.context.new_page() for _ in range(MANY_TABS - 1))]
        for tab in tabs:
            _queue(site, "many tabs", tab)
        for tab in tabs:
            expect(tab.locator("body")).to_have_attribute("data-stream", "on")
        site.submit("Many tabs first")
        for tab in tabs:
            expect(tab.get_by_role("link", name="Many tabs first")).to_be_visible()

        page.close()  # it was the one that listened
        expect(tabs[1].locator("body")).to_have_attribute("data-stream", "on")
        site.submit("Many tabs second")
        for tab in tabs[1:]:
            expect(tab.get_by_role("link", name="Many tabs second")).to_be_visible()


def test_a_stopped_line_holds_what_waits_in_every_open_tab_at_once(site: Site) -> None:
    site.submit("Stopped in between", service="ledger")
    with site.as_person("ada") as one, site.as_person("ben") as two:
        one.goto(f"{site.gate.url}/?q=is:held+stopped")
        expect(one.locator("body")).to_have_attribute("data-stream", "on")
        two.goto(f"{site.gate.url}/log")
        two.get_by_role("link", name="Stop the line").click()
        two.get_by_label("Reason").fill("Disk is full")
        two.get_by_label("Services").select_option("ledger")
        expect(two.locator("#effect")).to_contain_text(re.compile("Holds [1-9]"))
        two.get_by_role("button", name="Stop the line").click()

        held = one.locator(".item", has_text="Stopped in between")
        expect(held).to_contain_text("Disk is full")
        expect(held).to_contain_text("the line is stopped")

        strip = one.locator("#strip")
        expect(strip).to_contain_text("STOPPED by Ben Okafor")
        strip.get_by_text("Resume").click()
        strip.get_by_role("button", name="Let the line run again").click()
        expect(one.get_by_text("This stop is lifted.")).to_be_visible()
        expect(two.locator("#strip")).not_to_contain_text("STOPPED")


def test_what_somebody_is_writing_stays_when_the_page_moves(site: Site) -> None:
    change = site.submit("Half written")
    with site.as_person("ada") as page:
        _queue(site, "half", page)
        expect(page.locator("body")).to_have_attribute("data-stream", "on")
        expect(page.locator("#pane")).to_contain_text("Half written")
        page.locator(f"#comment-{change['id']}").fill("I am still thinking ab")
        site.submit("Half of another")

        expect(page.get_by_role("link", name="Half of another")).to_be_visible()
        expect(page.locator(f"#comment-{change['id']}")).to_have_value("I am still thinking ab")


def test_who_is_signed_out_while_writing_finds_the_text_again(site: Site) -> None:
    change = site.submit("Signed out in between")
    address = f"{site.gate.url}/changes/{change['id']}"
    with site.as_person("ada") as page:
        page.goto(address)
        page.get_by_label("Comment").first.fill("It took me an hour to write this.")
        page.context.clear_cookies()
        page.get_by_role("button", name="Reject").click()
        expect(page.get_by_role("link", name="Sign in")).to_be_visible()

        session = site.session("ada")
        page.context.add_cookies([{"name": COOKIE, "value": session, "url": site.gate.url}])
        page.get_by_role("link", name="Sign in").click()
        expect(page.get_by_label("Comment").first).to_have_value(
            "It took me an hour to write this."
        )
        page.get_by_role("button", name="Reject").click()
        expect(page.locator(".change-head .state")).to_have_text("rejected")
        page.goto(address)
        assert page.evaluate("Object.keys(sessionStorage).join()") == ""


def test_a_page_goes_on_when_the_server_starts_again(site: Site) -> None:
    with site.as_person("ada") as page:
        _queue(site, "restarted", page)
        expect(page.locator("body")).to_have_attribute("data-stream", "on")
        assert site.gate.stop() == 0, "a stop does not wait for open pages"
        expect(page.locator("body")).to_have_attribute("data-stream", "off")
        site.gate.start()
        expect(page.locator("body")).to_have_attribute("data-stream", "on")
        site.submit("Restarted and there")
        expect(page.get_by_role("link", name="Restarted and there")).to_be_visible()


def test_an_auditor_reads_everything_and_is_offered_nothing_to_press(site: Site) -> None:
    change = site.submit("Read by an auditor")
    with site.as_person("ben", Role.AUDITOR) as page:
        page.goto(f"{site.gate.url}/changes/{change['id']}")
        expect(page.get_by_role("heading", level=1)).to_have_text("Read by an auditor")
        expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    site.session("ben")


def test_what_passes_by_itself_stands_under_decided(site: Site) -> None:
    site.pass_alone("Passed by itself")
    with site.as_person("ada") as page:
        _queue(site, "passed itself", page)
        expect(page.get_by_role("heading", name="Nothing fits this filter")).to_be_visible()
        page.get_by_role("link", name=re.compile("^Decided 1")).click()
        expect(page.get_by_role("link", name="Passed by itself")).to_be_visible()


def test_a_token_that_was_made_is_in_sight_where_it_was_asked_for(site: Site) -> None:
    with site.as_person("ada", Role.ADMIN) as page:
        page.goto(f"{site.gate.url}/administration")
        page.get_by_label("What it is used for").fill("Deployments at night")
        page.get_by_role("button", name="Make it").click()
        expect(page.locator("[aria-labelledby=secret] code")).to_be_in_viewport()
        page.get_by_label("Address").fill("new@example.com")
        page.get_by_role("button", name="Invite").click()
        expect(page.locator("[aria-labelledby=invitation] code")).to_be_in_viewport()
    site.session("ada")
