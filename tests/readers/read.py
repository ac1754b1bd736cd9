"""Reads delivered files with DuckDB, which shares no code with what wrote them, and prints what is in them as JSON.

usage: read.py csv|jsonl|parquet [--query SQL] FILE...

Prints the columns and rows of all files together, or of a query over them, which finds them as `result`; and of each
file its size, checksum and rows. Values are DuckDB's own texts, nulls are null, rows are in the order of the files.
"""

import argparse
import hashlib
import json
import os
import sys

import duckdb

# In CSV nothing is null, and quotes with nothing between them are an empty text. In JSON Lines types are not guessed
# from texts, so that decimals and timestamps stay as they were written.
READERS = {
    "csv": "read_csv({}, header = true, all_varchar = true, quote = '\"', escape = '\"', nullstr = '', "
    "allow_quoted_nulls = false)",
    "jsonl": "read_json({}, format = 'newline_delimited', columns = {})",
    "parquet": "read_parquet({})",
}


def names_of_lines(path: str) -> dict[str, str]:
    with open(path, encoding="utf-8") as file:
        first = file.readline()
    return {name: "VARCHAR" for name in json.loads(first or "{}")}


def source(kind: str, paths: list[str]) -> str:
    if kind == "jsonl":
        columns = names_of_lines(paths[0])
        listed = ", ".join(f"{quoted(name)}: '{type_}'" for name, type_ in columns.items())
        return READERS[kind].format(paths, "{" + listed + "}")
    return READERS[kind].format(paths)


def quoted(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""'))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=READERS)
    parser.add_argument("--query")
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()

    connection = duckdb.connect()
    # What has a time zone is shown in UTC wherever this runs.
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"CREATE VIEW result AS SELECT * FROM {source(arguments.kind, arguments.files)}")
    asked = arguments.query or "SELECT * FROM result"
    described = connection.execute(f"DESCRIBE {asked}").fetchall()
    columns = [{"name": column[0], "type": column[1]} for column in described]
    texts = ", ".join(f"{quoted(column[0])}::VARCHAR" for column in described)
    rows = connection.execute(f"SELECT {texts} FROM ({asked})").fetchall()

    files = []
    for path in arguments.files:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        [(count,)] = connection.execute(f"SELECT count(*) FROM {source(arguments.kind, [path])}").fetchall()
        files.append({"bytes": os.path.getsize(path), "sha256": digest, "rows": count})
    json.dump({"columns": columns, "rows": rows, "files": files}, sys.stdout)


main()
