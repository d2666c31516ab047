"""The log as a spreadsheet, the schedule as a calendar."""
