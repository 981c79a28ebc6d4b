"""Reads an answer with another program, and compares it with the log that it came from.

    read_back.py READER FORMAT ANSWER LOG

The log is read by Python's own parser of JSON. ANSWER has its records as they come, with the columns
of `COLUMNS`, and, where the format has lists, those of `LISTS`; the answer without rows has only the
columns. What a format cannot tell apart is in `as_format`.
"""

import calendar
import csv
import json
import math
import re
import subprocess
import sys
import time

COLUMNS = ["id", "ts", "t", "n", "f", "ok", "odd"]
LISTS = ["ints", "texts", "none"]


# What is expected.


def nanoseconds(text):
    parts = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z", text)
    seconds = calendar.timegm(time.strptime(parts[1], "%Y-%m-%dT%H:%M:%S"))
    return seconds * 10**9 + int((parts[2] or "0").ljust(9, "0"))


def expected(log, lists):
    rows = []
    for line in open(log, encoding="utf-8", newline="\n"):
        r = json.loads(line)
        id, t, n, f = r["id"], r.get("t"), r.get("n"), r.get("f")
        ts = nanoseconds(r["ts"]) if "ts" in r else None
        # A log's -0 is 0.
        f = None if f is None else float(f) + 0.0
        odd = {1: math.nan, 2: -math.inf}.get(id, f)
        row = [id, ts, t, n, f, r.get("ok"), odd]
        if lists:
            row += [None if id == 3 else [n, None, id], [t, "x"], []]
        rows.append(row)
    return rows


def printable(text):
    """As control characters are shown to people."""
    names = {"\n": "\\n", "\t": "\\t"}
    shown = lambda c: names.get(c, f"\\x{ord(c):02x}") if ord(c) < 32 or 127 <= ord(c) < 160 else c
    return "".join(map(shown, text))


def as_format(format, row):
    """What is left of a row in a format."""
    if format in ("csv", "tsv"):
        row[2] = row[2] or ""
    if format == "markdown":
        # The outer blanks of a cell mean nothing.
        row[2] = printable(row[2] or "").strip(" ")
    if format in ("json", "ndjson") and row[6] is not None and not math.isfinite(row[6]):
        row[6] = None
    return row


# What is read. A reader gives names and rows.


def from_texts(names, rows):
    """Values of a format that has texts only."""
    number = lambda kind: lambda cell: kind(cell) if cell else None
    flag = lambda cell: {"true": True, "false": False, "": None}[cell]
    time = lambda cell: nanoseconds(cell) if cell else None
    kinds = [number(int), time, lambda cell: cell or "", number(int), number(float), flag, number(float)]
    whole = lambda row: [kind(cell) for kind, cell in zip(kinds, row, strict=True)]
    return names, [whole(["" if cell is None else cell for cell in row]) for row in rows]


def from_objects(objects):
    """Values of JSON, in which a time is a text."""
    names = list(objects[0]) if objects else None
    for o in objects:
        assert list(o) == names, o
        o["ts"] = None if o["ts"] is None else nanoseconds(o["ts"])
    return names, [list(o.values()) for o in objects]


def python(format, file):
    text = open(file, encoding="utf-8", newline="").read()
    if format in ("csv", "tsv"):
        delimiter = "," if format == "csv" else "\t"
        names, *rows = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
        return from_texts(names, rows)
    if format == "json":
        return from_objects(json.loads(text))
    if format == "ndjson":
        assert text == "" or text.endswith("\n")
        return from_objects([json.loads(line) for line in text.split("\n")[:-1]])
    assert format == "markdown" and text.endswith("\n")
    rows = [markdown_cells(line) for line in text.split("\n")[:-1]]
    assert len({len(row) for row in rows}) == 1, rows
    assert all(re.fullmatch(r"---:?", cell) for cell in rows[1]), rows[1]
    return from_texts(rows[0], rows[2:])


def markdown_cells(line):
    """The cells of a row of a GitHub table: bars end them unless a backslash is before."""
    cells = re.fullmatch(r"\|((?:(?:[^|\\]|\\[|\\])*\|)+)", line)
    assert cells, f"no row of a table: {line!r}"
    cells = re.findall(r"((?:[^|\\]|\\[|\\])*)\|", cells[1])
    return [re.sub(r"\\([|\\])", r"\1", cell).strip(" ") for cell in cells]


