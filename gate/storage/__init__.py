"""The database: tables, migrations, one writer, a few readers."""
