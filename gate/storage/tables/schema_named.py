"""Who was named for a change beside the request of its decision in force, and which commits it
brings.
"""

from sqlalchemy import Column, ForeignKey, Table, Text

from gate.storage.tables.schema import metadata

named = Table(
    "named",
    metadata,
    Column("change_id", Text, ForeignKey("changes.id"), primary_key=True),
    Column("role", Text, primary_key=True),  # asked, wrote, or excluded
    Column("who", Text, primary_key=True),  # id of a text; of `excluded` the id of a person
)

change_commits = Table(
    "change_commits",
    metadata,
    Column("change_id", Text, ForeignKey("changes.id"), primary_key=True),
    Column(
        "commits", Text, nullable=False
    ),  # JSON list: what the code host compared, and the commit itself
)
