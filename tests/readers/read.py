"""Reads a delivered file with DuckDB, which shares no code with what wrote it, and prints its columns and rows as JSON.

usage: read.py csv|jsonl|parquet FILE

Values are printed as DuckDB's own text, nulls as null; rows in the order of the file.
"""

import json
import sys

import duckdb

READERS = {
    "csv": "read_csv('{}', header = true, all_varchar = true, quote = '\"', escape = '\"', nullstr = '')",
    "jsonl": "read_json('{}', format = 'newline_delimited')",
    "parquet": "read_parquet('{}')",
}


def main() -> None:
    kind, path = sys.argv[1], sys.argv[2]
    source = READERS[kind].format(path.replace("'", "''"))
    connection = duckdb.connect()
    described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    names = [column[0] for column in described]
    texts = ", ".join('"{}"::VARCHAR'.format(name.replace('"', '""')) for name in names)
    rows = connection.execute(f"SELECT {texts} FROM {source}").fetchall()
    columns = [{"name": column[0], "type": column[1]} for column in described]
    json.dump({"columns": columns, "rows": rows}, sys.stdout)


main()
