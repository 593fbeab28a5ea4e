"""What an operator does at the desk: finds an elder, orders, looks at an order, cancels it."""

from playwright.sync_api import Locator, Page, expect

from tests.browser.stage import Elder


def find_elder(page: Page, elder: Elder) -> Locator:
    """Search an elder by name and open the card; returns it."""
    page.get_by_test_id("elder-search").fill(elder.name)
    page.get_by_test_id("elder-offer").filter(has_text=elder.street).first.click()
    drawer = page.get_by_test_id("elder-drawer")
    expect(drawer.get_by_test_id("elder-card")).to_have_attribute("data-elder-id", str(elder.id))
    return drawer


def begin_order(page: Page, elder: Elder, item: str) -> Locator:
    """Open the form for a new order from the elder's card and choose what is ordered; returns the form."""
    find_elder(page, elder).get_by_test_id("order-new").click()
    form = page.get_by_test_id("order-form")
    form.get_by_test_id(f"order-item-{item}").click()
    return form


def order(page: Page, elder: Elder, item: str) -> Locator:
    """Order something for the earliest half hour and open the order; returns its detail."""
    begin_order(page, elder, item)
    return submit_order(page, elder)


def submit_order(page: Page, elder: Elder) -> Locator:
    """Send the form that is filled in and open the order; returns its detail."""
    page.get_by_test_id("order-submit").click()
    page.get_by_test_id("order-created").get_by_role("button").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    detail = page.get_by_test_id("order-detail")
    expect(detail.get_by_test_id("order-elder")).to_have_text(elder.name)
    return detail


def order_row(page: Page, elder: Elder) -> Locator:
    """The elder's open order on the board."""
    return page.get_by_test_id("orders-board").get_by_test_id("order-card").filter(has_text=elder.name)


def cancel(page: Page, detail: Locator, reason: str) -> None:
    """Cancel the order that is shown."""
    detail.get_by_test_id("order-cancel").click()
    page.get_by_test_id("reason-text").fill(reason)
    page.get_by_test_id("reason-submit").click()
    expect(detail).to_have_attribute("data-state", "cancelled")
