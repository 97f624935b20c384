"""What a page says and shows: its openings, numbers, formulas, figures, notes."""
