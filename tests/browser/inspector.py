"""mitmweb in a headless Chromium: what stands on the screen, and what a person can press."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

WITHIN = 20.0
"""Seconds that the page has for a change; usually some milliseconds."""
WIDTH, HEIGHT = 1400, 900
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
DRIVERS = ("chromedriver", "/usr/lib/chromium/chromedriver")
SWITCHES = (
    "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-extensions", "--no-proxy-server",
    "--force-device-scale-factor=1", "--lang=en-US",
)  # fmt: skip


def found() -> tuple[str, str] | None:
    """Chromium and its driver, if this machine has both."""
    program = next((path for name in PROGRAMS if (path := shutil.which(name))), None)
    driver = next((path for name in DRIVERS if (path := shutil.which(name))), None)
    return (program, driver) if program and driver else None


@contextmanager
def browser(profile: Path) -> Iterator[WebDriver]:
    """A Chromium with a new profile. Raises LookupError where there is none."""
    programs = found()
    if programs is None:
        raise LookupError("no Chromium with its driver: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    for switch in (*SWITCHES, f"--window-size={WIDTH},{HEIGHT}", f"--user-data-dir={profile}"):
        options.add_argument(switch)
    quiet = {name: value for name, value in os.environ.items() if name in ("PATH", "TMPDIR", "LANG")}
    driver = webdriver.Chrome(options, Service(programs[1], env=quiet | {"HOME": str(profile)}))
    try:
        missing = HEIGHT - int(driver.execute_script("return window.innerHeight"))  # headless counts a title bar
        driver.set_window_size(WIDTH, HEIGHT + missing)
        yield driver
    finally:
        driver.quit()


class Inspector:
    """mitmweb's page, in words of a person who looks at it."""

    def __init__(self, driver: WebDriver, url: str) -> None:
        self.driver = driver
        driver.get(url)
        self._wait(".connection-indicator.established")

    def comments(self) -> list[str]:
        """The comments in the list, from the top. The rows that are scrolled away are not there."""
        return [cell.text for cell in self._all(".flow-table tbody td.col-comment")]

    def search(self, words: str) -> None:
        """Type a filter into the list's search."""
        field = self._wait("header input[placeholder=Search]")
        field.clear()
        field.send_keys(words)

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait for the page to show it."""
        WebDriverWait(self.driver, WITHIN, ignored_exceptions=(StaleElementReferenceException,)).until(
            lambda _: holds()
        )

    def width(self, selector: str) -> int:
        """Of the first that fits, in pixels."""
        return int(self._wait(selector).size["width"])

    def open(self, piece: str, place: int = 0) -> None:
        """Click a flow whose comment has this in it: the first, or the one at a further place."""
        self._wait(".flow-table tbody tr.has-request")
        cells = [cell for cell in self._all(".flow-table tbody td.col-comment") if piece in cell.text]
        cells[place].click()
        self._wait(".flow-detail nav")

    def tab(self, name: str) -> str:
        """Go to a tab of the flow (Request, Response, Comment …); its text."""
        link = next(each for each in self._all(".flow-detail nav a") if each.text == name)
        link.click()
        WebDriverWait(self.driver, WITHIN).until(lambda _: "active" in (link.get_attribute("class") or ""))
        return self._wait(".flow-detail section").text

    def views(self) -> list[str]:
        """The names in the menu of views; leaves it open."""
        if not self._all(".contentview .dropdown-menu li"):
            next(each for each in self._all(".contentview .controls a") if "View:" in each.text).click()
            self._wait(".contentview .dropdown-menu li")
        return [item.text for item in self._all(".contentview .dropdown-menu li")]

    def view(self, name: str) -> str:
        """Choose a view of the body from the menu; its text."""
        self.views()
        items = self._all(".contentview .dropdown-menu li a")
        next(item for item in items if item.text == name).click()
        WebDriverWait(self.driver, WITHIN).until(lambda _: self._shown() == name)
        return self._wait(".contentview pre").text

    def rest(self) -> None:
        """Away with the pointer and what it lights up; the view from its beginning."""
        ActionChains(self.driver).move_to_element(self._wait("header")).perform()

    def command(self, line: str) -> str:
        """Type a command into the command bar (which is shown if it was not); what stands in its log afterwards."""
        if not self._all(".command input"):
            self._press("Options", "Display Command Bar")
        field = self._wait(".command input")
        field.send_keys(line, Keys.ENTER)
        return self._wait(".command").text

    def _press(self, menu: str, item: str) -> None:
        next(each for each in self._all("header nav a") if each.text == menu).click()
        WebDriverWait(self.driver, WITHIN).until(lambda _: any(item in each.text for each in self._all("header label")))
        next(each for each in self._all("header label") if item in each.text).click()

    def picture(self, path: Path) -> None:
        """What is on the screen, as PNG."""
        path.write_bytes(self.driver.get_screenshot_as_png())

    def _shown(self) -> str:
        """The view that is on the screen, as its title says, in small letters as in the menu."""
        titles = self._all(".contentview .controls h5")
        return titles[0].text.lower().partition(" [")[0] if titles else ""

    def _all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def _wait(self, selector: str) -> WebElement:
        found: WebElement = WebDriverWait(self.driver, WITHIN).until(
            lambda _: next(iter(self._all(selector)), None), f"{selector} does not come"
        )
        return found