def jq(format, file):
    every = ".[]" if format == "json" else "."
    out = subprocess.run(["jq", "-c", every, file], capture_output=True, check=True, text=True)
    return from_objects([json.loads(line) for line in out.stdout.split("\n")[:-1]])


def from_arrow(table):
    import pyarrow as pa

    assert not len(table.column_names) or table.schema.field("ts").type == pa.timestamp("ns", "UTC")
    columns = [c.cast("int64") if n == "ts" else c for n, c in zip(table.column_names, table.columns)]
    return table.column_names, list(map(list, zip(*[c.to_pylist() for c in columns])))


def pyarrow(format, file):
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    if format in ("csv", "tsv"):
        delimiter = "," if format == "csv" else "\t"
        parse = pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
        convert = pa.csv.ConvertOptions(column_types={name: pa.string() for name in COLUMNS})
        table = pa.csv.read_csv(file, parse_options=parse, convert_options=convert)
        return from_texts(table.column_names, [list(r.values()) for r in table.to_pylist()])
    if format == "arrow":
        return from_arrow(pa.ipc.open_file(file).read_all())
    if format == "arrow-stream":
        return from_arrow(pa.ipc.open_stream(file).read_all())
    return from_arrow(pa.parquet.read_table(file))


def duckdb(format, file):
    import duckdb

    if format in ("csv", "tsv"):
        delimiter = "," if format == "csv" else "\t"
        table = f"read_csv('{file}', header=true, delim='{delimiter}', quote='\"', escape='\"', all_varchar=true)"
        found = duckdb.sql(f"SELECT * FROM {table}")
        return from_texts(found.columns, found.fetchall())
    if format in ("json", "ndjson"):
        # Times stay texts: it would cut them to microseconds.
        types = {"id": "BIGINT", "ts": "VARCHAR", "t": "VARCHAR", "n": "BIGINT", "f": "DOUBLE", "ok": "BOOLEAN"}
        types |= {"odd": "DOUBLE", "ints": "BIGINT[]", "texts": "VARCHAR[]", "none": "BIGINT[]"}
        kind = "array" if format == "json" else "newline_delimited"
        found = duckdb.sql(f"SELECT * FROM read_json('{file}', format='{kind}', columns={types})")
        return from_objects([dict(zip(found.columns, row)) for row in found.fetchall()])
    found = duckdb.sql(f"SELECT * REPLACE (epoch_ns(ts) AS ts) FROM read_parquet('{file}')")
    return found.columns, [list(row) for row in found.fetchall()]


def polars(format, file):
    import polars as pl

    if format in ("csv", "tsv"):
        separator = "," if format == "csv" else "\t"
        found = pl.read_csv(file, separator=separator, infer_schema=False)
        return from_texts(found.columns, found.rows())
    read = {"arrow": pl.read_ipc, "arrow-stream": pl.read_ipc_stream, "parquet": pl.read_parquet}
    found = read[format](file)
    assert found.schema["ts"] == pl.Datetime("ns", "UTC"), found.schema
    found = found.with_columns(pl.col("ts").dt.epoch("ns"))
    return found.columns, [list(row) for row in found.rows()]


# The comparison.


def same(a, b):
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return a == b and math.copysign(1, a) == math.copysign(1, b) or a != a and b != b
    return type(a) is type(b) and a == b


def rounded(reader, format, row):
    """What is left of a row in a reader."""
    if reader == "jq":
        # All its numbers are doubles, and a whole one has no point.
        whole = lambda v: int(v) if isinstance(v, float) and v.is_integer() else v
        numbers = lambda v: whole(float(v)) if type(v) in (int, float) else v
        return [[numbers(w) for w in v] if isinstance(v, list) else numbers(v) for v in row]
    if reader == "duckdb" and format == "parquet" and row[1] is not None:
        # Its times with a zone are of microseconds.
        row[1] = row[1] // 1000 * 1000
    return row


def main(reader, format, answer, log):
    names, rows = globals()[reader](format, answer)
    lists = format not in ("csv", "tsv", "markdown")
    if names is not None:
        assert list(names) == COLUMNS + LISTS * lists, names
    wanted = [] if log == "none" else expected(log, lists)
    wanted = [rounded(reader, format, as_format(format, row)) for row in wanted]
    rows = [rounded(reader, format, row) for row in rows]
    for given, row in zip(rows, wanted):
        assert same(given, row), f"\ngiven  {given}\nwanted {row}"
    assert len(rows) == len(wanted), (len(rows), len(wanted))


main(*sys.argv[1:])
