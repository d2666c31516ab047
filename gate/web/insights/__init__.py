"""Figures: insights, charts, and what an observing gate would have done."""
