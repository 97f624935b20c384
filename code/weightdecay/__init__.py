"""Weight decay, derived, coded and measured: the module behind the book.

``updates`` holds the rules, ``paths`` walks them, ``problems`` gives them something
to minimise, ``figures`` draws the walks and ``quoting`` hands results to the prose.
``conventions`` says what each API means by weight_decay, and converts.
"""
