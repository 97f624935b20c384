"""How the site looks, what it loads, how it is searched and found."""
