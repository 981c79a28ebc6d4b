"""Works on an Arrow file through pyarrow's map of it, and prints how much was copied for that.

    map.py PROGRAM FILE

Prints rows, bytes of the text in column `one`, bytes of the file's buffers, bytes that Arrow
allocated, and the growth of the process's own memory (`RssAnon`), without what PROGRAM needs for
itself.
"""

import sys

import pyarrow as pa
import pyarrow.compute as pc


def with_pyarrow(table):
    return pc.sum(pc.binary_length(table["one"])).as_py()


def with_duckdb(arrow):
    import duckdb

    duckdb.execute("SET threads TO 1")
    return duckdb.sql("SELECT sum(strlen(one)) FROM arrow").fetchall()[0][0]


def with_polars(table):
    import polars as pl

    frame = pl.from_arrow(table, rechunk=False)
    return frame.select(pl.col("one").str.len_bytes().cast(pl.Int64).sum()).item()


def own_bytes():
    line = next(line for line in open("/proc/self/status") if line.startswith("RssAnon"))
    return int(line.split()[1]) * 1024


use = globals()["with_" + sys.argv[1]]
assert use(pa.table({"one": ["warm", "up"]})) == 6
before = own_bytes()
with pa.memory_map(sys.argv[2]) as file:
    table = pa.ipc.open_file(file).read_all()
    text = use(table)
    print(table.num_rows, text, table.nbytes, pa.total_allocated_bytes(), max(own_bytes() - before, 0))
