//! The questions, in SQL that both engines accept.

/// One question.
#[derive(Debug)]
pub(super) struct Question {
    pub name: &'static str,
    /// `LOG` is the log, `OWNERS` a small one, `BROKEN` one with bad lines; between `SINCE` and
    /// `UNTIL` is a hundredth of the log.
    pub sql: &'static str,
    /// For DuckDB, where it takes other words.
    pub duckdb: Option<&'static str>,
    /// Whether the engine below ours is asked too, with its own reader of JSON.
    pub engine: bool,
}

const fn question(name: &'static str, sql: &'static str) -> Question {
    Question { name, sql, duckdb: None, engine: false }
}

/// All of them. Each gives the same rows in the same order, whichever program is asked.
pub(super) const QUESTIONS: [Question; 13] = [
    Question {
        name: "group",
        sql: "SELECT status, count(*), avg(latency_ms) FROM LOG GROUP BY status ORDER BY status",
        duckdb: None,
        engine: true,
    },
    Question { name: "count", sql: "SELECT count(*) FROM LOG", duckdb: None, engine: true },
    question("text filter", "SELECT count(*), sum(bytes) FROM LOG WHERE path LIKE '/cart/1234%'"),
    question(
        "top 10",
        "SELECT path, status, latency_ms FROM LOG WHERE latency_ms IS NOT NULL \
              ORDER BY latency_ms DESC, path, status LIMIT 10",
    ),
    question(
        "median per minute",
        "SELECT CAST(extract(epoch FROM date_trunc('minute', ts)) AS BIGINT) AS minute, \
              count(*), median(latency_ms) FROM LOG GROUP BY 1 ORDER BY 1",
    ),
    question("distinct", "SELECT count(DISTINCT path) FROM LOG"),
    question(
        "filter and project",
        "SELECT path, bytes, latency_ms FROM LOG WHERE status = 503 AND latency_ms > 200 \
              ORDER BY latency_ms, path, bytes",
    ),
    question(
        "join",
        "SELECT o.team, count(*), sum(l.bytes) FROM LOG l JOIN OWNERS o ON l.method = o.method \
              GROUP BY o.team ORDER BY o.team",
    ),
    question(
        "window",
        "SELECT status, max(step) FROM (SELECT status, latency_ms - lag(latency_ms) OVER \
              (PARTITION BY status ORDER BY ts, latency_ms) AS step FROM LOG WHERE status >= 500) \
              AS steps GROUP BY status ORDER BY status",
    ),
    question(
        "1 % of time",
        "SELECT count(*), avg(latency_ms) FROM LOG WHERE ts >= 'SINCE' AND ts < 'UNTIL'",
    ),
    question("regex", "SELECT count(*) FROM LOG WHERE path ~ '.*users/1[0-9]+7$'"),
    question("limit 10", "SELECT path, status, bytes FROM LOG LIMIT 10"),
    Question {
        name: "bad lines",
        sql: "SELECT count(*) FROM BROKEN WHERE _error IS NOT NULL",
        duckdb: Some("SELECT count(*) FROM BROKEN WHERE NOT json_valid(line)"),
        engine: false,
    },
];

impl Question {
    /// The question with names in place: those in capitals, each with what stands for it.
    pub(super) fn with(&self, duckdb: bool, names: &[(&str, &str)]) -> String {
        let sql = self.duckdb.filter(|_| duckdb).unwrap_or(self.sql);
        names.iter().fold(sql.to_owned(), |sql, (name, with)| sql.replace(name, with))
    }
}
