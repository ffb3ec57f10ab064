"""A public statement drafted from a press text in French or English: who said what, how many, when, by whom it came."""
