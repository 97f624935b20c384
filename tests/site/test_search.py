"""A reader looks for a word and finds its page, on a server and from a file."""


def look_for(page, word):
    page.keyboard.press("Control+k")
    page.locator("dialog input[name=q]").fill(word)
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?**")


def test_a_word_is_found_and_its_page_opens(visit, root):
    with visit(f"{root}book/index.html") as here:
        look_for(here.page, "rotation")
        found = here.page.locator("#search-results a", has_text="SGD").first
        found.click()
        here.page.wait_for_url("**/book/sgd.html**")
        assert here.page.locator("article .highlighted").first.is_visible()
        assert here.errors == [] and here.strangers() == []


def test_a_word_that_is_in_no_page_is_not_found(visit, root):
    with visit(f"{root}book/index.html") as here:
        look_for(here.page, "rhododendron")
        here.page.locator("#search-results h2:text('Search Results')").wait_for(
            state="attached"
        )
        said = here.page.locator(".search-summary").text_content()
        assert "did not match any documents" in said
        assert here.page.locator("#search-results li").count() == 0


def test_a_page_that_is_missing_says_so_and_leads_on(visit, http):
    with visit(f"{http}404.html") as here:
        here.page.get_by_role("link", name="Notation").click()
        here.page.wait_for_url("**/book/notation.html")
