"""Insights, the calendar and a service's page in a real browser: without a script, and by the
keyboard alone.
"""

from playwright.sync_api import Page, expect

from tests.web.site import Site


def deployed(site: Site, title: str) -> None:
    """Something was deployed to staging, where it passes by itself."""
    site.deploy(site.pass_alone(title))


def focused(page: Page) -> str:
    """The text of what has the focus."""
    return str(page.evaluate("document.activeElement.textContent.trim()"))


def test_every_picture_has_its_table_without_a_script(site: Site) -> None:
    deployed(site, "Seen without a script")
    with site.as_person("ada", java_script_enabled=False) as page:
        page.goto(f"{site.gate.url}/insights?service=web&environment=staging")

        cards = page.locator("section.card", has=page.locator("svg.chart"))
        assert cards.count() > 2
        for number in range(cards.count()):
            card = cards.nth(number)
            card.locator("summary").click()
            expect(card.locator("table tbody tr").first).to_be_visible()


def test_a_small_picture_says_its_numbers_to_who_does_not_see_it(site: Site) -> None:
    with site.as_person("ada") as page:
        page.goto(f"{site.gate.url}/insights")

        pictures = page.locator("table.places").get_by_role("img")
        assert pictures.count() == page.locator("table.places tbody tr").count() > 0
        for number in range(pictures.count()):
            name = pictures.nth(number).get_attribute("aria-label") or ""
            assert name.startswith("Deployments a week")
            assert name.count(",") >= 11


def test_the_keyboard_alone_goes_from_insights_to_a_service_and_on_to_a_change(site: Site) -> None:
    change = site.submit("Found by its link")
    with site.as_person("ada") as page:
        page.goto(f"{site.gate.url}/insights")
        page.locator("table.places a.service", has_text="web").focus()
        assert focused(page) == "web"
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text("web")

        page.locator("main a", has_text="Found by its link").focus()
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{site.gate.url}/changes/{change['id']}")


def test_a_service_whose_queue_moves_shows_it_by_itself(site: Site) -> None:
    with site.as_person("ada") as page:
        page.goto(f"{site.gate.url}/services/ledger")
        expect(page.get_by_text("Nothing waits.")).to_be_visible()

        site.submit("Arrives by itself", service="ledger")

        expect(page.get_by_role("link", name="Arrives by itself")).to_be_visible()
