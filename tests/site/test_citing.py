"""A reader copies the citation of a chapter."""


def test_the_entry_is_copied_whole(visit, http):
    address = f"{http}book/sgd.html"
    with visit(address, permissions=["clipboard-read", "clipboard-write"]) as here:
        block = here.page.locator("details.citing")
        assert not block.locator("pre").is_visible()
        block.locator("summary").click()
        block.locator("pre").hover()
        block.locator("button.copybtn").click()
        copied = here.page.evaluate("navigator.clipboard.readText()")
        assert copied.startswith("@incollection{weight_decay_") and copied.endswith("}")
        assert copied == block.locator("pre").text_content().rstrip()
